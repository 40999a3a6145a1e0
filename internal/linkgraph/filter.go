package linkgraph

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// kept reports for each node whether the filters keep it.
func (b *Builder) kept() ([]bool, error) {
	keep := make([]bool, len(b.nodes))
	if len(b.cfg.ASNs) == 0 && len(b.cfg.Prefixes) == 0 {
		for i := range keep {
			keep[i] = true
		}
	} else {
		for _, l := range b.links {
			if b.inside(l.from) || b.inside(l.to) {
				keep[l.from], keep[l.to] = true, true
			}
		}
		for i := range keep {
			keep[i] = keep[i] || b.inside(i)
		}
	}
	if b.cfg.Around == "" {
		return keep, nil
	}
	near, err := b.around()
	for i := range keep {
		keep[i] = keep[i] && near[i]
	}
	return keep, err
}

// between reports whether the filters keep a link between nodes that they keep.
func (b *Builder) between(l *Link) bool {
	return len(b.cfg.ASNs) == 0 && len(b.cfg.Prefixes) == 0 || b.inside(l.from) || b.inside(l.to)
}

// inside reports whether a node is in a system or a prefix of the filters.
func (b *Builder) inside(i int) bool {
	n := b.nodes[i]
	if slices.Contains(b.cfg.ASNs, n.ASN) && n.ASN != 0 {
		return true
	}
	a := n.addr.Netip()
	return slices.ContainsFunc(b.cfg.Prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

// around returns the nodes within some links of a node, in either direction.
func (b *Builder) around() ([]bool, error) {
	near := make([]bool, len(b.nodes))
	start := slices.IndexFunc(b.nodes, func(n *Node) bool { return strings.EqualFold(n.ID, b.cfg.Around) })
	if start < 0 {
		return near, &AbsentError{b.cfg.Around}
	}
	next := make([][]int, len(b.nodes))
	for _, l := range b.links {
		next[l.from] = append(next[l.from], l.to)
		next[l.to] = append(next[l.to], l.from)
	}
	near[start] = true
	edge := []int{start}
	for range b.cfg.Within {
		var far []int
		for _, i := range edge {
			for _, j := range next[i] {
				if !near[j] {
					near[j] = true
					far = append(far, j)
				}
			}
		}
		edge = far
	}
	return near, nil
}

// AbsentError means that no path has the node that others are to be near to.
type AbsentError struct{ Node string }

// Error implements error.
func (e *AbsentError) Error() string { return fmt.Sprintf("no path has %s", e.Node) }
