package trace

import (
	"math/rand/v2"
	"testing"

	"github.com/masstrace/masstrace/internal/record"
)

// A reply goes to the probe that a search from the last probe finds, in any order of replies.
func TestUnansweredModel(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 9))
		f := &flowOf{}
		var model []collectedProbe
		keys, late := 1+rng.IntN(400), rng.IntN(2) == 0
		draw := func() probeKey {
			k := probeKey{sent: rng.Int64N(int64(keys)), ttl: uint8(rng.IntN(3)), attempt: 255}
			if rng.IntN(20) == 0 {
				k.sent = -1 // matches no probe
			}
			return k
		}
		for step := range 2000 {
			if rng.IntN(2) == 0 && (!late || step < 1500) || late && step < 500 {
				if k := draw(); k.sent >= 0 {
					p := collectedProbe{ttl: k.ttl, attempt: k.attempt, sent: k.sent}
					f.probes, model = append(f.probes, p), append(model, p)
				}
				continue
			}
			k, want := draw(), -1
			for i := len(model) - 1; i >= 0 && want < 0; i-- {
				if model[i].probeKey() == k && model[i].hop == nil {
					want = i
				}
			}
			got := f.unanswered(k)
			switch {
			case want < 0 && got != nil:
				t.Fatalf("seed %d, step %d: found %+v for %+v, want none", seed, step, got, k)
			case want >= 0 && got != &f.probes[want]:
				t.Fatalf("seed %d, step %d: found %p for %+v, want number %d of %d", seed, step, got, k, want, len(model))
			case want >= 0:
				got.hop, model[want].hop = &record.Hop{}, &record.Hop{}
			}
		}
	}
}

// Many probes are followed by their late replies, the first one first, and by surplus replies. The
// time is proportional to the number of replies.
func TestCollectorLateReplies(t *testing.T) {
	const n = 400_000
	for name, stamp := range map[string]func(i int) int64{
		"one stamp each":   func(i int) int64 { return int64(i + 1) },
		"one stamp of all": func(int) int64 { return 1 },
	} {
		t.Run(name, func(t *testing.T) {
			c, head := NewCollector(KeepFlows), collectorHead(9, 5, 1)
			attempts := make([]uint8, n)
			for i := range n {
				_, attempts[i] = c.Probe(head, 7, NextAttempt, stamp(i))
			}
			for i := range n + n/4 {
				hop := record.Hop{}
				hop.TTL, hop.Attempt, hop.Stamp = 7, attempts[i%n], n
				c.Reply(c.Flow(head), stamp(i%n), &hop)
			}
			for i, p := range c.byIndex[0].probes {
				if p.hop == nil {
					t.Fatalf("probe %d has no reply", i)
				}
			}
		})
	}
}

// After a burst of targets, Expire takes no longer than before.
func TestCollectorShrinks(t *testing.T) {
	const n = 10_000
	c, head := NewCollector(KeepNothing), collectorHead(9, 5, 1)
	none := func(*record.Trace) error { return nil }
	for i := range 2 * n {
		head.Source[0], head.Source[1], head.Source[2] = byte(i), byte(i>>8), byte(i>>16)
		at := max(int64(i-n), 0)
		c.Probe(head, 1, NextAttempt, at)
		if at == 0 {
			continue // the burst
		}
		if err := c.Expire(at, none); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.groups) != 1 || c.room > 16 || c.Groups() != 2*n {
		t.Errorf("%d groups are left of %d, in room for %d", len(c.groups), c.Groups(), c.room)
	}
}
