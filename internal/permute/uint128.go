package permute

import "math/bits"

// Uint128 is an unsigned number of 128 bits, comparable with ==. Its
// arithmetic wraps as that of uint64 does.
type Uint128 struct{ Hi, Lo uint64 }

// Add returns a + b modulo 2¹²⁸.
func (a Uint128) Add(b Uint128) Uint128 {
	lo, carry := bits.Add64(a.Lo, b.Lo, 0)
	hi, _ := bits.Add64(a.Hi, b.Hi, carry)
	return Uint128{Hi: hi, Lo: lo}
}

// Sub returns a − b modulo 2¹²⁸.
func (a Uint128) Sub(b Uint128) Uint128 {
	lo, borrow := bits.Sub64(a.Lo, b.Lo, 0)
	hi, _ := bits.Sub64(a.Hi, b.Hi, borrow)
	return Uint128{Hi: hi, Lo: lo}
}

// Or returns the bits that are set in a or b.
func (a Uint128) Or(b Uint128) Uint128 { return Uint128{Hi: a.Hi | b.Hi, Lo: a.Lo | b.Lo} }

// AndNot returns the bits of a that are not set in b.
func (a Uint128) AndNot(b Uint128) Uint128 { return Uint128{Hi: a.Hi &^ b.Hi, Lo: a.Lo &^ b.Lo} }

// Less reports whether a < b.
func (a Uint128) Less(b Uint128) bool {
	_, borrow := bits.Sub64(a.Lo, b.Lo, 0)
	_, borrow = bits.Sub64(a.Hi, b.Hi, borrow)
	return borrow != 0
}

// Cmp returns −1, 0 or 1 as a is less than, equal to or greater than b.
func (a Uint128) Cmp(b Uint128) int {
	switch {
	case a.Less(b):
		return -1
	case b.Less(a):
		return 1
	default:
		return 0
	}
}

// Lsh returns a·2ᵏ modulo 2¹²⁸.
func (a Uint128) Lsh(k uint) Uint128 {
	// A shift by 64 or more gives 0 in Go. So does a shift by a number that wrapped below 0.
	// Therefore those of the three terms that do not apply vanish.
	return Uint128{Hi: a.Hi<<k | a.Lo>>(64-k) | a.Lo<<(k-64), Lo: a.Lo << k}
}

// Rsh returns ⌊a/2ᵏ⌋.
func (a Uint128) Rsh(k uint) Uint128 {
	return Uint128{Hi: a.Hi >> k, Lo: a.Lo>>k | a.Hi<<(64-k) | a.Hi>>(k-64)}
}

// Len returns the number of bits that a needs; 0 for 0.
func (a Uint128) Len() int {
	if a.Hi != 0 {
		return 64 + bits.Len64(a.Hi)
	}
	return bits.Len64(a.Lo)
}
