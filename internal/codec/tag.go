package codec

import (
	"math/bits"

	"github.com/masstrace/masstrace/internal/probe"
)

// tau returns τ, the plain text of every tag: TTL in the upper 6 bits, attempt in the lower 2.
func tau(ttl, attempt uint8) uint8 { return ttl<<2 | attempt&3 }

// tagKey holds the secrets of one (target, flow), from one SipHash under the
// run's key; none of its bits appears on the wire.
type tagKey struct{ a, b uint64 }

func (c *Codec) tagKey(target *probe.Addr, flow uint16) tagKey {
	if flow == 0 {
		// The flow comes from another hash. A processor that predicts this branch, and is
		// mostly right, does not wait for it before it begins this one.
		a, b := c.key.hash(target, 0, forTags)
		return tagKey{a, b}
	}
	a, b := c.key.hash(target, flow, forTags)
	return tagKey{a, b}
}

// field distinguishes the tags of one probe: their ciphers have no round in common.
type field uint8

const (
	fieldFirst  field = iota // UDP checksum, ICMP sequence number; for TCP see seal32
	fieldSecond              // IPv4 identification
)

// feistelRounds is the number of rounds of the Feistel networks. Four make a strong pseudorandom
// permutation (Luby and Rackoff, 1988), but only up to 2⁻⁸ with halves of 8 bits. With four, the
// tags of τ and τ′ differ by (0, τ^τ′) twice as often as by chance. A router that sees one TTL
// could use that to forge the next. With six (Patarin, 2004) no difference is more frequent.
const feistelRounds = 6

// roundConst16 are the first octets of the fractional part of π, one for each field and round:
// "nothing up the sleeve" numbers.
var roundConst16 = [2][feistelRounds]uint64{
	{
		0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0,
		0x082efa98ec4e6c89, 0x452821e638d01377, 0xbe5466cf34e90c6c,
	}, {
		0xc0ac29b7c97c50dd, 0x3f84d5b5b5470917, 0x9216d5d98979fb1b,
		0xd1310ba698dfb5ac, 0x2ffd72dbd01adfb7, 0xb8e1afed6a267e96,
	},
}

// round8 is the round function: 8 bits from the middle of a product of two secrets. One secret is
// mixed with half, the other with the round constant. The multiplier of half is 2⁶⁴ over the
// golden ratio, a dense number, so that the XOR is not linear in the product.
func (k tagKey) round8(roundConst uint64, half uint8) uint8 {
	hi, lo := bits.Mul64(k.a^uint64(half)*0x9e3779b97f4a7c15, k.b^roundConst)
	return uint8((hi ^ lo) >> 24)
}

// seal16 returns the 16-bit tag of τ: eight zero check bits and τ, through a Feistel network over
// these two halves. The first round reads τ: one that reads the constant check bits would be
// wasted.
func (k tagKey) seal16(f field, tau uint8) uint16 {
	c := &roundConst16[f]
	check := k.round8(c[0], tau)
	tau ^= k.round8(c[1], check)
	check ^= k.round8(c[2], tau)
	tau ^= k.round8(c[3], check)
	check ^= k.round8(c[4], tau)
	tau ^= k.round8(c[5], check)
	return uint16(check)<<8 | uint16(tau)
}

// open16 is the inverse of seal16; ok is false if the check bits are not zero,
// which a random tag passes once in 2⁸.
func (k tagKey) open16(f field, tag uint16) (tau uint8, ok bool) {
	c := &roundConst16[f]
	check, tau := uint8(tag>>8), uint8(tag)
	tau ^= k.round8(c[5], check)
	check ^= k.round8(c[4], tau)
	tau ^= k.round8(c[3], check)
	check ^= k.round8(c[2], tau)
	tau ^= k.round8(c[1], check)
	check ^= k.round8(c[0], tau)
	return tau, check == 0
}

// nonZero maps a tag to a value on the wire that is never 0: tag 0 shares 0xffff with tag 0xffff.
// A UDP checksum of 0 means "none" (RFC 768), and hosts replace an identification of 0.
func nonZero(tag uint16) uint16 {
	if tag == 0 {
		return 0xffff
	}
	return tag
}

// mac returns the 64-bit authenticator of τ in payloads.
func (k tagKey) mac(tau uint8) uint64 {
	return hashKey{k.a, ^k.b}.octet(tau)
}
