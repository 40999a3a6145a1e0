package permute

// Family makes permutations by number under one key. It is for callers that need a permutation for
// one or two calls only: each costs a fifth of a key schedule. The permutations differ from those
// that New makes of tweaked keys.
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

// Short is Wide(hi, lo, n).At(i) for an n, not 0, that fits in 64 bits, in half the time.
func (f *Family) Short(hi, lo, n, i uint64) uint64 {
	b := newBelow(n)
	return b.at(&f.keys, f.tweak(hi, lo), i)
}

// ShortInverse is Wide(hi, lo, n).Inverse(j), like Short.
func (f *Family) ShortInverse(hi, lo, n, j uint64) uint64 {
	b := newBelow(n)
	return b.inverse(&f.keys, f.tweak(hi, lo), j)
}

// tweak returns the value by which the round keys of a member differ. Two numbers have the same
// tweak only by chance; then they have the same permutation.
func (f *Family) tweak(hi, lo uint64) uint64 { return finish(hi*f.keys[0].mul ^ lo) }
