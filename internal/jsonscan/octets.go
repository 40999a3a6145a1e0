package jsonscan

import "math/bits"

// These functions look at eight octets at a time, the first one lowest. The result has bit 7 of
// each found octet set. The lowest one is right; octets after it may be set, too (Bit Twiddling
// Hacks, "Determine if a word has a zero byte").
const (
	each = 0x0101010101010101
	high = 0x80 * each
)

// equal finds octets that are c.
func equal(w uint64, c byte) uint64 {
	w ^= uint64(c) * each
	return (w - each) & ^w & high
}

// special finds the octets of a string that are not ordinary.
func special(w uint64) uint64 {
	return equal(w, '"') | equal(w, '\\') | (w-' '*each)&^w&high | w&high
}

// first returns which octet is the first that was found.
func first(found uint64) int { return bits.TrailingZeros64(found) / 8 }
