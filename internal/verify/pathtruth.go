package verify

import (
	"time"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// pathTruth is the truth about the paths to one target.
type pathTruth struct {
	first     map[place]bool // nodes, at any time of the search
	links     map[span]bool  // between any two of them
	answering map[place]bool // nodes that show hops, at the begin of the search, without loops
	between   map[span]bool  // links between these
	graph     *netsim.Graph  // at the begin
	flow      *flow
}

// pathTruth returns the truth about a destination. If routes change during the run, nodes and links
// at its end are true too.
func (c *checker) pathTruth(d uint32, r *record.Multipath) *pathTruth {
	f := &c.asked.flows[c.asked.dests[d].flow]
	p := &pathTruth{first: make(map[place]bool), links: make(map[span]bool), answering: make(map[place]bool),
		between: make(map[span]bool), flow: f}
	in := c.asked.netsimFlowAt(f, r.Start)
	p.graph = c.truth.Graph(&in, probe.MaxTTL)
	c.addGraph(p, p.graph, true)
	// Another route, or a balancer by destination that got another hash.
	if in.At = time.Duration(c.asked.last - c.asked.begin); c.asked.changes {
		c.addGraph(p, c.truth.Graph(&in, probe.MaxTTL), false)
	}
	return p
}

// addGraph adds the nodes and links of a graph.
func (c *checker) addGraph(p *pathTruth, g *netsim.Graph, begin bool) {
	lowest, highest := uint8(1), uint8(probe.MaxTTL)
	if c.run != nil && c.run.TTL[1] > 0 {
		lowest, highest = c.run.TTL[0], c.run.TTL[1]
	}
	counts := func(n *netsim.Node) bool {
		return begin && !n.Loop && n.TTL >= lowest && n.TTL <= highest && c.shows(p.flow, &n.Hop)
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		at := placeOf(n)
		if n.Fate == netsim.Answered {
			p.first[at] = true
		}
		if counts(n) {
			p.answering[at] = true
		}
	}
	for _, l := range g.Links {
		near, far := &g.Nodes[l.Near], &g.Nodes[l.Far]
		s := span{placeOf(near), probe.AddrFrom(far.Addr)}
		p.links[s] = true
		if counts(near) && counts(far) {
			p.between[s] = true
		}
	}
}

func placeOf(n *netsim.Node) place { return place{n.TTL, probe.AddrFrom(n.Addr)} }
