package schedule

import (
	"math/rand/v2"
	"testing"
)

// put asks a router for a while, asks times a second, and has it answer. It returns
// how many probes left and were answered in the last half of that.
func put(r *router, rng *rand.Rand, seconds, perSecond int, answer func(now int64) bool) (asked, answered int) {
	const start = int64(1e18)
	type due struct{ at int64 }
	var under []due // way
	for i := range seconds * perSecond {
		now := start + int64(i)*1e9/int64(perSecond)
		for len(under) > 0 && under[0].at <= now {
			r.answered.Add(1)
			under = under[1:]
		}
		late := i > seconds*perSecond/2
		if r.admit(now, 0, false) != admitted {
			continue
		}
		if late {
			asked++
		}
		if answer(now) {
			under = append(under, due{now + int64(rng.IntN(2e6)) + 150e6})
			if late {
				answered++
			}
		}
	}
	return asked, answered
}

// A limit is found and kept to. Other losses are not mistaken for a limit.
func TestRouterTellsLimit(t *testing.T) {
	for _, tt := range []struct {
		name                  string
		rate, burst           float64 // of a limit; 0 if there is no limit
		answers               float64 // share that chance leaves
		perSecond             int
		limited               bool
		leastShare, leastRate float64
	}{
		{"limit", 100, 50, 1, 600, true, 0.8, 95},
		{"limit and loss", 100, 50, 0.95, 600, true, 0.75, 88},
		{"limit and much loss", 100, 50, 0.85, 600, true, 0.6, 70},
		{"low limit", 10, 6, 1, 300, true, 0.7, 9},
		{"high limit", 1000, 100, 1, 5000, true, 0.8, 950},
		{"great burst", 100, 1000, 1, 500, true, 0.8, 95},
		{"no limit", 0, 0, 1, 600, false, 1, 590},
		{"loss", 0, 0, 0.95, 600, false, 0.9, 560},
		{"much loss", 0, 0, 0.5, 600, false, 0.4, 230},
		{"most silent", 0, 0, 0.1, 600, false, 0.05, 40},
		{"much loss of few", 0, 0, 0.6, 50, false, 0.3, 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wrong, asked, answered := 0, 0, 0
			const trials, seconds = 40, 60
			for seed := range uint64(trials) {
				rng := rand.New(rand.NewPCG(seed, 7))
				limit := bucketOf{rate: tt.rate, burst: tt.burst}
				r := new(router)
				a, b := put(r, rng, seconds, tt.perSecond, func(now int64) bool {
					return (tt.rate == 0 || limit.take(now)) && rng.Float64() < tt.answers
				})
				asked, answered = asked+a, answered+b
				if (r.phase.Load() == phaseLimited) != tt.limited {
					wrong++
				}
			}
			share := float64(answered) / float64(asked)
			rate := float64(answered) / (trials * seconds / 2)
			if wrong > trials/20 || share < tt.leastShare || rate < tt.leastRate {
				t.Errorf("%d of %d judged wrongly; share %.2f, %.0f answers a second", wrong, trials, share, rate)
			}
			t.Logf("share %.2f, %.0f a second, wrong %d", share, rate, wrong)
		})
	}
}
