package codec

import (
	"encoding/binary"
	"math/bits"

	"github.com/dchest/siphash"

	"github.com/masstrace/masstrace/probe"
)

// τ is the plain text of every tag: TTL in the upper 6 bits, attempt in the
// lower 2.
func tau(ttl, attempt uint8) uint8 { return ttl<<2 | attempt&3 }

// hashKey is a SipHash-2-4 key.
type hashKey struct{ k0, k1 uint64 }

func newHashKey(k Key) hashKey {
	return hashKey{binary.LittleEndian.Uint64(k[:8]), binary.LittleEndian.Uint64(k[8:])}
}

// hash returns 128 bits of (target, n). The two families cannot collide: their
// inputs differ in length.
func (k hashKey) hash(target *probe.Addr, n uint16) (a, b uint64) {
	if target.Is4() {
		var in [7]byte
		copy(in[:4], target[12:])
		binary.BigEndian.PutUint16(in[4:], n)
		return siphash.Hash128(k.k0, k.k1, in[:])
	}
	var in [18]byte
	copy(in[:16], target[:])
	binary.BigEndian.PutUint16(in[16:], n)
	return siphash.Hash128(k.k0, k.k1, in[:])
}

// tagKey holds the secrets of one (target, flow), from one SipHash under the
// run's key; none of its bits appears on the wire.
type tagKey struct{ a, b uint64 }

func (c *Codec) tagKey(target *probe.Addr, flow uint16) tagKey {
	a, b := c.key.hash(target, flow)
	return tagKey{a, b}
}

// field tells the tags of one probe apart: their ciphers share no round.
type field uint8

const (
	fieldFirst  field = iota // UDP checksum, ICMP sequence number
	fieldSecond              // IPv4 identification
)

// rounds of the Feistel networks. Four make a pseudorandom permutation of both
// halves (Luby and Rackoff, 1988); τ starts in the half that the first round
// already reads.
const rounds = 4

// roundConst are the first octets of the fractional part of π, as nothing up
// the sleeve, one per round and field.
var roundConst = [2 * rounds]uint64{
	0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89,
	0x452821e638d01377, 0xbe5466cf34e90c6c, 0xc0ac29b7c97c50dd, 0x3f84d5b5b5470917,
}

// round is the round function: a secret 64 × 64-bit product, folded, of which
// at most 16 bits come out.
func (k tagKey) round(f field, i int, x uint16) uint16 {
	hi, lo := bits.Mul64(k.a^uint64(x+1)*0x9e3779b97f4a7c15, k.b^roundConst[int(f)*rounds+i])
	return uint16((hi ^ lo) >> 24)
}

// seal16 returns the 16-bit tag of τ: τ and 8 check bits, all zero, through a
// Feistel network over two 8-bit halves.
func (k tagKey) seal16(f field, tau uint8) uint16 {
	left, right := uint8(0), tau
	for i := range rounds {
		left, right = right, left^uint8(k.round(f, i, uint16(right)))
	}
	return uint16(left)<<8 | uint16(right)
}

// open16 is the inverse of seal16; ok is false if the check bits are not zero,
// which a random tag passes once in 2⁸.
func (k tagKey) open16(f field, tag uint16) (tau uint8, ok bool) {
	left, right := uint8(tag>>8), uint8(tag)
	for i := rounds - 1; i >= 0; i-- {
		left, right = right^uint8(k.round(f, i, uint16(left))), left
	}
	return right, left == 0
}

// nonZero maps a tag to a wire value that is never 0: tag 0 shares 0xffff with
// tag 0xffff. A UDP checksum of 0 means "none" (RFC 768), and hosts replace an
// identification of 0.
func nonZero(tag uint16) uint16 {
	if tag == 0 {
		return 0xffff
	}
	return tag
}

// mac returns the 64-bit authenticator of τ that rides in payloads.
func (k tagKey) mac(tau uint8) uint64 {
	in := [1]byte{tau}
	return siphash.Hash(k.a, ^k.b, in[:])
}
