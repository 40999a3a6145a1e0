package multipath

import (
	"fmt"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
)

// TestEvidence takes the exact probability that a search would have taken a per-packet balancer for one
// of flows. Until a repeat differs, the search asks both alike. So a balancer of flows answers here,
// and each repeat stays at a per-packet one with the share of its node.
//
// The mean over the searches that find the balancer has a standard error of about a tenth of the
// distance to the bound, so that it exceeds the bound by chance with a probability below 10⁻⁶.
func TestEvidence(t *testing.T) {
	const front = 4 // TTL of the balancer
	for _, weights := range [][]int{{1, 1}, {1, 2}, {1, 4}, {1, 7}, {1, 10}, {1, 1, 1}, {1, 5, 10}, {1, 4, 7, 10}} {
		t.Run(fmt.Sprint(weights), func(t *testing.T) {
			tr := newTrial(t, testConfig())
			all, shares := 0.0, map[int]float64{}
			for _, w := range weights {
				all += float64(w)
			}
			stays, found, repeats, runs := 0.0, 0, 0, effort.Count(600, 20_000)
			for seed := range uint64(runs) {
				n := newNetwork(seed)
				n.done(n.chain(n.diamond(n.chain(0, front), even(len(weights), 1)...), 2))
				n.routers[front-1].weights = weights
				tr.run(t, n, 10)
				s := tr.search
				if s.row(front+1).nodes != uint16(len(weights)) {
					continue
				}
				found++
				clear(shares)
				for k, i := range n.routers[front-1].next {
					shares[s.number(n.routers[i].addr)] = float64(weights[k]) / all
				}
				stay := 1.0
				for i := range s.extras {
					if e := &s.extras[i]; e.TTL == front+1 {
						stay *= shares[int(e.node)]
						repeats++
					}
				}
				stays += stay
			}
			if found == 0 {
				t.Fatal("no balancer is found")
			}
			t.Logf("%d of %d found, all repeats stay with a probability of %.2e, %.1f repeats",
				found, runs, stays/float64(found), float64(repeats)/float64(found))
			if stays > 2.5e-4*float64(found) {
				t.Errorf("all repeats stay with a probability of %v", stays/float64(found))
			}
		})
	}
}
