package target

import "math/bits"

// A guide narrows a search in a sorted slice. It is a table, indexed by the leading bits of the
// value, of the elements at which each stretch of values begins. The table is no longer than the
// slice. It shortens a search over 10⁵ prefixes from 17 steps, most of them cache misses, to one or
// two. If all prefixes lie close together it helps less, and a full binary search remains.
type guide struct {
	origin u128
	shift  uint
	first  []uint32 // for each stretch, the last element not above its beginning
}

// newGuide returns a guide to n ascending elements, n not 0.
func newGuide(n int, at func(int) u128) guide {
	g := guide{origin: at(0)}
	width := at(n - 1).Sub(g.origin).Len()
	g.shift = uint(max(0, width-bits.Len(uint(n))+1))
	stretches := at(n-1).Sub(g.origin).Rsh(g.shift).Lo + 1
	g.first = make([]uint32, stretches+1)
	element := 0
	for i := range stretches {
		begin := g.origin.Add(u128{Lo: i}.Lsh(g.shift))
		for element+1 < n && !begin.Less(at(element+1)) {
			element++
		}
		g.first[i] = uint32(element)
	}
	g.first[stretches] = uint32(n - 1)
	return g
}

// around returns a range, both ends included, that contains the last element not above v. v is not
// below the first element.
func (g *guide) around(v u128) (from, to int) {
	i := v.Sub(g.origin).Rsh(g.shift)
	if last := uint64(len(g.first) - 2); i.Hi != 0 || i.Lo > last {
		i.Lo = last
	}
	return int(g.first[i.Lo]), int(g.first[i.Lo+1])
}
