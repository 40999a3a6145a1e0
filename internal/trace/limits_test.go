package trace

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// answerBins spreads n probes over the bins. reply decides which are answered.
func answerBins(n int, reply func(at float64) bool) (asked, answered bins) {
	for i := range n {
		at := float64(i) / float64(n)
		b := int(at * numBins)
		asked[b]++
		if reply(at) {
			answered[b]++
		}
	}
	return asked, answered
}

func TestEvenTellsLimitFromLoss(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	falsely := 0
	const trials = 2000
	for trial := range trials {
		n := 300 + rng.IntN(5000)
		share := 0.05 + 0.9*rng.Float64()
		asked, answered := answerBins(n, func(float64) bool { return rng.Float64() < share })
		if answered.even(&asked) {
			falsely++
			t.Logf("trial %d: chance taken for a limit: %d probes, share %.2f", trial, n, share)
		}
	}
	if falsely > trials/500 {
		t.Errorf("%d of %d lossy responders taken for limited ones", falsely, trials)
	}
	missed := 0
	for range trials {
		n := 2000 + rng.IntN(4000)
		perRun := 300 + rng.IntN(n/3-300) // answers over the run, after the burst
		tokens := 50.0
		last := 0.0
		asked, answered := answerBins(n, func(at float64) bool {
			tokens = min(50, tokens+(at-last)*float64(perRun))
			last = at
			if tokens < 1 {
				return false
			}
			tokens--
			return true
		})
		if !answered.even(&asked) {
			missed++
		}
	}
	if missed > trials/50 {
		t.Errorf("%d of %d limited responders not seen", missed, trials)
	}
}

// policed returns a window of paths with three routers. The second router answers while its bucket
// has tokens: answers reports it by target, which are probed one after the other, one each 1000 ns.
func policed(t *testing.T, answers func(i uint32) bool) bench {
	const n = 2000
	targets := make([]probe.Addr, n)
	for i := range targets {
		targets[i] = probe.Addr4From([4]byte{11, 0, byte(i >> 8), byte(i)})
	}
	b := newBench(t, window.Shape{Targets: n, FirstTTL: 1, LastTTL: 5, Flows: 1, Attempts: 1}, targets...)
	for i := range uint32(n) {
		for ttl := uint8(1); ttl <= 4; ttl++ { // one TTL after the last router
			s := slotOf(i, 0, ttl, 0)
			b.Stamp(s, 1000*int64(1+i)+int64(ttl))
			if ttl == 2 && !answers(i) || ttl == 4 {
				continue
			}
			b.answer(s, probe.KindTTLExceeded, router(int(ttl)), 10, nil)
		}
	}
	b.Close(1<<60, false)
	return b
}

// Limited returns exactly the routers that limit their answers, with the counts of all windows.
func TestLimitedRouters(t *testing.T) {
	a, b := newTestAssembler(), policed(t, func(i uint32) bool { return i%3 == 0 })
	for range 2 {
		if err := a.Records(b.Window, func(record.Record) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	got, more := a.Limited()
	want := []probe.LimitedRouter{{Addr: router(2), TTLs: 1 << 2, Answered: 2 * 667, Silent: 2 * 1333}}
	if !slices.Equal(got, want) || more {
		t.Errorf("%+v, more %t; want %+v", got, more, want)
	}
}

// A router whose answers this machine dropped does not limit them, even if as many are missing as with a
// limit.
func TestDropsAreNoLimit(t *testing.T) {
	for _, dropped := range []bool{false, true} {
		a, b := newTestAssembler(), policed(t, func(i uint32) bool { return i%3 == 0 })
		a.cfg.Faults = new(window.Faults)
		if dropped {
			a.cfg.Faults.Drops.Add(0, 1<<40)
		}
		marked := 0
		if err := a.Records(b.Window, func(rec record.Record) error {
			marked += len(rec.(*record.Trace).RateLimited)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if routers, _ := a.Limited(); dropped == (len(routers) > 0) || dropped == (marked > 0) {
			t.Errorf("frames dropped: %t; limited are %d routers, and %d TTLs of traces", dropped, len(routers), marked)
		}
	}
}
