package netsim

import "encoding/binary"

// sum adds the 16-bit words of b to acc (RFC 1071), without folding; an odd
// last octet counts as the upper half of a word.
func sum(acc uint64, b []byte) uint64 {
	for len(b) >= 8 {
		v := binary.BigEndian.Uint64(b)
		acc += v>>32 + v&0xffffffff
		b = b[8:]
	}
	for len(b) >= 2 {
		acc += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		acc += uint64(b[0]) << 8
	}
	return acc
}

// fold returns the checksum of a sum: its one's complement in 16 bits.
func fold(acc uint64) uint16 {
	acc = acc>>32 + acc&0xffffffff
	acc = acc>>16 + acc&0xffff
	acc = acc>>16 + acc&0xffff
	acc = acc>>16 + acc&0xffff
	return ^uint16(acc)
}

// pseudo returns the sum of the pseudo header of n octets of protocol proto (RFC 9293 §3.1, RFC
// 8200 §8.1). The formula is the same for both families; a mapped IPv4 address is summed without
// its prefix.
func pseudo(src, dst addr, proto uint8, n int) uint64 {
	return src.sum() + dst.sum() + uint64(proto) + uint64(n)
}

// adjust returns the checksum that replaces c after a change of a field (RFC 1624 equation 3).
// The sum of the field is before, and then after.
func adjust(c uint16, before, after uint64) uint16 {
	return fold(uint64(^c) + uint64(fold(before)) + uint64(^fold(after)))
}
