package target

import "github.com/masstrace/masstrace/internal/permute"

// edges is the subset of a granule's first and last address that is in the pool. Hosts avoid them
// if others remain, because they are often the network's own (subnet-router anycast, RFC 4291
// §2.6.1; broadcast). The address of a granule of one counts as its first.
type edges uint8

const (
	firstEdge edges = 1 << iota
	lastEdge
)

// edgesOf returns the edges of a granule without gaps.
func edgesOf(shift uint) edges {
	if shift == 0 {
		return firstEdge
	}
	return firstEdge | lastEdge
}

func (e edges) count() uint64 { return uint64(e&1 + e>>1) }

// A granule is the set from which hosts are drawn: the pool's addresses in one aligned prefix, by
// their rank from 0 to size−1.
//
// P_granule maps the draws 0 ≤ k < size onto the ranks, one to one. The first size − edges draws
// are a keyed permutation of the inner ranks. The other draws are a keyed permutation of the edges.
// So a host is an edge only if the granule has too few other addresses. Rules other than random map
// the draws in another way (see ranked), also one to one.
type granule struct {
	start u128 // first address of the prefix
	size  u128
	edges edges
}

// permutation returns the granule's permutation of [0, n).
func (x *index) permutation(g granule, n u128) permute.Wide {
	return x.hosts.Wide(g.start.Hi, g.start.Lo, n)
}

// draw returns the rank of the granule's k-th host, for k below its size.
func (x *index) draw(g granule, k uint64) u128 {
	if x.rule.kind != random {
		return x.ranked(g, k)
	}
	n := g.edges.count()
	inner := g.size.Sub(u128{Lo: n})
	if inner.Hi == 0 && k < inner.Lo {
		return u128{Lo: x.hosts.Short(g.start.Hi, g.start.Lo, inner.Lo, k) + uint64(g.edges&firstEdge)}
	}
	if (u128{Lo: k}).Less(inner) {
		p := x.permutation(g, inner)
		return p.At(u128{Lo: k}).Add(u128{Lo: uint64(g.edges & firstEdge)})
	}
	if g.edges&firstEdge == 0 || n == 2 && x.edgeOrder(g, k-inner.Lo) == 1 {
		return g.size.Sub(one)
	}
	return u128{}
}

// undraw returns the k for which draw returns rank. Inlined twice into indexOf, it would slow that
// down by a sixth: the profile of the compiler would have it so.
//
//go:noinline
func (x *index) undraw(g granule, rank u128) u128 {
	if x.rule.kind != random {
		return x.unranked(g, rank)
	}
	n := g.edges.count()
	inner := g.size.Sub(u128{Lo: n})
	first, last := rank == (u128{}), rank == g.size.Sub(one)
	switch {
	case inner.Hi == 0 && rank.Lo-uint64(g.edges&firstEdge) < inner.Lo: // not an edge
		return u128{Lo: x.hosts.ShortInverse(g.start.Hi, g.start.Lo, inner.Lo, rank.Lo-uint64(g.edges&firstEdge))}
	case g.edges&firstEdge != 0 && first, g.edges&lastEdge != 0 && last:
		if n == 2 && last {
			return inner.Add(u128{Lo: x.edgeOrder(g, 1)})
		}
		if n == 2 {
			return inner.Add(u128{Lo: x.edgeOrder(g, 0)})
		}
		return inner
	default:
		p := x.permutation(g, inner)
		return p.Inverse(rank.Sub(u128{Lo: uint64(g.edges & firstEdge)}))
	}
}

// edgeOrder permutes two edges. A permutation of two is its own inverse.
func (x *index) edgeOrder(g granule, k uint64) uint64 {
	p := x.permutation(g, u128{Lo: 2})
	return p.At(u128{Lo: k}).Lo
}
