package netsim

import (
	"encoding/binary"
	"net/netip"
)

// family is IPv4 or IPv6.
type family bool

const (
	ip4 family = false
	ip6 family = true
)

// addr is an address in two words, IPv4 as ::ffff:a.b.c.d.
type addr struct{ hi, lo uint64 }

const mapped = 0xffff << 32

func addr4(v uint32) addr { return addr{0, mapped | uint64(v)} }

func addrFrom(b *[16]byte) addr {
	return addr{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func addrOf(a netip.Addr) addr {
	b := a.As16()
	return addrFrom(&b)
}

func (a addr) is4() bool  { return a.hi == 0 && a.lo>>32 == 0xffff }
func (a addr) v4() uint32 { return uint32(a.lo) }

func (a addr) bytes() (b [16]byte) {
	binary.BigEndian.PutUint64(b[:8], a.hi)
	binary.BigEndian.PutUint64(b[8:], a.lo)
	return b
}

func (a addr) netip() netip.Addr { return netip.AddrFrom16(a.bytes()).Unmap() }

// sum returns the sum of the address's 16-bit words as in a packet.
func (a addr) sum() uint64 {
	if a.is4() {
		return a.lo & 0xffffffff
	}
	return a.hi>>32 + a.hi&0xffffffff + a.lo>>32 + a.lo&0xffffffff
}

// put writes a in packet order, 4 or 16 octets.
func (a addr) put(b []byte) {
	if a.is4() {
		binary.BigEndian.PutUint32(b, a.v4())
		return
	}
	binary.BigEndian.PutUint64(b[:8], a.hi)
	binary.BigEndian.PutUint64(b[8:16], a.lo)
}

// The simulator's own IPv4 blocks. All thirteen are delegated to one holder, which announces nearly
// nothing. Together they are a space of 13 × 2²⁴ addresses:
//
//	[0, 2²⁷)            routers of level 5: /24, 3 bits of slot
//	[2²⁷, 3 × 2²⁶)      routers of level 4: /20, 6 bits of slot
//	from 3 × 2²⁶ on     routers of level 3 (/16), 2 (/12), 1 (/8), 0, 6 bits of slot
//	from entries4 on    routers of the further entries of level 0, 1, 2: see vantage.go
//	from wide4 on       further routers of level 2, 1, 0, 9 bits of slot
//	last 2²³            the sources of noise, then the addresses of NATs, 2²² each
//
// Slots run from 1 to 6 and from 1 to 62, so that no address ends in 0 or 255.
var blocks = [13]uint8{6, 7, 11, 21, 22, 26, 28, 29, 30, 33, 55, 214, 215}

const (
	space4      = uint32(len(blocks)) << 24
	noise4      = space4 - 1<<23
	nat4        = space4 - 1<<22
	routers6    = 0x3ffe << 48     // 3ffe:(48 bits of prefix)
	noise6      = 0x3ffeffff << 32 // no routed prefix begins with ffff or fffe
	nat6        = 0x3ffefffe << 32
	slotBits    = 6
	slotBitsEnd = 3 // level 5
	entries4    = 3<<26 + 1<<22 + 1<<18 + 2<<14

	// Slots from firstWide on are of wide fabrics at levels 0 to 2: two blocks of 254.
	wide4        = 3<<26 + 5<<20
	wideBits     = 9
	firstWide    = 1 << slotBits
	wideLevels   = 3
	wideInBlock  = 254
	maxWideSlots = 2 * wideInBlock
)

// base4 is where the routers of a level begin in that space.
var base4 = [levels]uint32{
	0: 3<<26 + 1<<22 + 1<<18 + 1<<14,
	1: 3<<26 + 1<<22 + 1<<18,
	2: 3<<26 + 1<<22,
	3: 3 << 26,
	4: 1 << 27,
	5: 0,
}

// wideBase4 is where the further routers of a level begin.
var wideBase4 = [wideLevels]uint32{
	0: wide4 + 1<<21 + 1<<17,
	1: wide4 + 1<<21,
	2: wide4,
}

// own4 returns the n-th address of the simulator's IPv4 space.
func own4(n uint32) addr { return addr4(uint32(blocks[n>>24])<<24 | n&0xffffff) }

// index4 is the inverse of own4.
func index4(v uint32) (n uint32, ok bool) {
	for i, b := range blocks {
		if b == uint8(v>>24) {
			return uint32(i)<<24 | v&0xffffff, true
		}
	}
	return 0, false
}

// node is a router: a slot of a segment. slot counts from 1.
type node struct {
	prefix uint64 // the segment's prefix, right-aligned
	level  uint8
	entry  uint8 // of the segment, see vantage.go
	slot   uint16
	six    family
}

// addr returns the address that the router answers from.
func (n node) addr() addr {
	if n.six {
		key := n.prefix << (48 - bits6[n.level])
		return addr{routers6 | key, uint64(n.level)<<48 | uint64(n.entry)<<16 | uint64(n.slot)}
	}
	if n.entry != 0 {
		return n.entryAddr()
	}
	if n.slot >= firstWide && n.level < wideLevels {
		i := uint32(n.slot - firstWide)
		return own4(wideBase4[n.level] + uint32(n.prefix)<<wideBits + i/wideInBlock<<8 + 1 + i%wideInBlock)
	}
	shift := slotBits
	if n.level == levels-1 {
		shift = slotBitsEnd
	}
	return own4(base4[n.level] + uint32(n.prefix)<<shift + uint32(n.slot))
}

// nodeAt is the inverse of node.addr. ok means that a is in the routers' range, not that the
// segment has such a slot.
func nodeAt(a addr) (n node, ok bool) {
	if !a.is4() {
		n.six = ip6
		level := a.lo >> 48
		if a.hi>>48 != routers6>>48 || level >= levels || a.lo>>24&0xff_ffff != 0 {
			return node{}, false
		}
		key := a.hi & (1<<48 - 1)
		n.level, n.entry, n.slot = uint8(level), uint8(a.lo>>16), uint16(a.lo)
		n.prefix = key >> (48 - bits6[level])
		return n, n.addr() == a && n.slot != 0
	}
	i, ok := index4(a.v4())
	if !ok || i >= noise4 {
		return node{}, false
	}
	if i >= wide4 {
		return wideNodeAt(i)
	}
	if i >= entries4 {
		return entryNodeAt(i)
	}
	shift := slotBits
	switch {
	case i < base4[4]:
		n.level, shift = 5, slotBitsEnd
	case i < base4[3]:
		n.level = 4
	default:
		for n.level = 3; n.level > 0 && i >= base4[n.level-1]; n.level-- {
		}
	}
	i -= base4[n.level]
	n.prefix, n.slot = uint64(i>>shift), uint16(i&(1<<shift-1))
	return n, n.slot != 0 && n.prefix < 1<<bits4[n.level]
}

// wideNodeAt is nodeAt of the i-th address of the IPv4 space, at or above wide4.
func wideNodeAt(i uint32) (n node, ok bool) {
	for n.level = wideLevels - 1; n.level > 0 && i >= wideBase4[n.level-1]; n.level-- {
	}
	i -= wideBase4[n.level]
	n.prefix = uint64(i >> wideBits)
	half, octet := i>>8&1, i&0xff
	n.slot = uint16(firstWide + half*wideInBlock + octet - 1)
	return n, octet >= 1 && octet <= wideInBlock && n.prefix < 1<<bits4[n.level]
}

// hash returns the hash from which the router's properties are drawn.
func (n node) hash(seed uint64) uint64 {
	x := uint64(n.level)<<8 | uint64(n.slot&0xff) | uint64(n.slot>>8)<<20 | uint64(n.entry)<<24
	if n.six {
		x |= 1 << 16
	}
	return mix(seed^saltNode^x, n.prefix)
}

// reach is how far packets to a destination address get.
type reach uint8

const (
	routable reach = iota
	noRoute        // the access network has no route: private, reserved, our own
	martian        // never forwarded: multicast, loopback, link-local, 0.0.0.0/8
)

func reachOf(a addr) reach {
	if a.is4() {
		return reach4(a.v4())
	}
	switch {
	case a.hi>>61 == 1: // 2000::/3
		if a.hi>>32 == 0x20010db8 || a.hi>>48 == routers6>>48 {
			return noRoute
		}
		return routable
	case a.hi>>56 == 0xff, a.hi>>54 == 0xfe80>>6, a.hi == 0 && a.lo>>32 == 0:
		return martian
	}
	return noRoute
}

func reach4(v uint32) reach {
	switch v >> 24 {
	case 0, 127:
		return martian
	case 10:
		return noRoute
	case 100:
		if v>>22 == 100<<2|1 { // 100.64.0.0/10
			return noRoute
		}
	case 169:
		if v>>16 == 169<<8|254 {
			return martian
		}
	case 172:
		if v>>20 == 172<<4|1 { // 172.16.0.0/12
			return noRoute
		}
	case 192:
		if v>>8 == 192<<16|2 || v>>16 == 192<<8|168 {
			return noRoute
		}
	case 198:
		if v>>17 == 198<<7|9 || v>>8 == 198<<16|51<<8|100 { // 198.18.0.0/15
			return noRoute
		}
	case 203:
		if v>>8 == 203<<16|113 {
			return noRoute
		}
	}
	switch {
	case v>>28 == 14 || v == 0xffffffff:
		return martian
	case v>>28 == 15:
		return noRoute
	}
	if _, ok := index4(v); ok {
		return noRoute
	}
	return routable
}
