package report

import (
	"cmp"
	"math"
	"slices"
)

// layOut places the nodes as a radial tree. The vantage points are in the middle, and the distance
// of a node from there grows with its mean TTL. The parent of a node is the one before it on most
// paths. Each node has a part of the sector of its parent, as wide as the leaves beyond it need. So
// neighbours on a path are neighbours in the drawing. The time is linear in the edges.
func (t *graph) layOut() {
	parents := t.parents()
	children := make([][]int32, len(t.nodes)+1) // of the last one: nodes without a parent
	order := make([]int32, len(t.nodes))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { // similar addresses stay together
		return cmp.Compare(t.nodes[a].group, t.nodes[b].group)
	})
	for _, i := range order {
		p := parents[i]
		if p < 0 {
			p = int32(len(t.nodes))
		}
		children[p] = append(children[p], i)
	}
	leaves := t.leaves(children, parents)
	roots := children[len(t.nodes)]
	var all float64
	for _, r := range roots {
		all += leaves[r]
	}
	type sector struct {
		node        int32
		from, width float64
	}
	var stack []sector
	from := 0.0
	for _, r := range roots {
		width := 2 * math.Pi * leaves[r] / all
		stack = append(stack, sector{r, from, width})
		from += width
	}
	alone := len(roots) == 1
	t.rings = t.ringRadii()
	for len(stack) > 0 {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		n := &t.nodes[s.node]
		radius, angle := t.radius(n.depth), s.from+s.width/2
		switch {
		case parents[s.node] < 0 && alone:
			radius = 0
		case parents[s.node] < 0:
			radius = max(radius, 0.3)
		}
		n.x, n.y = radius*math.Cos(angle), radius*math.Sin(angle)
		at := s.from
		for _, c := range children[s.node] {
			width := s.width * leaves[c] / max(leaves[s.node], 1)
			stack = append(stack, sector{c, at, width})
			at += width
		}
	}
	slices.SortStableFunc(t.edges, func(a, b edge) int { // no node loses its parent
		return int(mark(b.tree, 1)) - int(mark(a.tree, 1))
	})
	t.edges = t.edges[:min(len(t.edges), mostEdges)]
}

// ringRadii returns the radius of each TTL. TTLs with many nodes get more room than those with few.
func (t *graph) ringRadii() []float64 {
	counts := []float64{0}
	for i := range t.nodes {
		ttl := int(math.Ceil(t.nodes[i].depth))
		for len(counts) <= ttl {
			counts = append(counts, 0)
		}
		counts[ttl]++
	}
	most := slices.Max(counts)
	radii := make([]float64, len(counts))
	for ttl := 1; ttl < len(counts); ttl++ {
		radii[ttl] = radii[ttl-1] + 0.5 + math.Sqrt(counts[ttl]/max(most, 1))
	}
	return radii
}

// radius returns the radius of a mean TTL.
func (t *graph) radius(depth float64) float64 {
	ttl := int(depth)
	if ttl+1 >= len(t.rings) {
		return t.rings[len(t.rings)-1]
	}
	return t.rings[ttl] + (depth-float64(ttl))*(t.rings[ttl+1]-t.rings[ttl])
}

// parents returns the node before each node on most paths. It is nearer to the vantage point. -1
// stands for no such node.
func (t *graph) parents() []int32 {
	parents := make([]int32, len(t.nodes))
	for i := range parents {
		parents[i] = -1
	}
	for i, e := range t.edges { // those of most traces first
		if parents[e.to] < 0 && !t.nodes[e.to].root && t.nodes[e.from].depth < t.nodes[e.to].depth {
			parents[e.to] = int32(e.from)
			t.edges[i].tree = true
		}
	}
	return parents
}

// leaves returns the room that each node needs: the leaves beyond it, at least 1.
func (t *graph) leaves(children [][]int32, parents []int32) []float64 {
	deepest := make([]int32, len(t.nodes))
	for i := range deepest {
		deepest[i] = int32(i)
	}
	slices.SortFunc(deepest, func(a, b int32) int { // children before their parents
		return cmp.Or(cmp.Compare(t.nodes[b].depth, t.nodes[a].depth), cmp.Compare(a, b))
	})
	room := make([]float64, len(t.nodes))
	for _, i := range deepest {
		if len(children[i]) == 0 {
			room[i] = 1
		}
		if p := parents[i]; p >= 0 {
			room[p] += room[i]
		}
	}
	return room
}
