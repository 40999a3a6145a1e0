package report

import (
	"cmp"
	"fmt"
	"slices"
)

// mostNodes and mostEdges limit the drawing of a level. A browser draws that many smoothly.
const (
	mostNodes = 1500
	mostEdges = 4000
)

// graph is the drawing of a level: the groups that most traces pass, with positions, and the links
// between them.
type graph struct {
	groups []string  // labels, by group; nil for routers, whose groups are their addresses
	of     []uint32  // the group of each address of the book, plus 1; 0 without one
	total  int       // groups that traces pass
	rings  []float64 // radius of each TTL in the drawing
	nodes  []node    // busiest first
	edges  []edge
}

// node is a group in a drawing.
type node struct {
	group  uint32
	traces uint32
	depth  float64 // mean TTL
	root   bool    // it has a vantage point
	x, y   float64
}

// edge is a link of two nodes, by their places in the list.
type edge struct {
	from, to uint32
	traces   uint32
	gap      bool // no trace has them at adjacent TTLs
	tree     bool // the near end is the parent of the far end in the drawing
}

// grouping returns the group of an address, and false if it has none.
type grouping func(a *address) (label string, ok bool)

func byAS(a *address) (string, bool) {
	switch {
	case a.about == nil:
		return "", false
	case a.about.IXP != "":
		return "IXP " + a.about.IXP, true
	case len(a.about.ASN) > 0:
		label := fmt.Sprintf("AS%d", a.about.ASN[0])
		if a.about.ASName != "" {
			label += " " + a.about.ASName
		}
		return label, true
	}
	return "", false
}

func byPrefix(a *address) (string, bool) {
	if a.about != nil && a.about.Prefix != "" {
		return a.about.Prefix, true
	}
	bits := 24
	if a.addr.Is6() {
		bits = 48
	}
	p, err := a.addr.Netip().Prefix(bits)
	return p.String(), err == nil
}

// newGraph returns the drawing of the groups that of gives to addresses.
func (g *gathering) newGraph(of grouping) *graph {
	t := &graph{groups: []string{}, of: make([]uint32, len(g.book.addrs))}
	numbers := map[string]uint32{}
	sources := map[uint32]bool{}
	for i := range g.paths {
		sources[g.paths[i].source] = true
	}
	for i := range g.book.addrs {
		a := &g.book.addrs[i]
		label, ok := of(a)
		switch {
		case !ok && !sources[uint32(i)]:
			continue
		case !ok: // a vantage point is the middle of every drawing
			label = a.addr.String()
		}
		n := numbers[label]
		if n == 0 {
			t.groups = append(t.groups, label)
			n = uint32(len(t.groups))
			numbers[label] = n
		}
		t.of[i] = n
	}
	t.draw(g.paths, len(t.groups), func(p *path, h *hop) bool { return true })
	return t
}

// newRouters returns the drawing of the addresses of routers. The targets are left out.
func (g *gathering) newRouters() *graph {
	t := &graph{of: make([]uint32, len(g.book.addrs))}
	for i := range t.of {
		t.of[i] = uint32(i) + 1
	}
	t.draw(g.paths, len(t.of), func(p *path, h *hop) bool { return h.addr != p.target })
	return t
}

// passed is a group that a trace passes, at the TTL at which it does so first.
type passed struct {
	group     uint32 // plus 1
	ttl, last uint8
}

// passes appends the groups that p passes to list, its vantage point first.
func (t *graph) passes(list []passed, p *path, takes func(*path, *hop) bool) []passed {
	if n := t.of[p.source]; n != 0 {
		list = append(list, passed{n, 0, 0})
	}
	for i := range p.hops {
		h := &p.hops[i]
		n := t.of[h.addr]
		if n == 0 || !takes(p, h) {
			continue
		}
		if k := len(list) - 1; k >= 0 && list[k].group == n {
			list[k].last = h.ttl
			continue
		}
		list = append(list, passed{n, h.ttl, h.ttl})
	}
	return list
}

// draw counts the groups and their links, and lays out those with the most traces.
func (t *graph) draw(paths []path, groups int, takes func(*path, *hop) bool) {
	counts := make([]node, groups)
	var list []passed
	for i := range paths {
		list = t.passes(list[:0], &paths[i], takes)
		for _, at := range list {
			n := &counts[at.group-1]
			n.group = at.group - 1
			n.traces++
			n.depth += float64(at.ttl)
			n.root = n.root || at.ttl == 0
		}
	}
	for _, n := range counts {
		if n.traces > 0 {
			n.depth /= float64(n.traces)
			t.nodes = append(t.nodes, n)
		}
	}
	t.total = len(t.nodes)
	slices.SortFunc(t.nodes, func(a, b node) int {
		return cmp.Or(cmp.Compare(b.traces, a.traces), cmp.Compare(a.group, b.group))
	})
	t.nodes = t.nodes[:min(len(t.nodes), mostNodes)]
	places := make([]uint32, groups) // of groups in the list, plus 1
	for i, n := range t.nodes {
		places[n.group] = uint32(i) + 1
	}
	t.link(paths, places, takes)
	t.layOut()
}

// link counts the links of the nodes. Nodes with others between them that are not drawn are linked
// over a gap.
func (t *graph) link(paths []path, places []uint32, takes func(*path, *hop) bool) {
	type count struct {
		traces uint32
		near   bool
	}
	links := map[[2]uint32]count{}
	var list []passed
	for i := range paths {
		list = t.passes(list[:0], &paths[i], takes)
		from, last := uint32(0), -1
		for k, at := range list {
			to := places[at.group-1]
			if to == 0 {
				continue
			}
			if from != 0 && from != to {
				c := links[[2]uint32{from, to}]
				c.traces++
				c.near = c.near || last == k-1 && at.ttl <= list[k-1].last+1
				links[[2]uint32{from, to}] = c
			}
			from, last = to, k
		}
	}
	for ends, c := range links {
		t.edges = append(t.edges, edge{from: ends[0] - 1, to: ends[1] - 1, traces: c.traces, gap: !c.near})
	}
	slices.SortFunc(t.edges, func(a, b edge) int {
		return cmp.Or(cmp.Compare(b.traces, a.traces), cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	})
}
