package window

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/probe"
)

// twoWindows is a window on demand, and one with all slots of the same probes, which must behave in
// the same way.
type twoWindows struct {
	*testing.T
	rand         *rand.Rand
	onDemand     *Window
	dense        *Window
	others, more Responders
	used         []Slot
	stopSets     [2]*StopSet
}

func newTwo(t *testing.T, seed uint64) *twoWindows {
	s := Shape{Targets: 3, FirstTTL: 2, LastTTL: 9, Flows: probe.BaseFlows, Attempts: 4, Unlinked: 50, ExtensionOctets: 64, OnDemand: 1 << 18}
	all := s
	all.Flows, all.OnDemand = probe.Flows, 0
	two := &twoWindows{T: t, rand: rand.New(rand.NewPCG(seed, 3)), onDemand: New(s), dense: New(all)}
	two.dense.witness = true
	two.onDemand.others, two.dense.others = &two.others, &two.more
	two.begin()
	return two
}

func (w *twoWindows) both() [2]*Window { return [2]*Window{w.onDemand, w.dense} }

func (w *twoWindows) begin() {
	w.used = w.used[:0]
	for i := range w.stopSets {
		w.stopSets[i] = NewStopSet(64)
	}
	w.others, w.more = Responders{}, Responders{}
	for i := range uint16(3) {
		target := hopOf(100+int(i), i == 1)
		w.onDemand.Append(target)
		w.dense.Append(target)
	}
}

// slot returns a slot, often one that was used before.
func (w *twoWindows) slot() Slot {
	if len(w.used) > 0 && w.rand.IntN(4) > 0 {
		return w.used[w.rand.IntN(len(w.used))]
	}
	k := randKey(w.rand, 3, 4)
	return Slot{Target: uint32(k.row), Flow: k.flow, TTL: uint8(2 + w.rand.IntN(8)), Attempt: uint8(k.attempt)}
}

// reply returns a reply to a slot: strong, weak in several ways, or garbled.
func (w *twoWindows) reply(s Slot) *probe.Reply {
	r := &probe.Reply{Facts: probe.Facts{
		Probe: probe.Probe{Target: w.dense.Target(int(s.Target)), Flow: s.Flow, TTL: s.TTL, Attempt: s.Attempt},
		Kind:  probe.KindTTLExceeded, Valid: probe.Strong, HasQuote: true, QuotedTTL: 1,
		Responder: hopOf(int(s.TTL)+w.rand.IntN(2), s.Target == 1), Stamp: int64(w.rand.IntN(1000)) + 1,
	}}
	switch w.rand.IntN(10) {
	case 0, 1:
		r.Valid = probe.Weak
	case 2:
		r.Valid, r.Mangled = probe.Weak, probe.MangledCsum
	case 3:
		r.Valid = probe.Garbled
	case 4:
		r.Kind, r.Responder = probe.KindPortUnreach, r.Target
	case 5:
		r.Kind, r.Responder, r.HasQuote, r.Valid = probe.KindUDPReply, r.Target, false, probe.Weak
	}
	if w.rand.IntN(5) == 0 {
		r.Ext = []byte{1, 2, 3, 4}
	}
	return r
}

// match matches a reply as the matcher does.
func match(w *Window, target uint32, r *probe.Reply, stopSet *StopSet) Outcome {
	switch {
	case r.Valid == probe.Garbled:
		w.Learn(target, &r.Facts, nil)
	case !r.HasHop():
		if w.Touched(target, r.Flow) {
			w.Learn(target, &r.Facts, stopSet)
			return Outcome{Overflow: !w.Keep(target, r, Hopless)}
		}
	default:
		out := w.Answer(Slot{Target: target, Flow: r.Flow, TTL: r.TTL, Attempt: r.Attempt}, r)
		switch {
		case out.Unsent && r.OneTag():
			w.Miss(target, &r.Facts)
		case !out.Unsent && out.Role == First:
			w.Learn(target, &r.Facts, stopSet)
		}
		return out
	}
	return Outcome{}
}

func (w *twoWindows) step() {
	s := w.slot()
	if w.rand.IntN(2) == 0 {
		stamp := int64(w.rand.IntN(1000)) - 7
		for _, x := range w.both() {
			if stamp != 0 && !x.Reserve(s) {
				w.Fatalf("no room for %+v", s)
			}
			x.Stamp(s, stamp)
		}
		w.used = append(w.used, s)
		return
	}
	r := w.reply(s)
	if a, b := match(w.onDemand, s.Target, r, w.stopSets[0]), match(w.dense, s.Target, r, w.stopSets[1]); a != b {
		w.Fatalf("%+v: %+v, want %+v", r.Facts, a, b)
	}
}

// check compares all that can be read of the windows.
func (w *twoWindows) check() {
	w.Helper()
	a, b := w.onDemand, w.dense
	for range 200 {
		s := w.slot()
		e, standing := a.Best(s)
		f, want := b.Best(s)
		if a.Sent(s) != b.Sent(s) || standing != want || (e == nil) != (f == nil) || e != nil && *e != *f ||
			a.From(s) != b.From(s) || a.Answered(s) != b.Answered(s) || (a.Reply(s) == nil) != (b.Reply(s) == nil) {
			w.Fatalf("%+v: %d, %+v %d, want %d, %+v %d", s, a.Sent(s), e, standing, b.Sent(s), f, want)
		}
		t, n := s.Target, s.Flow
		if _, used := w.find(t, n); a.Touched(t, n) != b.Touched(t, n) || a.CountPath(t, n) != b.CountPath(t, n) ||
			used && (a.State(t, n) != b.State(t, n) || a.Contested(t, n) != b.Contested(t, n)) {
			w.Fatalf("path %d/%d: %#x, want %#x", t, n, a.State(t, n), b.State(t, n))
		}
	}
	if a.CountSent() != b.CountSent() {
		w.Fatalf("%d probes sent, want %d", a.CountSent(), b.CountSent())
	}
	for target := range uint32(3) {
		checkSame(w.T, a.Probes(target), b.Probes(target))
		if x, y := slices.Collect(a.Flows(target)), slices.Collect(b.Flows(target)); !slices.Equal(x, y) {
			w.Fatalf("flows %v, want %v", x, y)
		}
	}
}

// find returns a used slot of a path.
func (w *twoWindows) find(target uint32, flow uint16) (Slot, bool) {
	for _, s := range w.used {
		if s.Target == target && s.Flow == flow {
			return s, true
		}
	}
	return Slot{}, false
}

// checkSame compares the probes of a target.
func checkSame(t *testing.T, got, want iter.Seq2[Slot, Sent]) {
	t.Helper()
	next, stop := iter.Pull2(got)
	defer stop()
	for s, x := range want {
		g, y, ok := next()
		if !ok || g != s || x.Stamp != y.Stamp || x.Standing != y.Standing || (x.Best == nil) != (y.Best == nil) || x.Best != nil && *x.Best != *y.Best {
			t.Fatalf("probe %+v %+v, want %+v %+v", g, y, s, x)
		}
	}
	if s, _, ok := next(); ok {
		t.Fatalf("further probe %+v", s)
	}
}

// A window on demand behaves as one with all slots, also after it was used before. Only guesses for
// flows without a probe differ: no reply to them can be valid.
func TestOnDemandModel(t *testing.T) {
	for seed := range uint64(effort.Count(2, 100)) {
		w := newTwo(t, seed)
		for range 2 {
			for range 6 {
				for range 250 {
					w.step()
				}
				w.check()
			}
			for _, x := range w.both() {
				x.Settle()
			}
			w.check()
			for _, x := range w.both() {
				x.Reset()
			}
			w.begin()
			w.check()
		}
	}
}

// Readers see each stamp as soon as the sender has stored that it exists, while the sender
// allocates. Two senders allocate in their own targets at once.
func TestOnDemandConcurrent(t *testing.T) {
	s := Shape{Targets: 2, FirstTTL: 1, LastTTL: 8, Flows: probe.BaseFlows, Attempts: 4, OnDemand: 1 << 18}
	w := New(s)
	var slots [2][]Slot
	r := rand.New(rand.NewPCG(5, 6))
	for target := range uint32(2) {
		w.Append(hopOf(int(target), false))
		for range 700 {
			k := randKey(r, 1, 4)
			slots[target] = append(slots[target], Slot{Target: target, Flow: k.flow, TTL: uint8(1 + r.IntN(8)), Attempt: uint8(k.attempt)})
		}
	}
	var stamped [2]atomic.Int64
	var all sync.WaitGroup
	for target := range uint32(2) {
		all.Go(func() {
			for i, s := range slots[target] {
				if !w.Reserve(s) {
					t.Errorf("no room for number %d", i)
				}
				w.Stamp(s, 5)
				stamped[target].Store(int64(i + 1))
			}
		})
		all.Go(func() {
			for n := int64(0); n < int64(len(slots[target])); {
				n = stamped[target].Load()
				for _, s := range slots[target][max(n-20, 0):n] {
					if w.Sent(s) != 5 || !w.Touched(s.Target, s.Flow) || w.State(s.Target, s.Flow) != 0 {
						t.Errorf("%+v was stamped: %d", s, w.Sent(s))
					}
				}
				for s, sent := range w.Probes(target) {
					if s.Target != target || sent.Stamp != 5 {
						t.Errorf("%+v: %+v", s, sent)
					}
				}
			}
		})
	}
	all.Wait()
}

// scanMemory is the memory that a scan may use for windows, if nothing else is asked for.
const scanMemory = 512 << 20

// 10,000 targets have room in the default memory of a scan, if 5 % of them have a balancer of 16
// branches. The window takes no more memory than its shape states.
func TestOnDemandMemory(t *testing.T) {
	const targets = 10_000
	s := Shape{Targets: targets, FirstTTL: 1, LastTTL: 32, Flows: probe.BaseFlows, Attempts: 4, OnDemand: 208}
	bound := s.OctetsPerTarget()*targets + s.SharedOctets()
	if bound > scanMemory {
		t.Errorf("%d targets take up to %d octets each, %d in all", targets, s.OctetsPerTarget(), bound)
	}
	w := New(s)
	probes := 0
	send := func(slot Slot) {
		if !w.Reserve(slot) {
			t.Fatalf("no room for %+v after %d probes", slot, probes)
		}
		w.Stamp(slot, 1)
		probes++
	}
	for target := range uint32(targets) {
		w.Append(hopOf(1, false))
		for ttl := uint8(1); ttl <= 13; ttl++ {
			flows := uint16(6)
			if target%20 == 0 && ttl > 5 && ttl < 10 {
				flows = 96 // n(16)
			}
			for flow := range flows {
				send(Slot{Target: target, Flow: flow, TTL: ttl})
			}
			if ttl%4 == 0 { // silent hops
				for flow := range uint16(6) {
					send(Slot{Target: target, Flow: flow, TTL: ttl, Attempt: 1})
				}
			}
		}
	}
	t.Logf("%d probes in %d slots and %d paths; at most %d octets", probes, w.pages.tree.cellsUsed(), w.pages.paths.cellsUsed(), bound)
	if got := w.octets() + s.slots()*EntryOctets*(spare+1)/spare; got > bound+bound/100 {
		t.Errorf("the window takes %d octets, the shape states %d", got, bound)
	}
}

// octets returns the memory of w without entries.
func (w *Window) octets() int {
	p := w.pages
	n := 8*len(w.states) + cap(w.paths)*(int(unsafe.Sizeof(path{})+unsafe.Sizeof(known{}))) + slotOctets*len(p.slots) + 16*cap(w.targets)
	for _, t := range []*tree{p.tree, p.paths} {
		n += 4*len(t.words) + rowOctets*t.rows*len(t.lanes)
	}
	return n
}

// If there is no room, Reserve returns false, a stamp is lost, and its replies are unsent. Slots that
// have room work on.
func TestOnDemandFull(t *testing.T) {
	w := New(Shape{Targets: 1, FirstTTL: 1, LastTTL: 30, Flows: probe.BaseFlows, Attempts: 1, OnDemand: 8})
	w.Append(hopOf(1, false))
	full := Slot{Flow: 600}
	for full.TTL = 1; w.Reserve(full); full.TTL++ {
		w.Stamp(full, 1)
	}
	if full.TTL < 5 {
		t.Errorf("full at TTL %d", full.TTL)
	}
	w.Stamp(full, 1)
	r := probe.Reply{Facts: probe.Facts{Probe: probe.Probe{Flow: full.Flow, TTL: full.TTL}, Valid: probe.Strong}}
	if out := w.Answer(full, &r); !out.Unsent || w.Sent(full) != 0 {
		t.Errorf("%+v, stamp %d", out, w.Sent(full))
	}
	s := Slot{Flow: 601, TTL: 1}
	if w.Stamp(s, 2); !w.Reserve(s) || w.Sent(s) != 2 {
		t.Error("there is no room beside an earlier probe")
	}
	w.Reset()
	w.Append(hopOf(1, false))
	if !w.Reserve(full) {
		t.Error("there is no room after a reset")
	}
}

func TestOnDemandAllocs(t *testing.T) {
	w := New(Shape{Targets: 64, FirstTTL: 1, LastTTL: 32, Flows: probe.BaseFlows, Attempts: 4, OnDemand: 1000})
	fill := func() {
		for target := range uint32(64) {
			w.Append(hopOf(int(target), false))
			for flow := range uint16(40) {
				s := Slot{Target: target, Flow: flow, TTL: uint8(1 + flow%32), Attempt: uint8(flow % 4)}
				w.Reserve(s)
				w.Stamp(s, 1)
				r := probe.Reply{Facts: probe.Facts{
					Probe: probe.Probe{Target: w.Target(int(target)), Flow: flow, TTL: s.TTL, Attempt: s.Attempt},
					Kind:  probe.KindTTLExceeded, Valid: probe.Weak, HasQuote: true, Responder: hopOf(9, false),
				}}
				match(w, target, &r, nil)
			}
			n := 0
			for range w.Probes(target) {
				n++
			}
			for range w.Flows(target) {
				n++
			}
			if n != 80 {
				t.Errorf("%d probes and flows", n)
			}
		}
		w.Settle()
		w.Reset()
	}
	fill()
	if n := testing.AllocsPerRun(3, fill); n != 0 {
		t.Errorf("%v allocations for a window", n)
	}
}

// spread fills a window on demand with one probe of each (target, TTL, flow). at returns the i-th
// slot, in an order in which a schedule may visit them.
func spread(targets, ttls, flows int) (w *Window, at func(i uint32) Slot) {
	w = New(Shape{Targets: targets, FirstTTL: 1, LastTTL: uint8(ttls), Flows: probe.BaseFlows, Attempts: 4, OnDemand: 2 * ttls * flows})
	at = func(i uint32) Slot {
		x := i * 2654435761
		return Slot{Target: x % uint32(targets), TTL: 1 + uint8(x>>16)%uint8(ttls), Flow: uint16(x>>24) % uint16(flows)}
	}
	for target := range uint32(targets) {
		w.Append(hopOf(1, false))
		for ttl := range uint8(ttls) {
			for flow := range uint16(flows) {
				w.Stamp(Slot{Target: target, TTL: 1 + ttl, Flow: flow}, 1)
			}
		}
	}
	return w, at
}

func BenchmarkOnDemand(b *testing.B) {
	for _, flows := range []int{6, 96} {
		w, at := spread(2000, 12, flows)
		b.Run(fmt.Sprintf("stamp/%d flows", flows), func(b *testing.B) {
			b.ReportAllocs()
			for i := uint32(0); b.Loop(); i++ {
				s := at(i)
				if w.Reserve(s) {
					w.Stamp(s, int64(i))
				}
			}
		})
		b.Run(fmt.Sprintf("state/%d flows", flows), func(b *testing.B) {
			b.ReportAllocs()
			for i := uint32(0); b.Loop(); i++ {
				s := at(i)
				w.State(s.Target, s.Flow)
			}
		})
		b.Run(fmt.Sprintf("probes of a target/%d flows", flows), func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for i := uint32(0); b.Loop(); i++ {
				for range w.Probes(i % 2000) {
					n++
				}
			}
			b.ReportMetric(float64(n)/float64(b.N), "probes")
		})
	}
}
