package codec

import "math/bits"

// round32Const are the octets of π that follow roundConst16: the 32-bit tag shares no round with
// the others.
var round32Const = [feistelRounds]uint64{
	0xba7c9045f12c7f99, 0x24a19947b3916cf7, 0x0801f2e2858efc16,
	0x636920d871574e69, 0xa458fea3f4933d7e, 0x0d95748f728eb658,
}

// round16 is round8 with halves of 16 bits.
func (k tagKey) round16(roundConst uint64, half uint16) uint16 {
	hi, lo := bits.Mul64(k.a^uint64(half)*0x9e3779b97f4a7c15, k.b^roundConst)
	return uint16((hi ^ lo) >> 24)
}

// seal32 returns the 32-bit tag of τ: 24 zero check bits and τ, through a Feistel network over
// halves of 16 bits (see seal16).
func (k tagKey) seal32(tau uint8) uint32 {
	c := &round32Const
	low := uint16(tau)
	high := k.round16(c[0], low)
	low ^= k.round16(c[1], high)
	high ^= k.round16(c[2], low)
	low ^= k.round16(c[3], high)
	high ^= k.round16(c[4], low)
	low ^= k.round16(c[5], high)
	return uint32(high)<<16 | uint32(low)
}

// open32 is the inverse of seal32; ok is false if the check bits are not zero,
// which a random tag passes once in 2²⁴.
func (k tagKey) open32(tag uint32) (tau uint8, ok bool) {
	c := &round32Const
	high, low := uint16(tag>>16), uint16(tag)
	low ^= k.round16(c[5], high)
	high ^= k.round16(c[4], low)
	low ^= k.round16(c[3], high)
	high ^= k.round16(c[2], low)
	low ^= k.round16(c[1], high)
	high ^= k.round16(c[0], low)
	return uint8(low), high == 0 && low>>8 == 0
}
