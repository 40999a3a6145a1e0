package permute

import "math/bits"

// rounds of the network. The halves are changed in turns, so each is changed in half of them. Four
// are enough to look random in a large domain, six in a small one too.
const rounds = 6

// A feistel is a keyed bijection on pairs (l, r) of 0 ≤ l ≤ top and 0 ≤ r ≤ mask, where mask =
// 2ˢʰⁱᶠᵗ−1. Its domain D has (top+1)·2ˢʰⁱᶠᵗ values.
//
// It is a bijection for every key. A round either adds to l, modulo top+1, a number that depends
// on r alone. Or it XORs into r a number that depends on l alone. A round does not change the
// half that it reads, so the same number can be subtracted again. backward does that in reverse
// order.
//
// A domain [0, n) that does not fill D uses cycle walking: apply the network until the value is
// below n. The walk ends, because the cycle of D that it follows leads back to its start, which
// is below n. It is a bijection on [0, n). Each value below n has exactly one predecessor below n
// on its cycle: the one that a backward walk finds.
//
// The caller provides the round keys: those of one permutation, or those of a family with the tweak
// of a member.
type feistel struct {
	top   uint64 // 2⁶⁴−1 is allowed
	mask  uint64
	shift uint8 // 0 to 64; a shift by 64 gives 0 in Go, as needed
}

type roundKey struct{ add, mul uint64 }

type roundKeys [rounds]roundKey

// fill works in place, because a copy would cost as much as making the keys.
func (r *roundKeys) fill(k Key) {
	s := k.stream()
	for i := range r {
		// An odd factor makes the low word of the product one to one.
		r[i] = roundKey{add: s.next(), mul: s.next() | 1}
	}
}

// halves sets the domain.
func (f *feistel) halves(top uint64, shift uint) {
	f.top, f.mask, f.shift = top, 1<<shift-1, uint8(shift)
}

// mix is the function of round i: both words of a 64×64-bit product, XORed. The rotation makes the
// tweak different in each round.
func (r *roundKeys) mix(i int, tweak, x uint64) uint64 {
	hi, lo := bits.Mul64(x^(r[i].add^bits.RotateLeft64(tweak, 11*i)), r[i].mul)
	return hi ^ lo
}

// scale maps x, uniform in 64 bits, onto [0, top] as ⌊x·(top+1)/2⁶⁴⌋.
func (f *feistel) scale(x uint64) uint64 {
	hi, lo := bits.Mul64(x, f.top)
	_, carry := bits.Add64(lo, x, 0)
	return hi + carry
}

func (f *feistel) forward(keys *roundKeys, tweak, l, r uint64) (uint64, uint64) {
	for i := 0; i < rounds; i += 2 {
		l = f.addMod(l, f.scale(keys.mix(i, tweak, r)))
		r ^= keys.mix(i+1, tweak, l) & f.mask
	}
	return l, r
}

func (f *feistel) backward(keys *roundKeys, tweak, l, r uint64) (uint64, uint64) {
	for i := rounds - 2; i >= 0; i -= 2 {
		r ^= keys.mix(i+1, tweak, l) & f.mask
		l = f.subMod(l, f.scale(keys.mix(i, tweak, r)))
	}
	return l, r
}

// below is [0, n) in the domain, n not 0.
type below struct {
	f feistel
	n uint64
}

func newBelow(n uint64) (b below) {
	// The right half has k bits, the left one a = ⌈n/2ᵏ⌉ values. Together they exceed n by less
	// than 2ᵏ < √2n, so a walk is rare.
	k := uint(bits.Len64(n-1)) / 2
	b.n = n
	b.f.halves((n-1)>>k, k)
	return b
}

func (b *below) at(keys *roundKeys, tweak, i uint64) uint64 {
	if i >= b.n {
		panic("permute: argument is not below n")
	}
	for {
		l, r := b.f.forward(keys, tweak, i>>b.f.shift, i&b.f.mask)
		if i = l<<b.f.shift | r; i < b.n {
			return i
		}
	}
}

func (b *below) inverse(keys *roundKeys, tweak, j uint64) uint64 {
	if j >= b.n {
		panic("permute: argument is not below n")
	}
	for {
		l, r := b.f.backward(keys, tweak, j>>b.f.shift, j&b.f.mask)
		if j = l<<b.f.shift | r; j < b.n {
			return j
		}
	}
}

// addMod returns l + x modulo top+1, for l and x not above top. The comparison is as good as
// random, so the code is written to compile without a branch.
func (f *feistel) addMod(l, x uint64) uint64 {
	sum := l + x
	if x > f.top-l { // avoids a sum that could overflow
		sum -= f.top + 1
	}
	return sum
}

// subMod returns l − x modulo top+1, for l and x not above top.
func (f *feistel) subMod(l, x uint64) uint64 {
	diff := l - x
	if x > l {
		diff += f.top + 1
	}
	return diff
}
