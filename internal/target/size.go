package target

import (
	"cmp"
	"math"
)

// Len returns the number of addresses in the set; math.MaxUint64 stands for more.
func (s Set) Len() uint64 { return saturated(s.size()) }

// Emptied returns the number of granules with an address in s of which none is in left, a subset of
// s. The lengths of the prefixes are those of Config, 0 for the default; math.MaxUint64 stands for
// more.
func (s Set) Emptied(left Set, granularity4, granularity6 int) uint64 {
	shift4, shift6 := uint(32-cmp.Or(granularity4, default4)), uint(128-cmp.Or(granularity6, default6))
	return saturated(s.granules(shift4, shift6).Sub(left.granules(shift4, shift6)))
}

// size returns the number of addresses. It is below 2¹²⁸, since :: and the mapped addresses are in
// no Set.
func (s Set) size() (n u128) {
	for _, s := range s.spans {
		n = n.Add(s.hi.Sub(s.lo)).Add(one)
	}
	return n
}

// granules returns the number of granules, of 2ˢʰⁱᶠᵗ addresses, that have an address in the set.
func (s Set) granules(shift4, shift6 uint) (n u128) {
	spans4, spans6 := byFamily(s.spans, func(s span) u128 { return s.lo })
	return granules(spans4, shift4).Add(granules(spans6, shift6))
}

// granules returns that number for the spans of one family.
func granules(spans []span, shift uint) (n u128) {
	for i, s := range spans {
		n = n.Add(s.hi.Rsh(shift).Sub(s.lo.Rsh(shift))).Add(one)
		if i > 0 && spans[i-1].hi.Rsh(shift) == s.lo.Rsh(shift) {
			n = n.Sub(one)
		}
	}
	return n
}

func saturated(n u128) uint64 {
	if n.Hi != 0 {
		return math.MaxUint64
	}
	return n.Lo
}
