package multipath

import "math"

// tally has the counts of the flows at the branches of a fork.
type tally struct {
	branches int
	flows    int
	squares  int // sum of the squares of the counts
	least    int // smallest count
}

// add adds a branch that so many flows took.
func (t *tally) add(flows int) {
	if t.branches == 0 || flows < t.least {
		t.least = flows
	}
	t.branches++
	t.flows += flows
	t.squares += flows * flows
}

// isUneven reports whether equal branches would show counts so different with a probability of less
// than 5 %, by Pearson's test.
func (t *tally) isUneven() bool {
	if t.branches < 2 {
		return false
	}
	statistic := float64(t.squares)*float64(t.branches)/float64(t.flows) - float64(t.flows)
	return statistic > chiSquare95(t.branches-1)
}

// chiSquare95 returns the 95th percentile of the χ² distribution, by the formula of Wilson and Hilferty
// (1931). The error is less than 3 %.
func chiSquare95(degrees int) float64 {
	const normal95 = 1.6449
	d := 2 / (9 * float64(degrees))
	return float64(degrees) * math.Pow(1-d+normal95*math.Sqrt(d), 3)
}

// claim returns the confidence in the branches of a fork. The rule assumes equal branches. If the
// branches found are not, a further one may be rarer than they are. So the claim is at most the
// probability that a branch with half the share of the rarest one would have shown itself.
func (d *Describer) claim(f *fork) float64 {
	confidence := d.cfg.rule.Confidence(f.width, f.answered)
	if t := &f.tally; t.branches == f.width && t.isUneven() {
		further := float64(t.least) / float64(t.flows) / 2
		confidence = min(confidence, 1-math.Pow(1-further, float64(t.flows)))
	}
	return confidence
}
