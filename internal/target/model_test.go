package target_test

import (
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/permute"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/target"
)

// A world has 64 addresses, so that a set of them is the bits of a word. It is the slow, obvious
// model with which the index is compared.
type world struct {
	base    netip.Addr
	bits    int // prefix length of the whole
	addrs   [64]netip.Addr
	outside []netip.Addr
}

func newWorld(base string) *world {
	w := &world{base: netip.MustParseAddr(base)}
	w.bits = w.base.BitLen() - 6
	a := w.base
	for i := range w.addrs {
		w.addrs[i] = a
		a = a.Next()
	}
	w.outside = []netip.Addr{a, netip.MustParseAddr("9.9.9.9"), netip.MustParseAddr("2620::9"), netip.MustParseAddr("::1")}
	if prev := w.base.Prev(); prev.IsValid() {
		w.outside = append(w.outside, prev)
	}
	return w
}

var worlds = []*world{
	newWorld("10.1.2.64"), newWorld("0.0.0.0"), newWorld("255.255.255.192"),
	newWorld("2a00::40"), newWorld("2a00:0:0:0:ffff:ffff:ffff:ffc0"), newWorld("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffc0"),
}

// lines makes random lines, and the sets that they define.
func (w *world) lines(rng *rand.Rand, most int) (texts []string, set, singles uint64) {
	for range rng.IntN(most + 1) {
		i := rng.IntN(64)
		switch rng.IntN(4) {
		case 0:
			texts = append(texts, w.addrs[i].String())
			set, singles = set|1<<i, singles|1<<i
		case 1:
			j := i + rng.IntN(64-i)
			texts = append(texts, w.addrs[i].String()+"-"+w.addrs[j].String())
			set |= ^uint64(0) >> (63 - (j - i)) << i
			if i == j {
				singles |= 1 << i
			}
		default:
			free := rng.IntN(7)
			texts = append(texts, w.addrs[i].String()+"/"+strconv.Itoa(w.bits+6-free))
			set |= ^uint64(0) >> (64 - 1<<free) << (i >> free << free)
			if free == 0 {
				singles |= 1 << i
			}
		}
	}
	return texts, set, singles
}

// check makes a random list and compares it, its shards and its checks with the model.
func (w *world) check(t *testing.T, seed1, seed2 uint64) {
	rng := rand.New(rand.NewPCG(seed1, seed2))
	inText, include, singles := w.lines(rng, 7)
	outText, exclude, _ := w.lines(rng, 4)
	remaining := include &^ exclude
	singles &^= exclude
	free := rng.IntN(7) // number of a granule's bits
	if rng.IntN(20) == 0 {
		free = w.base.BitLen() - 1 - rng.IntN(8)
	}
	per := 1 + rng.IntN(3)
	if rng.IntN(4) == 0 {
		per = 1 + rng.IntN(70)
	}
	granularity := w.base.BitLen() - free
	in, out := read(t, strings.Join(inText, "\n")), read(t, strings.Join(outText, "\n"))
	c := target.Config{Include: in, Exclude: out.Set(), PerPrefix: uint64(per), Seed: permute.Key{byte(seed1), byte(seed2)}}
	if w.base.Is4() {
		c.Granularity4 = granularity
	} else {
		c.Granularity6 = granularity
	}
	l, err := target.NewList(c)
	if err != nil {
		t.Fatal(err)
	}
	fail := func(format string, args ...any) {
		t.Helper()
		t.Logf("world %v, seeds %d %d: include %v exclude %v granularity %d per prefix %d",
			w.base, seed1, seed2, inText, outText, granularity, per)
		t.Fatalf(format, args...)
	}

	var targets uint64
	next := uint64(0) // number of the next target
	for from := 0; from < 64; {
		in64 := ^uint64(0)
		width := 64
		if free < 6 {
			width = 1 << free
			in64 = 1<<width - 1
		}
		in64 <<= from
		left, alone := remaining&in64, singles&in64
		want := max(bits.OnesCount64(alone), min(per, bits.OnesCount64(left)))
		var got uint64
		for k := range want {
			if next >= l.Len() {
				fail("%d targets, more expected", l.Len())
			}
			a := l.At(next)
			i := offset(w, a)
			if i < 0 || left>>i&1 == 0 {
				fail("At(%d) = %v, which was not asked for", next, a)
			}
			if got>>i&1 != 0 {
				fail("At(%d) = %v, for the second time", next, a)
			}
			wholly := per >= 1<<min(free, 8) // then no address is single
			if !wholly && k < bits.OnesCount64(alone) && (alone>>i&1 == 0 || got>>i != 0) {
				fail("At(%d) = %v; singles come first, in order", next, a)
			}
			got |= 1 << i
			if n, ok := l.IndexOf(a); !ok || n != next {
				fail("IndexOf(At(%d)) = %d, %v", next, n, ok)
			}
			next++
		}
		if free <= 6 {
			edges := (uint64(1)<<from | uint64(1)<<(from+width-1)) &^ alone
			if inner := left &^ edges &^ got; got&edges != 0 && inner != 0 {
				fail("an edge was chosen before other addresses: %#x of %#x", got, left)
			}
		}
		targets |= got
		from += width
	}
	if l.Len() != next {
		fail("%d targets, want %d", l.Len(), next)
	}
	for i, na := range w.addrs {
		a := probe.AddrFrom(na)
		if _, ok := l.IndexOf(a); ok != (targets>>i&1 == 1) {
			fail("IndexOf(%v) = %v", a, ok)
		}
		if l.Contains(a) != (remaining>>i&1 == 1) || in.Set().Contains(a) != (include>>i&1 == 1) {
			fail("Contains(%v) = %v", a, l.Contains(a))
		}
	}
	for _, na := range w.outside {
		a := probe.AddrFrom(na)
		if _, ok := l.IndexOf(a); ok || l.Contains(a) {
			fail("foreign %v is found", a)
		}
	}
	w.checkShards(rng, l, targets, fail)
}

// checkShards draws a number of shards and a limit, and checks the shards.
func (w *world) checkShards(rng *rand.Rand, l *target.List, targets uint64, fail func(string, ...any)) {
	shards, most := uint64(1+rng.IntN(4)), uint64(rng.IntN(20))
	limit := l.Len()
	if most != 0 {
		limit = min(limit, most)
	}
	var met uint64
	for s := range shards {
		o, err := l.Order(target.OrderConfig{Shard: s, Shards: shards, MaxTargets: most})
		if err != nil {
			fail("%v", err)
		}
		if want := (limit + shards - 1 - s) / shards; o.Len() != want {
			fail("shard %d of %d has %d targets of %d, want %d", s, shards, o.Len(), limit, want)
		}
		var mine uint64
		for pos := range o.Len() {
			a := o.At(pos)
			i := offset(w, a)
			if i < 0 || targets>>i&1 == 0 || met>>i&1 == 1 {
				fail("shard %d of %d: At(%d) = %v, no target or met before", s, shards, pos, a)
			}
			met, mine = met|1<<i, mine|1<<i
			if p, ok := o.PositionOf(a); !ok || p != pos {
				fail("shard %d of %d: PositionOf(At(%d)) = %d, %v", s, shards, pos, p, ok)
			}
		}
		for i, a := range w.addrs {
			if _, ok := o.PositionOf(probe.AddrFrom(a)); ok != (mine>>i&1 == 1) {
				fail("shard %d of %d: PositionOf(%v) = %v", s, shards, a, ok)
			}
		}
	}
	if uint64(bits.OnesCount64(met)) != limit {
		fail("%d shards have %d targets, want %d", shards, bits.OnesCount64(met), limit)
	}
}

// offset returns the offset of a in w, or −1.
func offset(w *world, a probe.Addr) int {
	last := probe.AddrFrom(w.base)
	i := int(a[15]) - int(last[15])
	a[15] = last[15]
	if a != last || i < 0 || i > 63 {
		return -1
	}
	return i
}

// TestModel tries random includes, excludes and settings: MASSTRACE_SOAK=1
// raises their number to 10⁷.
func TestModel(t *testing.T) {
	count := uint64(effort.Count(40_000, 10_000_000))
	workers := uint64(runtime.GOMAXPROCS(0))
	for first := range workers {
		t.Run(strconv.FormatUint(first, 10), func(t *testing.T) {
			t.Parallel()
			for i := first; i < count; i += workers {
				worlds[i%uint64(len(worlds))].check(t, 1, i)
			}
		})
	}
}

func FuzzModel(f *testing.F) {
	f.Add(uint8(0), uint64(1), uint64(2))
	f.Add(uint8(5), uint64(3), uint64(4))
	f.Fuzz(func(t *testing.T, n uint8, seed1, seed2 uint64) {
		worlds[int(n)%len(worlds)].check(t, seed1, seed2)
	})
}
