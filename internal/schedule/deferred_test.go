package schedule

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// deferringSchedules are those that defer probes.
var deferringSchedules = map[string]func(Config) Schedule{
	"exhaustive": func(c Config) Schedule { return NewExhaustive(c) },
	"complete": func(c Config) Schedule {
		return NewAdaptive(c, NewComplete(StrategyConfig{GapLimit: probe.MaxTTL}))
	},
}

// Targets may report any distance. The probes that a prefix's rate defers are all sent in the
// end.
func TestDeferredModel(t *testing.T) {
	for name, start := range deferringSchedules {
		for seed := range uint64(40) {
			rng := rand.New(rand.NewPCG(seed, 11))
			first := uint8(1 + rng.IntN(3))
			s := &sim{
				T: t, rng: rng, batch: 1 + rng.IntN(64), start: start,
				cfg: Config{
					Shape: window.Shape{
						Targets: 1 + rng.IntN(20), FirstTTL: first, LastTTL: first + uint8(rng.IntN(30)),
						Flows: 1 + rng.IntN(3), Attempts: 1 + rng.IntN(probe.MaxAttempts),
					},
					Wait:       time.Duration(1+rng.IntN(100)) * time.Millisecond,
					Politeness: NewPoliteness(PolitenessConfig{PrefixRate: 100 + 1000*rng.Float64()}),
				},
				perNS: 1 + rng.Int64N(1e5), lag: rng.Int64N(50e6),
			}
			for range 1 + rng.IntN(60) {
				h := randomHabit(rng)
				// The other strategies ask an excluded target once.
				h.excluded = h.excluded && name == "exhaustive"
				s.targets = append(s.targets, h)
			}
			s.run()
			s.check()
			if t.Failed() {
				t.Fatalf("%s, seed %d: %+v", name, seed, s.cfg)
			}
		}
	}
}

// deferredRun is one window on a virtual clock, whose replies a test makes.
type deferredRun struct {
	*window.Window
	set  *window.Set
	sent []window.Slot
	now  int64
}

// learn gives the window a reply to a probe to target, as the matcher does, with a responder and
// a kind.
func (r *deferredRun) learn(target int, ttl uint8, kind probe.Kind, from probe.Addr, quoted uint8) {
	r.Learn(uint32(target), &probe.Facts{
		Probe: probe.Probe{Target: r.Target(target), TTL: ttl}, Kind: kind, Responder: from,
		HasQuote: true, QuotedTTL: quoted, Valid: probe.Strong,
	}, nil)
}

// count returns how many TTLs of a target were sent.
func (r *deferredRun) count(target int) int {
	ttls := map[uint8]bool{}
	for _, slot := range r.sent {
		if int(slot.Target) == target {
			ttls[slot.TTL] = true
		}
	}
	return len(ttls)
}

// runDeferred runs a schedule over one window of so many targets and 20 TTLs, one probe
// a call, 5 ms apart. step comes after each call.
func runDeferred(t *testing.T, start func(Config) Schedule, targets int, m *Politeness, step func(*deferredRun)) *deferredRun {
	t.Helper()
	return runAttempts(t, start, targets, 1, m, step)
}

// runAttempts is runDeferred with so many attempts at each TTL.
func runAttempts(t *testing.T, start func(Config) Schedule, targets, attempts int, m *Politeness, step func(*deferredRun)) *deferredRun {
	t.Helper()
	shape := window.Shape{Targets: targets, FirstTTL: 1, LastTTL: 20, Flows: 1, Attempts: attempts}
	r := &deferredRun{Window: window.New(shape), set: window.NewSet(shape), now: 1e18}
	r.Open(0)
	for i := range targets {
		r.Append(addrOf(i << 8)) // a prefix of its own each
	}
	r.set.Put(r.Window)
	ready := make(chan *window.Window, 1)
	ready <- r.Window
	close(ready)
	s := start(Config{Shape: shape, Wait: 200 * time.Millisecond, Politeness: m, Ready: ready, Set: r.set})
	items := make([]window.Item, 1)
	for range 100_000 {
		n, next := s.Next(items, r.now)
		for _, item := range items[:n] {
			r.sent = append(r.sent, item.Slot)
			r.Stamp(item.Slot, r.now)
		}
		if n == 0 && next == Done {
			return r
		}
		step(r)
		r.now += 5e6
		r.set.SetMatched(r.now)
	}
	t.Fatal("does not end")
	return nil
}

// A target reports that it is near while probes to it are deferred. Then a router beyond refutes
// that. The probes that were dropped in between are sent.
func TestDeferredBeyond(t *testing.T) {
	for name, start := range deferringSchedules {
		for _, m := range []*Politeness{nil, NewPoliteness(PolitenessConfig{PrefixRate: 4})} {
			said := int64(0)
			r := runDeferred(t, start, 1, m, func(r *deferredRun) {
				switch {
				case said == 0 && len(r.sent) == 2:
					said = r.now
					r.learn(0, 20, probe.KindPortUnreach, r.Target(0), 18) // it is at 3
				case said != 0 && r.now > said+30e6 && r.State(0, 0).Exceeded() == 0:
					r.learn(0, 3, probe.KindTTLExceeded, addrOf(7), 1)
				}
			})
			if n := r.count(0); n != 20 {
				t.Errorf("%s, deferred %t: %d TTLs were sent, want 20", name, m != nil, n)
			}
		}
	}
}

// limitedAt returns a Politeness with a prefix rate that trusts a router, which answers
// hardly ever, at one TTL of a target.
func limitedAt(target probe.Addr, ttl uint8) *Politeness {
	m := NewPoliteness(PolitenessConfig{PrefixRate: 10, PerHopRate: 1e6, RatePPS: 1000})
	m.predicted[predictionIndex(target, ttl)].Store(mostTrust<<trustShift | 1)
	r := &m.routers[0]
	r.phase.Store(phaseLimited)
	r.interval.Store(1e12)
	r.nextByLimit.Store(2e18)
	return m
}

// Only the probe that a router would not answer is given up. After that the end of the path moves
// up, and the probes beyond are deferred and sent.
func TestDeferredGivenUp(t *testing.T) {
	for name, start := range deferringSchedules {
		said, last := false, int64(0)
		r := runDeferred(t, start, 1, limitedAt(addrOf(0), 3), func(r *deferredRun) {
			near := 0
			for _, slot := range r.sent {
				if slot.TTL <= 5 {
					near++
				}
			}
			if n := len(r.sent); n > 0 {
				last = r.Sent(r.sent[n-1])
			}
			switch {
			case !said && len(r.sent) == 2:
				said = true
				r.learn(0, 20, probe.KindPortUnreach, r.Target(0), 16) // it is at 5
			case near == 4 && r.now > last+150e6 && r.State(0, 0).Exceeded() == 0:
				r.learn(0, 5, probe.KindTTLExceeded, addrOf(7), 1)
			}
		})
		if n := r.count(0); n != 19 || r.State(0, 0).Exceeded() != 5 {
			t.Errorf("%s: %d TTLs were sent, want 19 of 20; the end moved up %t", name, n, r.State(0, 0).Exceeded() == 5)
		}
	}
}

// An attempt that is deferred is not made when the one before is answered after all.
func TestDeferredNeedless(t *testing.T) {
	w := &exhaustiveTraversal{window: window.New(window.Shape{Targets: 1, FirstTTL: 1, LastTTL: 2, Flows: 1, Attempts: 2})}
	w.window.Open(0)
	w.window.Append(addrOf(1))
	first, second := window.Slot{TTL: 1}, window.Slot{TTL: 1, Attempt: 1}
	w.window.Stamp(first, 1)
	if w.isNeedless(first) || w.isNeedless(second) {
		t.Error("needless without an answer")
	}
	w.window.Answer(first, &probe.Reply{})
	if w.isNeedless(first) || !w.isNeedless(second) {
		t.Error("with an answer, only the second attempt is needless")
	}
}

// The rates hold for further attempts too, and all of them are made. A path without an answer has
// three at each TTL.
func TestDeferredAttempts(t *testing.T) {
	const rate = 20
	for name, start := range deferringSchedules {
		began := int64(0)
		r := runAttempts(t, start, 1, 3, NewPoliteness(PolitenessConfig{PrefixRate: rate}), func(r *deferredRun) {
			if began == 0 && len(r.sent) > 0 {
				began = r.now
			}
			if most := 2 + float64(r.now-began)/1e9*rate; float64(len(r.sent)) > most {
				t.Fatalf("%s: %d probes in %v", name, len(r.sent), time.Duration(r.now-began))
			}
		})
		if len(r.sent) != 3*20 {
			t.Errorf("%s: %d probes, want all attempts", name, len(r.sent))
		}
	}
}
