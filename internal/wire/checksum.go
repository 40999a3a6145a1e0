package wire

import (
	"encoding/binary"
	"math/bits"
)

// Sum adds b to acc as the Internet checksum does (RFC 1071), in 64-bit steps. A trailing odd octet
// counts as the high half of a word. Sums over parts of even length may be chained through acc.
// They must not be added with +, which would drop the end-around carry. Fold ends the chain.
func Sum(b []byte, acc uint64) uint64 {
	var carry uint64
	for len(b) >= 32 { // one carry chain per 32 octets instead of four
		acc, carry = bits.Add64(acc, binary.BigEndian.Uint64(b), 0)
		acc, carry = bits.Add64(acc, binary.BigEndian.Uint64(b[8:]), carry)
		acc, carry = bits.Add64(acc, binary.BigEndian.Uint64(b[16:]), carry)
		acc, carry = bits.Add64(acc, binary.BigEndian.Uint64(b[24:]), carry)
		acc, carry = bits.Add64(acc, 0, carry) // all ones and a carry give another carry
		acc += carry
		b = b[32:]
	}
	for len(b) >= 8 {
		acc, carry = bits.Add64(acc, binary.BigEndian.Uint64(b), 0)
		acc += carry
		b = b[8:]
	}
	var rest uint64
	if len(b) >= 4 {
		rest = uint64(binary.BigEndian.Uint32(b))
		b = b[4:]
	}
	if len(b) >= 2 {
		rest += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		rest += uint64(b[0]) << 8
	}
	acc, carry = bits.Add64(acc, rest, 0)
	return acc + carry
}

// Fold folds acc to the 16-bit one's complement sum. A valid packet, including its checksum field,
// folds to 0xffff. Adding a word to itself with its halves swapped leaves the sum of the halves,
// including the end-around carry, in the upper half.
func Fold(acc uint64) uint16 {
	acc += bits.RotateLeft64(acc, 32)
	half := uint32(acc >> 32)
	half += bits.RotateLeft32(half, 16)
	return uint16(half >> 16)
}

// Checksum returns the value of the checksum field for data that sums to acc while that field is
// zero.
func Checksum(acc uint64) uint16 { return ^Fold(acc) }

// PseudoSum returns the sum of the pseudo-header. TCP and UDP (RFC 9293 §3.1, RFC 768) use it, and
// over IPv6 every protocol does (RFC 8200 §8.1). Addresses have 4 or 16 octets; length is the
// upper-layer length in octets.
func PseudoSum(src, dst []byte, protocol uint8, length int) uint64 {
	return Sum(src, Sum(dst, uint64(protocol)+uint64(length)))
}

// Substitute returns the new value of the checksum csum, which covers the octets old, when old is
// replaced by new (RFC 1624). Both have the same even length.
func Substitute(csum uint16, old, new []byte) uint16 {
	return ^Fold(uint64(^csum) + uint64(^Fold(Sum(old, 0))) + uint64(Fold(Sum(new, 0))))
}
