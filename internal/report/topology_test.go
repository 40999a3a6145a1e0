package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/masstrace/masstrace/bench/imagine"
	"github.com/masstrace/masstrace/internal/record"
)

// links returns the links of a drawing as texts, with a tilde over a gap.
func (t *graph) links(b *book) map[string]uint32 {
	list := map[string]uint32{}
	label := func(n uint32) string {
		if t.groups == nil {
			return b.addrs[t.nodes[n].group].addr.String()
		}
		return t.groups[t.nodes[n].group]
	}
	for _, e := range t.edges {
		sign := " - "
		if e.gap {
			sign = " ~ "
		}
		list[label(e.from)+sign+label(e.to)] = e.traces
	}
	return list
}

func TestLevels(t *testing.T) {
	one, two := newTrace("203.0.113.9", "10.0.0.1", "10.0.1.1", "", "10.0.2.1", "203.0.113.9"), newTrace("203.0.113.8", "10.0.0.1", "10.0.1.2")
	as := map[string]*record.Annotation{"10.0.0.1": {ASN: []uint32{1}}, "10.0.1.1": {IXP: "X"}, "10.0.1.2": {ASN: []uint32{2}, ASName: "two"}, "10.0.2.1": {ASN: []uint32{1}}}
	for _, tr := range []*record.Trace{one, two} {
		for i := range tr.Hops {
			tr.Hops[i].Annotation = as[tr.Hops[i].Responder.String()]
		}
	}
	g := gathered(10, one, two)
	for name, tt := range map[string]struct {
		g    *graph
		want string
	}{
		"as":     {g.newGraph(byAS), "map[192.0.2.1 - AS1:2 AS1 - AS2 two:1 AS1 - IXP X:1 IXP X ~ AS1:1]"},
		"prefix": {g.newGraph(byPrefix), "map[10.0.0.0/24 - 10.0.1.0/24:2 10.0.1.0/24 ~ 10.0.2.0/24:1 10.0.2.0/24 - 203.0.113.0/24:1 192.0.2.0/24 - 10.0.0.0/24:2]"},
		"router": {g.newRouters(), "map[10.0.0.1 - 10.0.1.1:1 10.0.0.1 - 10.0.1.2:1 10.0.1.1 ~ 10.0.2.1:1 192.0.2.1 - 10.0.0.1:2]"},
	} {
		if got := fmt.Sprint(tt.g.links(g.book)); got != tt.want {
			t.Errorf("%s: %s\nwant %s", name, got, tt.want)
		}
	}
}

// Every node has a place of its own, the vantage point the middle, and the drawing is bounded.
func TestLayout(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	g := newGathering(3000)
	g.begin("results")
	for range 3000 {
		tr := imagine.Trace(random)
		tr.Source = addr("192.0.2.1")
		g.take(tr)
	}
	g.finish()
	d := g.newRouters()
	if len(d.nodes) != mostNodes || len(d.edges) > mostEdges || d.total <= mostNodes {
		t.Fatalf("%d nodes of %d, %d edges", len(d.nodes), d.total, len(d.edges))
	}
	places := map[[2]float64]int{}
	for i, n := range d.nodes {
		if math.IsNaN(n.x+n.y) || math.IsInf(n.x+n.y, 0) {
			t.Fatalf("node %d is at %v, %v", i, n.x, n.y)
		}
		if n.root && (n.x != 0 || n.y != 0) && len(d.rings) > 0 && math.Hypot(n.x, n.y) > 1 {
			t.Errorf("the vantage point is at %v, %v", n.x, n.y)
		}
		places[[2]float64{n.x, n.y}]++
	}
	if len(places) < len(d.nodes)*99/100 {
		t.Errorf("%d nodes have %d places", len(d.nodes), len(places))
	}
	for ttl := 1; ttl < len(d.rings); ttl++ {
		if d.rings[ttl] <= d.rings[ttl-1] {
			t.Errorf("TTL %d is at %v, TTL %d at %v", ttl, d.rings[ttl], ttl-1, d.rings[ttl-1])
		}
	}
}

// Traces without hops, and no traces at all, have a drawing, too.
func TestEmptyLevels(t *testing.T) {
	for _, g := range []*gathering{gathered(1), gathered(1, newTrace("203.0.113.9", ""))} {
		g.encode()
	}
}
