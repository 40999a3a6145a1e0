package multipath

import (
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/record"
)

// veiled has networks whose per-packet balancer is router 3. Its branches partly do not answer.
var veiled = map[string]func(n *network){
	"a silent branch": func(n *network) {
		i := n.chain(0, 4)
		a, b := n.chain(i, 2), n.chain(i, 2)
		n.routers[a-1].silent = true
		n.done(n.chain(n.add(a, b), 3))
	},
	"unequal branches": func(n *network) {
		i := n.chain(0, 4)
		a, b := n.chain(i, 3), n.chain(i, 1)
		n.routers[i+1].silent = true
		n.done(n.chain(n.add(a, b), 3))
	},
	"all branches silent": func(n *network) {
		i := n.chain(0, 4)
		a, b := n.chain(i, 3), n.chain(i, 3)
		n.routers[a-2].silent, n.routers[b-2].silent = true, true
		n.done(n.chain(n.add(a, b), 3))
	},
	"a dead end": func(n *network) {
		i := n.chain(0, 4)
		a := n.chain(i, 3)
		n.chain(i, 2)
		n.done(n.chain(a, 2))
	},
}

// TestSearchVeiled takes silence for a branch. Otherwise a router beside it seems to be the balancer,
// and has links to nodes that packets reach on the other branch.
func TestSearchVeiled(t *testing.T) {
	for name, shape := range veiled {
		t.Run(name, func(t *testing.T) {
			tr := newTrial(t, testConfig())
			runs := effort.Count(250, 20_000)
			falseLinks, right, wrong, remapped := 0, 0, 0, 0
			for seed := range uint64(runs) {
				n := newNetwork(seed)
				shape(n)
				n.routers[3].packet = true
				want := n.truth()
				tr.run(t, n, 10)
				f, notes := tr.judge(want)
				if falseLinks += f.falseLinks; f.falseLinks > 0 {
					t.Logf("seed %d: %q", seed, notes)
				}
				for _, b := range tr.out.Balancers {
					if b.Addr == n.routers[3].addr && b.Kind == record.PerPacket {
						right++
					} else {
						wrong++
					}
				}
				remapped += tr.out.Remapped
			}
			t.Logf("%d runs: %d false links, balancer right %d, wrong %d, %d flows remapped", runs, falseLinks, right, wrong, remapped)
			// All flows may stay by chance, with a probability of 1/64.
			if falseLinks*100 > runs*2 || wrong*100 > runs*4 || remapped*50 > runs {
				t.Error("too much is false")
			}
		})
	}
}
