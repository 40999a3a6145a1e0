package permute

import (
	"encoding/binary"
	"math/bits"

	"github.com/dchest/siphash"
)

// Key selects a permutation. All 128 bits count: keys that differ in a single bit give unrelated
// permutations.
type Key [16]byte

// Derive returns the key for one use of k, named by label: SipHash-2-4 with
// 128 bits of the label under k.
func (k Key) Derive(label string) Key {
	lo, hi := siphash.Hash128(binary.LittleEndian.Uint64(k[:8]), binary.LittleEndian.Uint64(k[8:]), []byte(label))
	var d Key
	binary.LittleEndian.PutUint64(d[:8], lo)
	binary.LittleEndian.PutUint64(d[8:], hi)
	return d
}

// Tweak returns key number (hi, lo) of the family of k: for a window, or a prefix. Different
// numbers give different keys. It is very cheap, because the key schedule mixes the bits later. For
// different kinds of numbers, first derive different keys by Derive.
func (k Key) Tweak(hi, lo uint64) Key {
	var t Key
	binary.LittleEndian.PutUint64(t[:8], binary.LittleEndian.Uint64(k[:8])^lo)
	binary.LittleEndian.PutUint64(t[8:], binary.LittleEndian.Uint64(k[8:])^hi)
	return t
}

// A stream generates the round keys: the generator xoroshiro128++ (Blackman and Vigna, 2019), from
// a state that is a bijection of the key.
type stream struct{ a, b uint64 }

func (k Key) stream() stream {
	a := finish(binary.LittleEndian.Uint64(k[:8]) + 0x9e3779b97f4a7c15) // 2⁶⁴/φ
	b := finish(binary.LittleEndian.Uint64(k[8:]) ^ a)
	return stream{a: finish(a ^ b), b: b}
}

func (s *stream) next() uint64 {
	a, b := s.a, s.b
	b ^= a
	out := bits.RotateLeft64(s.a+s.b, 17) + s.a
	s.a = bits.RotateLeft64(a, 49) ^ b ^ b<<21
	s.b = bits.RotateLeft64(b, 28)
	return out
}

// finish is the bijection that ends each step of SplitMix64 (Steele, Lea and Flood, 2014): every
// bit of z affects every bit of the result.
func finish(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
