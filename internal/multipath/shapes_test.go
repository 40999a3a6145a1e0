package multipath

import (
	"maps"
	"slices"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/record"
)

var shapes = map[string]func(n *network){
	"chain":     func(n *network) { n.done(n.chain(0, 12)) },
	"wide 2":    func(n *network) { n.done(n.chain(n.diamond(n.chain(0, 4), even(2, 1)...), 4)) },
	"wide 4":    func(n *network) { n.done(n.chain(n.diamond(n.chain(0, 4), even(4, 2)...), 4)) },
	"wide 16":   func(n *network) { n.done(n.chain(n.diamond(n.chain(0, 4), even(16, 2)...), 4)) },
	"wide 100":  func(n *network) { n.done(n.chain(n.diamond(n.chain(0, 4), even(100, 1)...), 4)) },
	"two":       func(n *network) { n.done(n.diamond(n.chain(n.diamond(n.chain(0, 2), 1, 1), 3), 3, 3, 3)) },
	"adjacent":  func(n *network) { n.done(n.diamond(n.diamond(n.chain(0, 2), 1, 1), 1, 1, 1)) },
	"meshed":    func(n *network) { n.done(n.chain(n.mesh(n.chain(0, 3), 3, 2), 2)) },
	"uneven":    func(n *network) { n.done(n.chain(n.diamond(n.chain(0, 3), 1, 2, 3), 2)) },
	"to target": func(n *network) { n.done(n.diamond(n.chain(0, 3), 1, 2)) },
	"nested": func(n *network) {
		i := n.chain(0, 3)
		a := n.diamond(n.add(i), 1, 1)
		b := n.chain(i, 3)
		n.done(n.add(a, b))
	},
	"first hop": func(n *network) { n.done(n.chain(n.diamond(n.chain(0, 1), 1, 1), 2)) },
	"silent": func(n *network) {
		i := n.chain(0, 8)
		n.routers[3].silent, n.routers[5].silent, n.routers[6].silent = true, true, true
		n.done(n.diamond(i, 1, 1))
	},
	"silent branch": func(n *network) {
		i := n.diamond(n.chain(0, 3), 2, 2, 2)
		n.routers[3].silent = true
		n.done(n.chain(i, 2))
	},
	"no target": func(n *network) { n.diamond(n.chain(0, 3), 1, 1) },
}

// TestSearchFinds compares the records of networks of many shapes with the truth. Nothing may be
// false.
func TestSearchFinds(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		for _, mda := range []record.MDA{record.Lite, record.Full} {
			t.Run(name+"/"+mda.String(), func(t *testing.T) {
				cfg := testConfig()
				cfg.MDA = mda
				tr := newTrial(t, cfg)
				var sum found
				probes, repeats, nodes, links, full := 0, 0, 0, 0, 0
				runs := effort.Count(60, 2000)
				for seed := range uint64(runs) {
					n := newNetwork(seed)
					shapes[name](n)
					want := n.truth()
					tr.run(t, n, 1+int(seed%40))
					f, notes := tr.judge(want)
					if len(notes) > 0 {
						t.Fatalf("seed %d: false: %q", seed, notes)
					}
					sum.nodes += f.nodes
					sum.links += f.links
					nodes += len(want.nodes)
					links += len(want.links)
					probes += tr.search.Probes()
					repeats += tr.search.Repeats()
					if tr.out.MDA == record.Full {
						full++
					}
				}
				t.Logf("nodes %.2f %%, links %.2f %%, %d probes, %d repeats, %d full", 100*float64(sum.nodes)/float64(nodes),
					100*float64(sum.links)/float64(links), probes/runs, repeats/runs, full)
				if sum.nodes*100 < nodes*97 || sum.links*100 < links*95 {
					t.Errorf("too little found")
				}
			})
		}
	}
}
