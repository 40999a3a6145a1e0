package multipath

import (
	"math"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
)

// TestClaim compares the mean confidence claimed for balancers with the share of them that is found as
// a whole, for equal and for unequal shares. A search that claims what the rule alone gives claims
// 96 % for the unequal ones, of which 88 % are whole.
func TestClaim(t *testing.T) {
	widths := []int{2, 2, 2, 2, 2, 2, 2, 3, 4, 4}
	for name, most := range map[string]int{"equal": 1, "unequal": 10} {
		tr := newTrial(t, testConfig())
		whole, found, claimed := 0, 0, 0.0
		for seed := range uint64(effort.Count(2000, 20_000)) {
			n := newNetwork(seed)
			width := widths[n.rand.IntN(len(widths))]
			n.done(n.chain(n.diamond(n.chain(0, 2), even(width, 1)...), 1))
			if most > 1 {
				ratio := 2 + n.rand.IntN(most-1)
				for i := range width { // from 1 to ratio
					n.routers[1].weights = append(n.routers[1].weights, width-1+i*(ratio-1))
				}
			}
			tr.run(t, n, 20)
			for i := range tr.out.Balancers {
				found++
				claimed += tr.out.Balancers[i].Confidence
				if tr.out.Balancers[i].Width == width {
					whole++
				}
			}
		}
		share, mean := float64(whole)/float64(found), claimed/float64(found)
		sigma := math.Sqrt(share * (1 - share) / float64(found))
		t.Logf("%s: %.4f of %d whole, %.4f claimed", name, share, found, mean)
		if mean > share { // it is less by 4 %, which is 5σ
			t.Errorf("%s: %.4f claimed, but %.4f of %d are whole, σ %.4f", name, mean, share, found, sigma)
		}
	}
}

func TestChiSquare95(t *testing.T) {
	for degrees, want := range map[int]float64{1: 3.841, 2: 5.991, 5: 11.070, 15: 24.996, 99: 123.225} {
		if got := chiSquare95(degrees); math.Abs(got/want-1) > 0.03 {
			t.Errorf("%d degrees: %.3f, want %.3f", degrees, got, want)
		}
	}
}
