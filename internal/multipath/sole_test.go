package multipath

import (
	"fmt"
	"math"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
)

// TestSoleFor compares with the mean of (1−p)ⁿ from the Beta function, if p has the distribution.
func TestSoleFor(t *testing.T) {
	c := testConfig()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	logBeta := func(a, b float64) float64 {
		x, _ := math.Lgamma(a)
		y, _ := math.Lgamma(b)
		z, _ := math.Lgamma(a + b)
		return x + y - z
	}
	for flows := 1; flows <= 200; flows++ {
		for rare := 1; rare < flows; rare++ {
			n, a, b := c.soleFor(rare, flows), float64(rare), float64(flows-rare+1)
			missed := math.Exp(logBeta(a, b+float64(n)) - logBeta(a, b))
			switch less := math.Exp(logBeta(a, b+float64(n-1)) - logBeta(a, b)); {
			case n < c.sole() || n > mostSole:
				t.Fatalf("%d of %d: %d flows", rare, flows, n)
			case n < mostSole && missed > 1.0001/1024:
				t.Fatalf("%d of %d: %d flows miss a node with a probability of %v", rare, flows, n, missed)
			case n > c.sole() && less < 0.9999/1024:
				t.Fatalf("%d of %d: %d flows, and one less is enough", rare, flows, n)
			}
		}
		if n := c.soleFor(flows, flows); n != c.sole() {
			t.Fatalf("one node: %d flows", n)
		}
	}
}

// TestSearchPacketShares invents no links if a per-packet balancer has unequal shares. A row after it
// that shows one node only by chance must not count as the end of its branches. The seeds are fixed.
func TestSearchPacketShares(t *testing.T) {
	even := func(n *network, weights []int) {
		n.done(n.chain(n.diamond(n.chain(0, 4), even(len(weights), 2)...), 3))
	}
	late := func(n *network, weights []int) { // another balancer follows the branches
		at := n.chain(n.diamond(n.chain(0, 4), 2, 2), 1)
		n.done(n.chain(n.diamond(at, 1, 1), 3))
	}
	for _, tt := range []struct {
		name    string
		shape   func(*network, []int)
		weights []int
	}{
		{"even", even, []int{1, 1}},
		{"even", even, []int{1, 10}},
		{"even", even, []int{1, 5, 10}},
		{"late", late, []int{10, 1}},
	} {
		t.Run(fmt.Sprint(tt.name, tt.weights), func(t *testing.T) {
			tr := newTrial(t, testConfig())
			runs, wrong, probes := effort.Count(250, 20_000), 0, 0
			for seed := range uint64(runs) {
				n := newNetwork(seed)
				tt.shape(n, tt.weights)
				n.routers[3].packet, n.routers[3].weights = true, tt.weights
				want := n.truth()
				tr.run(t, n, 10)
				if f, _ := tr.judge(want); f.falseLinks > 0 {
					wrong++
				}
				probes += tr.search.Probes()
			}
			t.Logf("%d of %d searches have false links, %d probes", wrong, runs, probes/runs)
			if wrong*250 > runs {
				t.Errorf("%d of %d searches have false links", wrong, runs)
			}
		})
	}
}
