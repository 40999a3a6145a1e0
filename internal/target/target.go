// Package target turns lists of addresses and prefixes into an order of targets: from a position to
// the address that is probed there, and back.
//
//	Lines ── entries of files and arguments
//	  ↓     minus a Set of exclusions
//	List  ── disjoint granules and their targets: At(i), IndexOf(address)
//	  ↓     permuted under the seed, divided into shards
//	Order ── At(position), PositionOf(address)
//
// A granule is an aligned prefix (/24 in IPv4, /48 in IPv6 by default), restricted to includes
// minus excludes. This package holds no table of targets: its memory is proportional to the number
// of lines, and 0.0.0.0/0 costs as much as one prefix.
//
// All values but Lines are immutable and may be shared by goroutines.
package target

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/permute"
	"github.com/masstrace/masstrace/internal/probe"
)

// u128 is an address as a number: the 16 octets of probe.Addr, big-endian. Both families share this
// one space, IPv4 at ::ffff:0:0/96. IPv6 has no addresses there, because a packet on a wire never
// has an IPv4-mapped one.
type u128 = permute.Uint128

var one = u128{Lo: 1}

const prefix4 = 0xffff << 32 // low half of the number of 0.0.0.0

func fromAddr(a probe.Addr) u128 {
	return u128{Hi: binary.BigEndian.Uint64(a[:8]), Lo: binary.BigEndian.Uint64(a[8:])}
}

func toAddr(v u128) (a probe.Addr) {
	binary.BigEndian.PutUint64(a[:8], v.Hi)
	binary.BigEndian.PutUint64(a[8:], v.Lo)
	return a
}

func is4(v u128) bool { return v.Hi == 0 && v.Lo>>32 == prefix4>>32 }

// lowBits returns the number whose k lowest bits are set, k up to 128.
func lowBits(k uint) u128 { return one.Lsh(k).Sub(one) }
