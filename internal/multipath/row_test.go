package multipath

import (
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
)

// fewFalseLinks checks that at most one search in fifty finds a false link in the networks that build
// makes.
func fewFalseLinks(t *testing.T, runs int, build func(n *network)) {
	t.Helper()
	tr := newTrial(t, testConfig())
	falseLinks := 0
	for seed := range uint64(runs) {
		n := newNetwork(seed)
		build(n)
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

// TestSearchPacketRow ends between two per-packet balancers: the join of the first one is the second one.
// Each decides how many flows the row between them needs.
func TestSearchPacketRow(t *testing.T) {
	fewFalseLinks(t, effort.Count(200, 10_000), func(n *network) {
		first := n.chain(0, 4)
		second := n.diamond(first, 1, 1)
		n.done(n.chain(n.diamond(second, 1, 1, 1), 2))
		n.routers[first].packet, n.routers[second].packet = true, true
	})
}

// TestSearchPacketUneven meets a per-packet balancer at two TTLs, behind branches of different lengths. One
// TTL later its next hops have few flows, perhaps of one next hop alone, and these show no link beyond.
func TestSearchPacketUneven(t *testing.T) {
	fewFalseLinks(t, effort.Count(300, 10_000), func(n *network) {
		first := n.chain(0, 3)
		second := n.diamond(first, 1, 2)
		n.done(n.chain(n.diamond(second, 2, 2, 2), 2))
		n.routers[first].weights = []int{8, 1}
		n.routers[second].packet = true
	})
}

// TestSearchThroughEnded counts the flows that ended before a row when it looks for more through a node. If it
// counted only those that go on, it would ask one flow in each round.
func TestSearchThroughEnded(t *testing.T) {
	for _, tt := range []struct{ ended, on, lack, want int }{
		{0, 6, 1, 1}, {16, 6, 1, 2}, {16, 6, 5, 10}, {30, 6, 1, 3}, {8 * 11, 6, 1, 0}, {0, 6, 80, 80},
	} {
		tr := newTrial(t, testConfig())
		s := New(tr.cfg)
		s.Begin(ip(theTarget), 1)
		for f := range uint16(tt.ended + tt.on) {
			p := Probe{Flow: f, TTL: 1}
			s.ask(p.Flow, p.TTL)
			a := Answer{From: ip(theTarget), Ends: true, Reached: true, Steers: true}
			if int(f) < tt.on {
				a = Answer{From: ip(2), Steers: true}
			}
			s.Answer(p, a)
		}
		v := s.cfg.views.get()
		s.look(v, 2)
		if got := s.flowsFor(v, v.onlyNear(), tt.lack); got != tt.want {
			t.Errorf("%d flows ended, %d go on, %d lack: ask %d, want %d", tt.ended, tt.on, tt.lack, got, tt.want)
		}
	}
}
