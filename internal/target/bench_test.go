package target_test

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/target"
)

// randomLines returns n prefixes of /16 to /32 outside the reserved space.
func randomLines(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b []byte
	for range n {
		a := netip.AddrFrom4([4]byte{byte(1 + rng.IntN(200)), byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32())})
		b = netip.PrefixFrom(a, 16+rng.IntN(17)).Masked().AppendTo(b)
		b = append(b, '\n')
	}
	return b
}

// list100k returns a list of 10⁵ prefixes, none of them large, so that few merge.
func list100k(tb testing.TB) *target.List {
	rng := rand.New(rand.NewPCG(1, 2))
	var in target.Lines
	var b []byte
	for range 100_000 {
		a := netip.AddrFrom4([4]byte{byte(1 + rng.IntN(223)), byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32())})
		b = netip.PrefixFrom(a, 20+rng.IntN(9)).Masked().AppendTo(b)
		b = append(b, '\n')
	}
	if err := in.Read("random", bytes.NewReader(b)); err != nil {
		tb.Fatal(err)
	}
	l, err := target.NewList(target.Config{Include: &in, Exclude: target.ReservedSet()})
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func order100k(tb testing.TB) (*target.Order, []probe.Addr) {
	o, err := list100k(tb).Order(target.OrderConfig{})
	if err != nil {
		tb.Fatal(err)
	}
	addrs := make([]probe.Addr, 1<<14)
	for i := range addrs {
		addrs[i] = o.At(uint64(i))
	}
	return o, addrs
}

func TestAllocations(t *testing.T) {
	o, addrs := order100k(t)
	l := list100k(t)
	i := 0
	if n := testing.AllocsPerRun(1000, func() {
		i++
		a := o.At(uint64(i))
		if pos, ok := o.PositionOf(a); !ok || pos != uint64(i) || !l.Contains(a) {
			t.Fatalf("PositionOf(%v) = %d, %v", a, pos, ok)
		}
		o.PositionOf(probe.Addr{byte(i)})
	}); n != 0 {
		t.Errorf("%v allocations for %d targets", n, len(addrs))
	}
}

func BenchmarkAt(b *testing.B) {
	o, _ := order100k(b)
	b.ReportAllocs()
	i := uint64(0)
	for b.Loop() {
		o.At(i)
		if i++; i == o.Len() {
			i = 0
		}
	}
}

func BenchmarkPositionOf(b *testing.B) {
	o, addrs := order100k(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		o.PositionOf(addrs[i&(len(addrs)-1)])
		i++
	}
}

func BenchmarkIndexOf(b *testing.B) {
	_, addrs := order100k(b)
	l := list100k(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		l.IndexOf(addrs[i&(len(addrs)-1)])
		i++
	}
}

func BenchmarkContains(b *testing.B) {
	_, addrs := order100k(b)
	l := list100k(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		l.Contains(addrs[i&(len(addrs)-1)])
		i++
	}
}

func BenchmarkWholeInternet(b *testing.B) {
	in := read(b, "0.0.0.0/0\n2000::/3")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := target.NewList(target.Config{Include: in, Exclude: target.ReservedSet()}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadMillion(b *testing.B) {
	lines := randomLines(1_000_000)
	b.ReportAllocs()
	b.SetBytes(int64(len(lines)))
	for b.Loop() {
		if err := new(target.Lines).Read("list", bytes.NewReader(lines)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNewListMillion indexes 10⁶ lines of single addresses.
func BenchmarkNewListMillion(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	var text []byte
	for range 1_000_000 {
		text = strconv.AppendUint(text, uint64(1+rng.IntN(200)), 10)
		for range 3 {
			text = strconv.AppendUint(append(text, '.'), uint64(rng.IntN(256)), 10)
		}
		text = append(text, '\n')
	}
	var in target.Lines
	if err := in.Read("list", bytes.NewReader(text)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := target.NewList(target.Config{Include: &in}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDigestMillion(b *testing.B) {
	var in target.Lines
	if err := in.Read("list", bytes.NewReader(randomLines(1_000_000))); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		in.Digest()
	}
}
