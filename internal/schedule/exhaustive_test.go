package schedule

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/window"
)

// No router and no target sees a burst. Over a window of a thousand targets, 64 probes in a row
// hold no target more than a few times. They hold no TTL much more often than by chance.
func TestExhaustiveSpread(t *testing.T) {
	const targets, ttls, in = 1000, 32, 64
	s := &sim{
		T: t, rng: rand.New(rand.NewPCG(1, 1)), batch: in, perNS: 1e4,
		cfg: Config{
			Shape: window.Shape{Targets: targets, FirstTTL: 1, LastTTL: ttls, Flows: 1, Attempts: 1},
			Wait:  10 * time.Millisecond,
		},
		targets: make([]habit, targets),
	}
	s.run()
	s.check()
	if len(s.order) != targets*ttls {
		t.Fatalf("%d probes, want %d", len(s.order), targets*ttls)
	}
	perTarget, perTTL := make([]int, targets), make([]int, ttls+1)
	mostTarget, mostTTL := 0, 0
	for i, slot := range s.order {
		perTarget[slot.Target]++
		perTTL[slot.TTL]++
		if i >= in {
			perTarget[s.order[i-in].Target]--
			perTTL[s.order[i-in].TTL]--
		}
		mostTarget, mostTTL = max(mostTarget, perTarget[slot.Target]), max(mostTTL, perTTL[slot.TTL])
	}
	if mostTarget > 5 || mostTTL > 15 {
		t.Errorf("of %d probes in a row, up to %d went to one target and %d had one TTL", in, mostTarget, mostTTL)
	}
}

// While a window waits for its replies, the next ones are sent: with windows
// longer than a fourth of the wait the link never idles.
func TestExhaustiveFillsTheWait(t *testing.T) {
	s := &sim{
		T: t, rng: rand.New(rand.NewPCG(2, 2)), batch: 16, perNS: 1e5,
		cfg: Config{
			Shape: window.Shape{Targets: 30, FirstTTL: 1, LastTTL: 10, Flows: 1, Attempts: 1},
			Wait:  50 * time.Millisecond, // a window takes 30 ms
		},
		targets: make([]habit, 30*40),
	}
	s.run()
	s.check()
	busy := int64(len(s.sent)) * s.perNS
	if took := s.now - 1e18; float64(took) > 1.1*float64(busy)+2*float64(s.cfg.Wait) {
		t.Errorf("took %v for %v of sending", time.Duration(took), time.Duration(busy))
	}
}

// One target, one TTL: one probe, and one more for each further attempt.
func TestExhaustiveOneProbe(t *testing.T) {
	for attempts := 1; attempts <= 4; attempts++ {
		s := &sim{
			T: t, rng: rand.New(rand.NewPCG(3, 3)), batch: 1, perNS: 1,
			cfg: Config{
				Shape: window.Shape{Targets: 64, FirstTTL: 7, LastTTL: 7, Flows: 1, Attempts: attempts},
				Wait:  time.Second,
			},
			targets: make([]habit, 1),
		}
		s.run()
		s.check()
		if len(s.sent) != attempts {
			t.Errorf("%d probes, want %d", len(s.sent), attempts)
		}
		if took := time.Duration(s.now - 1e18); took < time.Duration(attempts)*time.Second ||
			took > time.Duration(attempts)*time.Second+100*time.Millisecond {
			t.Errorf("%d attempts took %v", attempts, took)
		}
	}
}

// Stopped before the first call, every window that was opened is closed and
// nothing is sent; without any window, Done comes at once.
func TestExhaustiveHaltAtOnce(t *testing.T) {
	shape := window.Shape{Targets: 3, FirstTTL: 1, LastTTL: 5, Flows: 1, Attempts: 2}
	for windows := range window.Live + 1 {
		set, ready := window.NewSet(shape), make(chan *window.Window, window.Live)
		e := NewExhaustive(Config{Shape: shape, Wait: time.Second, Ready: ready, Set: set})
		for id := range uint64(windows) {
			w := window.New(shape)
			w.Open(id)
			w.Append(addrOf(int(id)))
			set.Put(w)
			ready <- w
		}
		e.Halt()
		items := make([]window.Item, 8)
		if n, next := e.Next(items, 1e18); n != 0 || next != 1e18+poll {
			t.Errorf("%d windows: Next = %d, %d; the opener may bring more", windows, n, next)
		}
		close(ready)
		if n, next := e.Next(items, 1e18); n != 0 || next != Done {
			t.Errorf("%d windows: Next = %d, %d; want Done", windows, n, next)
		}
		for w := range set.All {
			if w.Deadline() == 0 || !w.Halted() {
				t.Errorf("window %d: deadline %d, halted %t", w.ID, w.Deadline(), w.Halted())
			}
		}
	}
}

// Asking costs nothing but the time to look: no allocation, also where passes
// find nearly everything answered.
func TestExhaustiveAllocs(t *testing.T) {
	shape := window.Shape{Targets: 1000, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1}
	set, ready := window.NewSet(shape), make(chan *window.Window, 1)
	e := NewExhaustive(Config{Shape: shape, Wait: time.Second, Ready: ready, Set: set})
	w := fullWindow(shape, set)
	ready <- w
	items := make([]window.Item, 16)
	now := int64(1e18)
	if n := testing.AllocsPerRun(1000, func() {
		now += 1e4
		n, _ := e.Next(items, now)
		for _, item := range items[:n] {
			item.Window.Stamp(item.Slot, now)
		}
	}); n != 0 {
		t.Errorf("%v allocations per call", n)
	}
}

func fullWindow(shape window.Shape, set *window.Set) *window.Window {
	w := window.New(shape)
	w.Open(0)
	for i := range shape.Targets {
		w.Append(addrOf(i))
	}
	set.Put(w)
	w.Stamp(window.Slot{TTL: shape.FirstTTL}, 0) // the plane
	return w
}

func BenchmarkExhaustive(b *testing.B) {
	shape := window.Shape{Targets: 50_000, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1}
	set := window.NewSet(shape)
	w := fullWindow(shape, set)
	items := make([]window.Item, 64)
	var e *Exhaustive
	b.ReportAllocs()
	for n := 0; b.Loop(); {
		if n == 0 {
			ready := make(chan *window.Window, 1)
			ready <- w
			e = NewExhaustive(Config{Shape: shape, Wait: time.Second, Ready: ready, Set: set})
			n = shape.Targets * shape.TTLs()
		}
		n--
		if n%64 == 63 {
			e.Next(items, 1e18)
		}
	}
}

// Of several parts, exactly one sends each probe, in any order of the parts. The window is over
// after the last part is done.
func TestExhaustiveParts(t *testing.T) {
	const parts = 3
	shape := window.Shape{Targets: 10, FirstTTL: 2, LastTTL: 6, Flows: 2, Attempts: 2}
	set, wait := window.NewSet(shape), 10*time.Millisecond
	w := window.New(shape)
	w.Open(0)
	w.Share(parts)
	for i := range shape.Targets {
		w.Append(addrOf(i))
	}
	set.Put(w)
	var strategies []*Exhaustive
	for i := range parts {
		ready := make(chan *window.Window, 1)
		ready <- w
		close(ready)
		strategies = append(strategies, NewExhaustive(Config{
			Shape: shape, Part: Part{i, parts}, Wait: wait, Ready: ready, Set: set,
		}))
	}
	rng, now, last := rand.New(rand.NewPCG(4, 4)), int64(1e18), int64(0)
	handed := map[window.Slot]bool{}
	items := make([]window.Item, 4)
	for len(strategies) > 0 {
		if w.Deadline() != 0 {
			t.Fatalf("closed with %d parts to come", len(strategies))
		}
		i := rng.IntN(len(strategies))
		n, next := strategies[i].Next(items[:1+rng.IntN(4)], now)
		for _, item := range items[:n] {
			if handed[item.Slot] || !strategies[i].cfg.Part.Has(item.Target) {
				t.Fatalf("part %d hands out %+v", i, item.Slot)
			}
			handed[item.Slot], last = true, now
			w.Stamp(item.Slot, now)
		}
		if next == Done && n == 0 {
			strategies = append(strategies[:i], strategies[i+1:]...)
		}
		now += 1e5
		set.SetMatched(now)
	}
	if want := 10 * 5 * 2 * 2; len(handed) != want {
		t.Errorf("%d probes, want %d", len(handed), want)
	}
	if d := w.Deadline(); d < last+int64(wait) || d > now+int64(wait) || w.Halted() {
		t.Errorf("deadline %d, the last probe left at %d; halted %t", d, last, w.Halted())
	}
}
