package draw

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// place is an address at a TTL; the zero address is silence.
type place struct {
	ttl  uint8
	addr probe.Addr
}

// node is a place with its links. Links over which only moved flows went are left out.
type node struct {
	place
	flows  int
	nears  []*node
	fars   []*node
	share  []int // flows of the links to fars
	index  int   // in its level
	slot   int   // column of a drawing
	within int   // flows that went on by links
}

// level has the nodes of a TTL.
type level struct {
	ttl   uint8
	nodes []*node
}

func (l *level) single() bool { return len(l.nodes) == 1 }

// routers returns the number of nodes that answered.
func (l *level) routers() (n int) {
	for _, at := range l.nodes {
		if !at.addr.IsZero() {
			n++
		}
	}
	return n
}

// graph has the levels from the lowest TTL to the highest, without gaps.
type graph struct{ levels []level }

// newGraph returns the graph of m.
func newGraph(m *record.Multipath) *graph {
	all := map[place]*node{}
	at := func(ttl uint8, addr probe.Addr) *node {
		p := place{ttl, addr}
		if all[p] == nil {
			all[p] = &node{place: p}
		}
		return all[p]
	}
	for i := range m.Nodes {
		at(m.Nodes[i].TTL, m.Nodes[i].Addr).flows = m.Nodes[i].Flows
	}
	for i := range m.Links {
		l := &m.Links[i]
		if l.Remapped || l.TTL == 0 || l.TTL == 255 {
			continue
		}
		near, far := at(l.TTL, l.Near), at(l.TTL+1, l.Far)
		near.fars, near.share = append(near.fars, far), append(near.share, l.Flows)
		far.nears = append(far.nears, near)
		if far.addr.IsZero() {
			far.flows += l.Flows
		}
		near.within += l.Flows
	}
	dropLosses(all)
	return &graph{levelsOf(all)}
}

// fewLost is how many times as many flows a router answered at least as were silent beside it, if the
// silence is taken for loss.
const fewLost = 3

// dropLosses drops silent nodes that a router at their TTL explains: it has all their links, and its
// answers to a few flows were lost. A silent branch gets more of the flows.
func dropLosses(all map[place]*node) {
	routers := map[uint8][]*node{}
	for p, n := range all {
		if !p.addr.IsZero() {
			routers[p.ttl] = append(routers[p.ttl], n)
		}
	}
	for p, silent := range all {
		if p.addr.IsZero() && slices.ContainsFunc(routers[p.ttl], silent.isLossAt) {
			for _, near := range silent.nears {
				near.drop(silent)
			}
			for _, far := range silent.fars {
				far.nears = slices.DeleteFunc(far.nears, func(n *node) bool { return n == silent })
			}
			delete(all, p)
		}
	}
}

// isLossAt reports whether the silence of n is probably that of a router.
func (n *node) isLossAt(router *node) bool {
	has := func(links []*node) func(*node) bool {
		return func(other *node) bool { return !other.addr.IsZero() && !slices.Contains(links, other) }
	}
	return n.flows*fewLost <= router.flows &&
		!slices.ContainsFunc(n.nears, has(router.nears)) && !slices.ContainsFunc(n.fars, has(router.fars))
}

// drop removes the link to a node.
func (n *node) drop(far *node) {
	if i := slices.Index(n.fars, far); i >= 0 {
		n.fars, n.share = slices.Delete(n.fars, i, i+1), slices.Delete(n.share, i, i+1)
	}
}

// levelsOf sorts nodes into levels.
func levelsOf(all map[place]*node) (levels []level) {
	list := make([]*node, 0, len(all))
	for _, n := range all {
		n.flows = max(n.flows, n.within, 0)
		if n.ttl > 0 {
			list = append(list, n)
		}
	}
	slices.SortFunc(list, func(a, b *node) int {
		return cmp.Or(cmp.Compare(a.ttl, b.ttl), silentLast(a, b), bytes.Compare(a.addr[:], b.addr[:]))
	})
	for _, n := range list {
		for len(levels) > 0 && levels[len(levels)-1].ttl+1 < n.ttl { // nothing is known of that TTL
			ttl := levels[len(levels)-1].ttl + 1
			levels = append(levels, level{ttl, []*node{{place: place{ttl: ttl}}}})
		}
		if len(levels) == 0 || levels[len(levels)-1].ttl != n.ttl {
			levels = append(levels, level{ttl: n.ttl})
		}
		l := &levels[len(levels)-1]
		l.nodes = append(l.nodes, n)
	}
	for i := range levels {
		levels[i].order()
	}
	return levels
}

// silentLast puts silence after the nodes that answered.
func silentLast(a, b *node) int {
	switch {
	case a.addr.IsZero() == b.addr.IsZero():
		return 0
	case a.addr.IsZero():
		return 1
	}
	return -1
}

// order sorts the nodes of a level by the places of those before them, and numbers them.
func (l *level) order() {
	slices.SortStableFunc(l.nodes, func(a, b *node) int { return cmp.Compare(a.middle(), b.middle()) })
	for i, n := range l.nodes {
		n.index = i
	}
}

// middle is the mean place of the nodes before.
func (n *node) middle() float64 {
	if len(n.nears) == 0 {
		return 1e9
	}
	sum := 0
	for _, near := range n.nears {
		sum += near.index
	}
	return float64(sum) / float64(len(n.nears))
}
