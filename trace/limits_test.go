package trace

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/masstrace/masstrace/probe"
	"github.com/masstrace/masstrace/window"
)

// answerBins spreads n probes over the bins and answers them as reply says.
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

// Strategies that go by answers ask at times of their own, and of other routers
// at first than in the end: the share of answers drifts, and is chance all the same.
func TestEvenTellsLimitFromDrift(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	falsely := 0
	const trials = 2000
	for range trials {
		n := 300 + rng.IntN(5000)
		from, to, bend := rng.Float64(), rng.Float64(), 1+3*rng.Float64()
		var asked, answered bins
		for i := range n {
			at := float64(i) / float64(n)
			b := int(at * at * numBins) // fewer and fewer probes
			for k := bend; k > 1; k-- {
				at *= at
			}
			asked[b]++
			if rng.Float64() < from+(to-from)*at {
				answered[b]++
			}
		}
		if answered.even(&asked) {
			falsely++
		}
	}
	if falsely > trials/500 {
		t.Errorf("%d of %d lossy responders taken for limited ones", falsely, trials)
	}
}

// policed is a window of paths of three routers, of which the second answers while
// its bucket has tokens, and the last answers where last says so.
func policed(t *testing.T, last func(target uint32) bool) bench {
	const n = 2000
	targets := make([]probe.Addr, n)
	for i := range targets {
		targets[i] = probe.Addr4From([4]byte{11, 0, byte(i >> 8), byte(i)})
	}
	b := newBench(t, window.Shape{Targets: n, FirstTTL: 1, LastTTL: 5, Flows: 1, Attempts: 1}, targets...)
	for i := range uint32(n) {
		for ttl := uint8(1); ttl <= 4; ttl++ { // one beyond the last
			s := slotOf(i, 0, ttl, 0)
			b.Stamp(s, 1000*int64(1+i)+int64(ttl))
			if ttl == 2 && i%3 != 0 || ttl == 3 && !last(i) || ttl == 4 {
				continue
			}
			b.answer(s, probe.KindTTLExceeded, router(int(ttl)), 10, nil)
		}
	}
	b.Close(1<<60, false)
	return b
}

// Silence is that of a limit where the path goes on behind it, and the end of the
// path where it does not, however evenly paths end.
func TestLimitsBelowLastAnswer(t *testing.T) {
	for _, tt := range []struct {
		name string
		last func(uint32) bool
		want uint64
	}{
		{"all go on", func(uint32) bool { return true }, 1333},
		{"half go on", func(i uint32) bool { return i%2 == 0 }, 666},
		{"those without an answer end", func(i uint32) bool { return i%3 == 0 }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newTestAssembler()
			a.cfg.GapLimit = 2
			var named uint64
			err := a.Traces(policed(t, tt.last).Window, func(tr *Trace) error {
				if slices.ContainsFunc(tr.RateLimited, func(ttl uint8) bool { return ttl != 2 }) {
					t.Errorf("%v: TTLs %v", tr.Target, tr.RateLimited)
				}
				named += uint64(len(tr.RateLimited))
				return nil
			})
			if err != nil || named != tt.want || a.ByTTL[2].RateLimited != tt.want {
				t.Errorf("%d named, %d counted, %v; want %d", named, a.ByTTL[2].RateLimited, err, tt.want)
			}
		})
	}
}
