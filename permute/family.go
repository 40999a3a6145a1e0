package permute

import "math/bits"

// Family makes permutations by number under one key, for those who need one
// for a call or two only: it costs a fifth of a key schedule. The permutations
// are others than those that New makes of tweaked keys.
type Family struct{ keys roundKeys }

// NewFamily returns the family that belongs to key.
func NewFamily(key Key) (f Family) {
	f.keys.fill(key)
	return f
}

// Wide returns permutation number (hi, lo) of the family, over [0, n).
func (f *Family) Wide(hi, lo uint64, n Uint128) (p Wide) {
	if n == (Uint128{}) {
		return p
	}
	// Two numbers share t by chance only, and then their permutations; the
	// rotation keeps the rounds from seeing the same change.
	t := finish(hi*f.keys[0].mul ^ lo)
	for i, k := range f.keys {
		p.f.keys[i] = roundKey{add: k.add ^ bits.RotateLeft64(t, 11*i), mul: k.mul}
	}
	p.fit(n)
	return p
}
