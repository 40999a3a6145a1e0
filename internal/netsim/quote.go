package netsim

import "encoding/binary"

// box is a device on the path to some prefixes that rewrites packets. Routers after it quote the
// rewritten packets. It reverses the change in packets that come back, except inside quotations:
// that is the fault that it models.
type box uint8

const (
	boxNone box = iota
	boxNATSource
	boxNATPort
	boxNATDestination
	boxIPID     // IPv4 only
	boxChecksum // only in quotations: the target must get an intact packet
	boxTOS
	boxLabel  // IPv6 only
	boxLength // only in quotations
	numBoxes
)

// Mangle is a set of fields whose quoted value differs from the value sent.
type Mangle uint16

// The fields.
const (
	MangledSource Mangle = 1 << iota
	MangledDestination
	MangledPort // source port, or ICMP identifier
	MangledIPID
	MangledChecksum
	MangledTOS
	MangledLabel
	MangledLength
)

// mangle returns the fields that the plan's box changes in packets of a flow. With a probability of
// 2⁻¹⁶ and 2⁻⁸, a random or swapped identification equals the old one.
func (pl *plan) mangle(f *flow) (set Mangle) {
	switch pl.box {
	case boxNATSource:
		set = MangledSource
		// NPTv6 is checksum-neutral, ICMPv4 has no pseudo header.
		if !pl.six && f.proto != protoICMP {
			set |= MangledChecksum
		}
	case boxNATPort:
		set = MangledSource | MangledPort | MangledChecksum
	case boxNATDestination:
		set = MangledDestination
		if f.proto != protoICMP {
			set |= MangledChecksum
		}
	case boxIPID:
		if !pl.six {
			set = MangledIPID
		}
	case boxChecksum:
		set = MangledChecksum
	case boxTOS:
		if f.tos != pl.newTOS() {
			set = MangledTOS
		}
	case boxLabel:
		if pl.six && f.label != 0 {
			set = MangledLabel
		}
	case boxLength:
		set = MangledLength
	}
	return set
}

// newTOS returns the TOS that a box gives to all packets: zero, or a low class.
func (pl *plan) newTOS() uint8 {
	if pl.boxHash>>40&1 == 0 {
		return 0
	}
	return 0x28
}

// checksumAt returns the offset of a protocol's checksum in its header.
func checksumAt(proto uint8) int {
	switch proto {
	case protoUDP:
		return 6
	case protoTCP:
		return 16
	}
	return 2
}

// rewrite changes the quotation q as the box changed the probe p. random is the packet's random
// number. q may end anywhere after the IP header without extensions.
func (pl *plan) rewrite(q []byte, p *packet, random uint64) {
	l4, f := q[min(p.ip, len(q)):], &p.flow
	h := pl.boxHash
	switch pl.box {
	case boxNATSource, boxNATPort:
		src := addr{nat6 | h>>44&0xffff<<16 | f.src.hi&0xffff, f.src.lo}
		if p.six {
			// Checksum-neutral prefix translation: the subnet compensates for the
			// prefix (RFC 6296 §3.1).
			old, made := sumWord(f.src.hi>>16), sumWord(src.hi>>16)
			subnet := adjust(^uint16(f.src.hi), made, old)
			src.hi = src.hi&^0xffff | uint64(^subnet)
		} else {
			src = own4(nat4 + uint32(h>>42))
		}
		pl.replaceAddr(q, p, f.src, src, 0)
		if pl.box == boxNATPort && len(l4) >= 8 {
			at := 0
			if p.isICMP() {
				at = 4
			}
			was := binary.BigEndian.Uint16(l4[at:])
			is := uint16(mix(h, uint64(was))) | 0x400
			if is == was {
				is ^= 1
			}
			binary.BigEndian.PutUint16(l4[at:], is)
			adjustAt(l4, f.proto, uint64(was), uint64(is))
		}
	case boxNATDestination:
		dst := addr4(10<<24 | uint32(pl.host)&0xffffff)
		if p.six {
			dst = addr{0xfd00<<48 | h>>24, pl.host}
		}
		pl.replaceAddr(q, p, f.dst, dst, 1)
	case boxIPID:
		if !p.six {
			binary.BigEndian.PutUint16(q[4:], pl.newIPID(p.ipID, random))
		}
	case boxChecksum:
		if at := checksumAt(f.proto); at+2 <= len(l4) {
			var c uint16
			if h>>40&1 == 0 {
				c = uint16(random >> 8)
			}
			binary.BigEndian.PutUint16(l4[at:], c)
		}
	case boxTOS:
		setTOS(q, pl.newTOS(), p.six)
	case boxLabel:
		if p.six {
			q[1], q[2], q[3] = q[1]&0xf0, 0, 0
		}
	case boxLength:
		pl.rewriteLength(q, p)
	}
}

// sumWord returns the sum of the three lower 16-bit words of v.
func sumWord(v uint64) uint64 { return v>>32&0xffff + v>>16&0xffff + v&0xffff }

// replaceAddr replaces the source (which 0) or destination address and corrects the transport
// checksum, as a NAT must.
func (pl *plan) replaceAddr(q []byte, p *packet, was, is addr, which int) {
	at := 12 + 4*which
	if p.six {
		at = 8 + 16*which
	}
	is.put(q[at:])
	if p.flow.proto != protoICMP {
		adjustAt(q[min(p.ip, len(q)):], p.flow.proto, was.sum(), is.sum())
	}
}

// adjustAt updates the transport checksum, if it is quoted and used, for fields whose sum changed
// from was to is.
func adjustAt(l4 []byte, proto uint8, was, is uint64) {
	at := checksumAt(proto)
	if at+2 > len(l4) {
		return
	}
	c := binary.BigEndian.Uint16(l4[at:])
	if proto == protoUDP && c == 0 {
		return
	}
	if c = adjust(c, was, is); c == 0 && proto == protoUDP {
		c = 0xffff
	}
	binary.BigEndian.PutUint16(l4[at:], c)
}

func (pl *plan) newIPID(id uint16, random uint64) uint16 {
	switch pl.boxHash >> 40 & 3 {
	case 0:
		return 0
	case 1:
		return uint16(random >> 24)
	case 2:
		return id<<8 | id>>8
	}
	return id + 1
}

// rewriteLength quotes the length in host byte order, or without the header, as some old stacks do.
func (pl *plan) rewriteLength(q []byte, p *packet) {
	at, header := 2, p.ip
	if p.six {
		at, header = 4, 8
	}
	n := binary.BigEndian.Uint16(q[at:])
	if swapped := n<<8 | n>>8; pl.boxHash>>40&1 == 0 && swapped != n {
		n = swapped
	} else {
		n -= uint16(header)
	}
	binary.BigEndian.PutUint16(q[at:], n)
}

func setTOS(q []byte, tos uint8, six family) {
	if !six {
		q[1] = tos
		return
	}
	q[0], q[1] = q[0]&0xf0|tos>>4, q[1]&0x0f|tos<<4
}

// resum corrects the checksum of an IPv4 header.
func resum(b []byte) {
	ihl := int(b[0]&15) * 4
	b[10], b[11] = 0, 0
	binary.BigEndian.PutUint16(b[10:], fold(sum(0, b[:ihl])))
}
