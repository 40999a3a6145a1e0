package codec

import (
	"encoding/binary"
	"math/bits"

	"github.com/masstrace/masstrace/internal/probe"
)

// hashKey is a SipHash-2-4 key (Aumasson and Bernstein, 2012).
//
// The inputs here have one of two lengths, and a reply waits for two hashes. So hash takes words,
// which hold a target in registers, rather than octets.
type hashKey struct{ k0, k1 uint64 }

func newHashKey(k Key) hashKey {
	return hashKey{binary.LittleEndian.Uint64(k[:8]), binary.LittleEndian.Uint64(k[8:])}
}

// purpose separates the hashes under the seed, which appear on the wire in part, from those under
// the run's key. They differ even if both have the same value.
type purpose uint8

const (
	forFlow purpose = 1 + iota
	forTags
	forLines
)

// hash returns 128 bits of (target, n). The input is the 4 or 16 octets of the address, the 2 of
// n, most significant first, and the one of why. The two families cannot collide, because their
// inputs differ in length.
func (k hashKey) hash(target *probe.Addr, n uint16, why purpose) (a, b uint64) {
	// The last word of the input ends with the number of its octets.
	tail := uint64(bits.ReverseBytes16(n)) | uint64(why)<<16
	low, high := binary.LittleEndian.Uint64(target[:8]), binary.LittleEndian.Uint64(target[8:])
	if low == 0 && uint32(high) == 0xffff0000 { // IPv4, see probe.Addr
		return k.hash4(high>>32 | tail<<32 | 7<<56)
	}
	return k.hash6(low, high, tail|19<<56)
}

// sip is the state of a hash: a value, so that it stays in registers.
type sip struct{ v0, v1, v2, v3 uint64 }

// narrow starts a hash of 64 bits, wide one of 128.
func (k hashKey) narrow() sip {
	return sip{k.k0 ^ 0x736f6d6570736575, k.k1 ^ 0x646f72616e646f6d, k.k0 ^ 0x6c7967656e657261, k.k1 ^ 0x7465646279746573}
}

func (k hashKey) wide() sip {
	s := k.narrow()
	s.v1 ^= 0xee
	return s
}

func (s sip) round() sip {
	s.v0 += s.v1
	s.v2 += s.v3
	s.v1 = bits.RotateLeft64(s.v1, 13) ^ s.v0
	s.v3 = bits.RotateLeft64(s.v3, 16) ^ s.v2
	s.v0 = bits.RotateLeft64(s.v0, 32) + s.v3
	s.v2 += s.v1
	s.v3 = bits.RotateLeft64(s.v3, 21) ^ s.v0
	s.v1 = bits.RotateLeft64(s.v1, 17) ^ s.v2
	s.v2 = bits.RotateLeft64(s.v2, 32)
	return s
}

func (s sip) digest() uint64 { return s.v0 ^ s.v1 ^ s.v2 ^ s.v3 }

// hash4 hashes one word.
func (k hashKey) hash4(m uint64) (a, b uint64) {
	s := k.wide()
	s.v3 ^= m
	s = s.round().round()
	s.v0 ^= m
	return s.end()
}

// hash6 hashes three.
func (k hashKey) hash6(m0, m1, m2 uint64) (a, b uint64) {
	s := k.wide()
	s.v3 ^= m0
	s = s.round().round()
	s.v0 ^= m0
	s.v3 ^= m1
	s = s.round().round()
	s.v0 ^= m1
	s.v3 ^= m2
	s = s.round().round()
	s.v0 ^= m2
	return s.end()
}

// end ends a hash of 128 bits.
func (s sip) end() (a, b uint64) {
	s.v2 ^= 0xee
	s = s.round().round().round().round()
	a = s.digest()
	s.v1 ^= 0xdd
	return a, s.round().round().round().round().digest()
}

// octet returns 64 bits of one octet.
func (k hashKey) octet(v uint8) uint64 {
	m := uint64(v) | 1<<56
	s := k.narrow()
	s.v3 ^= m
	s = s.round().round()
	s.v0 ^= m
	s.v2 ^= 0xff
	return s.round().round().round().round().digest()
}
