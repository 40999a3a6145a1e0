package multipath

import "testing"

// loop makes routers a and b pass packets to each other.
func (n *network) loop(a, b int) {
	n.routers[a].next, n.routers[b].next = []int{b}, []int{a}
}

// TestSearchLoops ends after three rounds of a loop, and goes on where a path leaves one.
func TestSearchLoops(t *testing.T) {
	tests := []struct {
		name   string
		make   func(n *network)
		most   int   // probes
		target uint8 // TTL at which the target must be found; 0: no path leads to it
	}{
		{"one phase", func(n *network) {
			i := n.chain(0, 5)
			n.loop(i, n.add(i))
		}, 80, 0},
		{"both phases", func(n *network) {
			i := n.chain(0, 4)
			a, b := n.chain(i, 1), n.chain(i, 2)
			end := n.add(a, b)
			n.loop(end, n.add(end))
		}, 240, 0},
		{"a silent router in the loop", func(n *network) {
			i := n.chain(0, 5)
			j := n.add(i)
			n.routers[j].silent = true
			n.loop(i, j)
		}, 80, 0},
		{"a branch beside the loop", func(n *network) {
			i := n.chain(0, 4)
			a, b := n.add(i), n.add(i)
			n.loop(a, n.add(a))
			n.done(n.chain(b, 12))
		}, 2000, 17},
		{"no loop: silence before a balancer", func(n *network) {
			i := n.chain(0, 8)
			n.routers[3].silent, n.routers[5].silent, n.routers[6].silent = true, true, true
			n.done(n.diamond(i, 1, 1))
		}, 200, 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tr := newTrial(t, testConfig())
			for seed := range uint64(40) {
				n := newNetwork(seed)
				tt.make(n)
				tr.run(t, n, 10)
				if got := tr.search.Probes(); got > tt.most {
					t.Errorf("seed %d: %d probes, want at most %d", seed, got, tt.most)
				}
				if f, notes := tr.judge(n.truth()); f.falseNodes+f.falseLinks > 0 {
					t.Errorf("seed %d: false: %q", seed, notes)
				}
				found := false
				for _, node := range tr.out.Nodes {
					found = found || node.TTL == tt.target && node.Addr == n.target()
				}
				if !found && tt.target != 0 {
					t.Errorf("seed %d: the target is missing", seed)
				}
			}
		})
	}
}
