package draw

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// gap is the number of blanks between columns at least.
const gap = 2

// columns draws the levels from a to before b side by side, with the single levels around them if
// there are any. It reports false, and draws nothing, if they do not fit or lines would cross.
func (d *drawing) columns(a, b int) bool {
	levels := d.graph.levels[a:b]
	around := d.graph.levels[max(a-1, 0):min(b+1, len(d.graph.levels))]
	slots(levels)
	for _, l := range []int{a - 1, b} {
		if l >= 0 && l < len(d.graph.levels) {
			d.graph.levels[l].nodes[0].slot = 0
		}
	}
	for i := 1; i < len(around); i++ {
		if crosses(&around[i-1], &around[i]) {
			return false
		}
	}
	text := d.shared
	at, width := positions(levels, text)
	if width > d.opt.Width {
		text = d.label
		if at, width = positions(levels, text); width > d.opt.Width {
			return false
		}
	}
	if a > 0 {
		d.wires(&d.graph.levels[a-1], &levels[0], at)
	}
	for i := range levels {
		row := newRow(width)
		row.put(0, fmt.Sprintf("%2d", levels[i].ttl))
		for _, n := range levels[i].nodes {
			row.put(at[n.slot], text(n))
		}
		d.line(row.String())
		if i+1 < len(levels) {
			d.wires(&levels[i], &levels[i+1], at)
		}
	}
	if b < len(d.graph.levels) {
		d.wires(&levels[len(levels)-1], &d.graph.levels[b], at)
	}
	return true
}

// slots gives each node a column. Those of the widest level have one each. Others have the
// leftmost column of the nodes that they are linked to, or the next free one.
func slots(levels []level) {
	widest := 0
	for i := range levels {
		if len(levels[i].nodes) > len(levels[widest].nodes) {
			widest = i
		}
	}
	for i, n := range levels[widest].nodes {
		n.slot = i
	}
	for i := widest + 1; i < len(levels); i++ {
		settle(levels[i].nodes, func(n *node) []*node { return n.nears })
	}
	for i := widest - 1; i >= 0; i-- {
		settle(levels[i].nodes, func(n *node) []*node { return n.fars })
	}
}

func settle(nodes []*node, linked func(*node) []*node) {
	free := 0
	for _, n := range nodes {
		n.slot = free
		if others := linked(n); len(others) > 0 {
			leftmost := slices.MinFunc(others, func(a, b *node) int { return a.slot - b.slot })
			n.slot = max(free, leftmost.slot)
		}
		free = n.slot + 1
	}
}

// shared is the label of a node, with its share of the flows if it is a branch of one balancer.
func (d *drawing) shared(n *node) string {
	if len(n.nears) != 1 || len(n.nears[0].fars) < 2 {
		return d.label(n)
	}
	near := n.nears[0]
	return d.label(n) + " " + strings.TrimLeft(share(near.share[slices.Index(near.fars, n)], near.within), " ")
}

// positions returns where each column begins, and the width of all. text is that of a node.
func positions(levels []level, text func(*node) string) (at []int, width int) {
	var widths []int
	for i := range levels {
		for _, n := range levels[i].nodes {
			for len(widths) <= n.slot {
				widths = append(widths, 0)
			}
			widths[n.slot] = max(widths[n.slot], utf8.RuneCountInString(text(n)))
		}
	}
	x := margin
	for _, w := range widths {
		at = append(at, x)
		x += w + gap
	}
	return at, x - gap
}

// group is nodes of two levels that are linked with each other, all with all.
type group struct {
	nears, fars []*node
	left, right int // columns
}

// groups returns the groups between two levels; whole is false if some of the nodes of a group
// are not linked.
func groups(nears, fars *level) (list []group, whole bool) {
	seen := map[*node]bool{}
	whole = true
	for _, first := range nears.nodes {
		if seen[first] || len(first.fars) == 0 {
			continue
		}
		g := group{nears: []*node{first}}
		seen[first] = true
		for i, j := 0, 0; i < len(g.nears) || j < len(g.fars); {
			if i < len(g.nears) {
				g.fars = appendNew(g.fars, g.nears[i].fars, seen)
				i++
				continue
			}
			g.nears = appendNew(g.nears, g.fars[j].nears, seen)
			j++
		}
		for _, n := range g.nears {
			whole = whole && len(n.fars) == len(g.fars)
		}
		g.span()
		list = append(list, g)
	}
	return list, whole
}

func appendNew(list, more []*node, seen map[*node]bool) []*node {
	for _, n := range more {
		if !seen[n] {
			seen[n] = true
			list = append(list, n)
		}
	}
	return list
}

func (g *group) span() {
	g.left, g.right = g.nears[0].slot, g.nears[0].slot
	for _, n := range slices.Concat(g.nears, g.fars) {
		g.left, g.right = min(g.left, n.slot), max(g.right, n.slot)
	}
}

// crosses reports whether the links between two levels cannot be drawn in one row. Then lines of
// different groups would meet, or would show links that there are not.
func crosses(nears, fars *level) bool {
	list, whole := groups(nears, fars)
	if !whole {
		return true
	}
	slices.SortFunc(list, func(a, b group) int { return a.left - b.left })
	for i := 1; i < len(list); i++ {
		if list[i].left <= list[i-1].right {
			return true
		}
	}
	return false
}

// wires draws the links between two levels.
func (d *drawing) wires(nears, fars *level, at []int) {
	row := newRow(0)
	list, _ := groups(nears, fars)
	if len(list) == 0 {
		return
	}
	for i := range list {
		g := &list[i]
		up, down := ends(g.nears, at), ends(g.fars, at)
		left, right := at[g.left], at[g.right]
		for x := left; x <= right; x++ {
			row.put(x, d.signs.wire(up[x], down[x], x > left, x < right))
		}
	}
	d.line(row.String())
}

// ends returns the positions of nodes.
func ends(nodes []*node, at []int) map[int]bool {
	all := map[int]bool{}
	for _, n := range nodes {
		all[at[n.slot]] = true
	}
	return all
}

// row is a line of text that is written in any order.
type row struct{ runes []rune }

func newRow(width int) *row { return &row{[]rune(strings.Repeat(" ", width))} }

func (r *row) put(x int, text string) {
	for _, c := range text {
		for len(r.runes) <= x {
			r.runes = append(r.runes, ' ')
		}
		r.runes[x] = c
		x++
	}
}

func (r *row) String() string { return string(r.runes) }
