package permute

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
func (f *Family) Wide(hi, lo uint64, n Uint128) Wide {
	return newWide(&f.keys, f.tweak(hi, lo), n)
}

// Short is Wide(hi, lo, n).At(i) for an n, not 0, that fits in 64 bits, in half
// the time.
func (f *Family) Short(hi, lo, n, i uint64) uint64 {
	b := newBelow(n)
	return b.at(&f.keys, f.tweak(hi, lo), i)
}

// ShortInverse is Wide(hi, lo, n).Inverse(j) likewise.
func (f *Family) ShortInverse(hi, lo, n, j uint64) uint64 {
	b := newBelow(n)
	return b.inverse(&f.keys, f.tweak(hi, lo), j)
}

// tweak returns what the round keys of a member differ by. Two numbers share it
// by chance only, and then their permutations.
func (f *Family) tweak(hi, lo uint64) uint64 { return finish(hi*f.keys[0].mul ^ lo) }
