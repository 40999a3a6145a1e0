package multipath

import (
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
)

// TestSearchPacketRow ends between two per-packet balancers: the join of the first one is the second one.
// Each decides how many flows the row between them needs.
func TestSearchPacketRow(t *testing.T) {
	tr := newTrial(t, testConfig())
	runs := effort.Count(200, 10_000)
	falseLinks := 0
	for seed := range uint64(runs) {
		n := newNetwork(seed)
		first := n.chain(0, 4)
		second := n.diamond(first, 1, 1)
		n.done(n.chain(n.diamond(second, 1, 1, 1), 2))
		n.routers[first].packet, n.routers[second].packet = true, true
		want := n.truth()
		tr.run(t, n, 10)
		f, _ := tr.judge(want)
		falseLinks += f.falseLinks
	}
	t.Logf("%d false links in %d searches", falseLinks, runs)
	if falseLinks*50 > runs {
		t.Errorf("%d false links in %d searches", falseLinks, runs)
	}
}

// TestSearchPacketUneven meets a per-packet balancer at two TTLs, behind branches of different lengths.
// The flows that are at its next hops one TTL later do not show what is behind them, even if few flows
// show one next hop there.
func TestSearchPacketUneven(t *testing.T) {
	tr := newTrial(t, testConfig())
	runs := effort.Count(300, 10_000)
	falseLinks := 0
	for seed := range uint64(runs) {
		n := newNetwork(seed)
		first := n.chain(0, 3)
		second := n.diamond(first, 1, 2)
		n.done(n.chain(n.diamond(second, 2, 2, 2), 2))
		n.routers[first].weights = []int{8, 1}
		n.routers[second].packet = true
		want := n.truth()
		tr.run(t, n, 10)
		f, _ := tr.judge(want)
		falseLinks += f.falseLinks
	}
	t.Logf("%d false links in %d searches", falseLinks, runs)
	if falseLinks*50 > runs {
		t.Errorf("%d false links in %d searches", falseLinks, runs)
	}
}
