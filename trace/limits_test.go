package trace

import (
	"math/rand/v2"
	"testing"
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
