package schedule

import (
	"math/bits"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// strategies are those that Adaptive can have, by name.
var strategies = map[string]func(StrategyConfig) Strategy{
	"complete": func(c StrategyConfig) Strategy { return NewComplete(c) },
	"topology": func(c StrategyConfig) Strategy { return NewTopology(c) },
	"example":  func(StrategyConfig) Strategy { return LastHop{} },
}

// strategy makes a sim run one.
func (s *sim) strategy(name string, c StrategyConfig) {
	if name == "topology" {
		s.known = window.NewStopSet(1 << 12)
	}
	s.start = func(cfg Config) Schedule { return NewAdaptive(cfg, strategies[name](c)) }
}

// TestAdaptive traces random targets that answer well, badly or never, with every strategy. Every
// (target, TTL, flow) must be decided. sim checks all the rest. No probe is sent twice, none is
// sent outside the range or above a known end, and attempts are made only when they are due.
func TestAdaptive(t *testing.T) {
	for name := range strategies {
		for seed := range uint64(30) {
			rng := rand.New(rand.NewPCG(seed, 8))
			first := uint8(1 + rng.IntN(3))
			s := &sim{
				T: t, rng: rng, batch: 1 + rng.IntN(64),
				cfg: Config{
					Shape: window.Shape{
						Targets: 1 + rng.IntN(20), FirstTTL: first, LastTTL: first + uint8(rng.IntN(30)),
						Flows: 1 + rng.IntN(3), Attempts: 1 + rng.IntN(probe.MaxAttempts),
					},
					Wait: time.Duration(1+rng.IntN(1000)) * time.Millisecond,
				},
				perNS: 1 + rng.Int64N(1e5), lag: rng.Int64N(50e6),
			}
			for range 1 + rng.IntN(200) {
				s.targets = append(s.targets, randomHabit(rng))
			}
			if seed%3 == 0 {
				s.haltAt = 1 + rng.Int64N(400e6)
			}
			s.strategy(name, StrategyConfig{GapLimit: 1 + rng.IntN(6), Overlap: 1 + rng.IntN(4), Distances: NewDistances(64)})
			s.run()
			if len(s.done) != s.opened {
				t.Errorf("%d windows of %d are done", len(s.done), s.opened)
			}
			all := uint64(len(s.targets) * s.cfg.Shape.TTLs() * s.cfg.Shape.Flows)
			if s.haltAt == 0 && s.e.Decided() != all {
				t.Errorf("%d (target, TTL, flow) decided, want %d", s.e.Decided(), all)
			}
			for _, r := range s.done {
				if r.halted && s.haltAt == 0 {
					t.Errorf("window %d is halted, and nobody halted it", r.id)
				}
			}
			if t.Failed() {
				t.Fatalf("%s, seed %d: %+v", name, seed, s.cfg)
			}
		}
	}
}

// Senders part the targets: each has its own, and together they have all.
func TestAdaptiveParts(t *testing.T) {
	shape := window.Shape{Targets: 10, FirstTTL: 1, LastTTL: 8, Flows: 2, Attempts: 1}
	seen := map[window.Slot]int{}
	for index := range 3 {
		set, ready := window.NewSet(shape), make(chan *window.Window, 1)
		a := NewAdaptive(Config{
			Shape: shape, Wait: time.Millisecond, Ready: ready, Set: set, Part: Part{index, 3},
		}, NewComplete(StrategyConfig{GapLimit: 30, Distances: NewDistances(1)}))
		w := fullWindow(shape, set)
		ready <- w
		close(ready)
		items := make([]window.Item, 16)
		for now := int64(1e18); ; now += 1e6 {
			n, next := a.Next(items, now)
			for _, item := range items[:n] {
				item.Window.Stamp(item.Slot, now)
				seen[item.Slot]++
				if int(item.Target)%3 != index {
					t.Fatalf("part %d has target %d", index, item.Target)
				}
			}
			set.SetMatched(now)
			if next == Done {
				break
			}
		}
	}
	if want := shape.Targets * shape.TTLs() * shape.Flows; len(seen) != want {
		t.Errorf("%d slots, want %d", len(seen), want)
	}
	for slot, n := range seen {
		if n != 1 {
			t.Errorf("%+v was sent %d times", slot, n)
		}
	}
}

// No router and no target sees a burst. Of 64 probes in a row, few have one of the low TTLs,
// whose routers all paths share. No two of them have the same target.
func TestAdaptiveSpread(t *testing.T) {
	const targets, in = 1000, 64
	s := &sim{
		T: t, rng: rand.New(rand.NewPCG(1, 1)), batch: in, perNS: 1e5,
		cfg: Config{
			Shape: window.Shape{Targets: targets, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1},
			Wait:  10 * time.Millisecond,
		},
		targets: make([]habit, targets),
	}
	for i := range s.targets {
		s.targets[i] = habit{distance: 15, router: 1, answer: 1, quote: trueQuote}
	}
	s.strategy("complete", StrategyConfig{GapLimit: 5, Distances: NewDistances(64)})
	s.run()
	perTTL, mostTTL := make([]int, 33), 0
	last := map[uint32]int{}
	for i, slot := range s.order {
		if at, ok := last[slot.Target]; ok && i-at < in {
			t.Fatalf("target %d at %d and %d", slot.Target, at, i)
		}
		last[slot.Target] = i
		perTTL[slot.TTL]++
		if i >= in {
			perTTL[s.order[i-in].TTL]--
		}
		mostTTL = max(mostTTL, perTTL[1], perTTL[2], perTTL[3])
	}
	if mostTTL > 20 {
		t.Errorf("of %d probes in a row, up to %d had one low TTL", in, mostTTL)
	}
	if want := 15 * targets; len(s.order) < want || len(s.order) > want+targets {
		t.Errorf("%d probes for paths of %d hops", len(s.order), want)
	}
}

// Asking costs nothing but the time to look.
func TestAdaptiveAllocs(t *testing.T) {
	shape := window.Shape{Targets: 1000, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1}
	set, ready := window.NewSet(shape), make(chan *window.Window, 1)
	a := NewAdaptive(Config{Shape: shape, Wait: time.Second, Ready: ready, Set: set},
		NewComplete(StrategyConfig{GapLimit: 5, Distances: NewDistances(64)}))
	ready <- fullWindow(shape, set)
	items := make([]window.Item, 16)
	now := int64(1e18)
	if n := testing.AllocsPerRun(1000, func() {
		now += 1e4
		n, _ := a.Next(items, now)
		for _, item := range items[:n] {
			item.Window.Stamp(item.Slot, now)
		}
	}); n != 0 {
		t.Errorf("%v allocations per call", n)
	}
}

// One probe asked for, as BenchmarkExhaustive has it: paths of 15 hops that answer.
func BenchmarkComplete(b *testing.B) {
	shape := window.Shape{Targets: 50_000, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1}
	set := window.NewSet(shape)
	w := window.New(shape)
	items := make([]window.Item, 64)
	near := NewDistances(1 << 18)
	var a *Adaptive
	now := int64(1e18)
	b.ReportAllocs()
	for n := 0; b.Loop(); n-- {
		if n <= 0 {
			b.StopTimer()
			set.Remove(w)
			w.Reset()
			w.Open(0)
			for i := range shape.Targets {
				w.Append(addrOf(i))
			}
			set.Put(w)
			ready := make(chan *window.Window, 1)
			ready <- w
			a = NewAdaptive(Config{Shape: shape, Wait: time.Second, Ready: ready, Set: set},
				NewComplete(StrategyConfig{GapLimit: 5, Distances: near}))
			n = shape.Targets * 14
			b.StartTimer()
		}
		if n%64 != 0 {
			continue
		}
		now += 64e3
		k, _ := a.Next(items, now)
		for _, item := range items[:k] {
			w.Stamp(item.Slot, now)
			if item.TTL > 14 {
				f := probe.Facts{Kind: probe.KindPortUnreach, QuotedTTL: item.TTL - 14}
				f.TTL = item.TTL
				w.Learn(item.Target, &f, nil)
			}
		}
	}
}

// needed is the reference for Complete, slow and obvious. It is given the whole path, with its
// end. It returns the TTLs without which a trace would lack a hop.
func needed(h habit, first, last uint8, gap int, answers func(ttl uint8) bool) (ttls uint64) {
	end := last
	if h.answer == 1 {
		end = max(h.distance, first)
	}
	// The first probe finds a target that is not too far.
	found := h.answer == 1 && h.distance <= unknownDistance
	silent := 0
	for ttl := first; ttl <= end && (silent < gap || found); ttl++ {
		ttls |= 1 << ttl
		if silent++; answers(ttl) {
			silent = 0
		}
	}
	return ttls
}

// On paths where the same TTLs always answer, Complete probes all TTLs that the reference needs.
// It probes no TTL that lies beyond its first probe and a gap.
func TestCompleteAgainstReference(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 9))
		const gap = 4
		shape := window.Shape{Targets: 30, FirstTTL: 1, LastTTL: 24, Flows: 1, Attempts: 1}
		s := &sim{
			T: t, rng: rng, batch: 16, perNS: 1e5, targets: make([]habit, 60),
			cfg: Config{Shape: shape, Wait: time.Second},
		}
		silent := make([]uint64, len(s.targets))
		for i := range s.targets {
			h := habit{router: 1, distance: uint8(1 + rng.IntN(22)), quote: trueQuote}
			if rng.IntN(2) == 0 {
				h.answer = 1
			}
			if rng.IntN(2) == 0 {
				h.quote = nil
			}
			s.targets[i], silent[i] = h, rng.Uint64()&rng.Uint64()&rng.Uint64()
		}
		answers := func(target int, ttl uint8) bool {
			h := s.targets[target]
			if ttl >= h.distance {
				return h.answer == 1
			}
			return silent[target]>>ttl&1 == 0
		}
		s.reply = func(f *probe.Facts, target int, random float64) (int64, bool) {
			h := s.targets[target]
			switch {
			case !answers(target, f.TTL):
				return 0, false
			case f.TTL < h.distance:
				f.Kind, f.Responder = probe.KindTTLExceeded, routerAt(f.TTL)
			case h.quote == nil:
				f.Kind, f.Responder = probe.KindEchoReply, f.Target
			default:
				f.Kind, f.Responder, f.QuotedTTL = probe.KindPortUnreach, f.Target, f.TTL-h.distance+1
			}
			return int64(200e6 * random), true
		}
		// A Distances that never knows enough: the gap limit alone counts.
		s.strategy("complete", StrategyConfig{GapLimit: gap, Distances: nil})
		s.run()
		sent := make([]uint64, len(s.targets))
		for id := range s.sent {
			sent[id.Target] |= 1 << id.TTL
		}
		for i, h := range s.targets {
			want := needed(h, shape.FirstTTL, shape.LastTTL, gap, func(ttl uint8) bool { return answers(i, ttl) })
			if missing := want &^ sent[i]; missing != 0 {
				t.Errorf("seed %d, %+v, silent %x: TTLs %b are missing", seed, h, silent[i], missing)
			}
			top := uint8(0)
			for ttl := shape.FirstTTL; ttl < h.distance; ttl++ {
				if answers(i, ttl) {
					top = ttl
				}
			}
			if highest := bits.Len64(sent[i]) - 1; highest > max(unknownDistance, int(top)+gap) {
				t.Errorf("seed %d, %+v: TTL %d was sent", seed, h, highest)
			}
		}
	}
}

// If only some long paths are left to do, they are not walked hop by hop. If many paths are left,
// no probe is wasted.
func TestCompleteHurries(t *testing.T) {
	const distance, rtt = 26, int64(100e6)
	for _, tt := range []struct {
		targets   int
		most      int64 // time until the last probe leaves, ns
		perTarget float64
	}{
		{targets: 16, most: 9 * rtt, perTarget: distance + 4},
		{targets: 8000, most: 8000 * (distance + 3) * 1e5, perTarget: distance + 0.5},
	} {
		s := &sim{
			T: t, rng: rand.New(rand.NewPCG(1, 1)), batch: 64, perNS: 1e5, targets: make([]habit, tt.targets),
			cfg: Config{
				Shape: window.Shape{Targets: tt.targets, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1},
				Wait:  time.Second,
			},
			reply: func(f *probe.Facts, _ int, _ float64) (int64, bool) {
				f.Kind, f.Responder = probe.KindTTLExceeded, routerAt(f.TTL)
				if f.TTL >= distance {
					f.Kind, f.Responder, f.HasQuote, f.QuotedTTL = probe.KindPortUnreach, f.Target, true, trueQuote(f.TTL, distance)
				}
				return rtt, true
			},
		}
		s.strategy("complete", StrategyConfig{GapLimit: 5})
		s.run()
		last, sent := int64(0), 0
		for _, stamp := range s.done[0].stamps {
			if stamp != 0 {
				last = max(last, stamp-1e18)
				sent++
			}
		}
		if per := float64(sent) / float64(tt.targets); last > tt.most || per > tt.perTarget || per < distance {
			t.Errorf("%d targets: %.1f probes each within %d ms", tt.targets, per, last/1e6)
		}
	}
}
