package netsim

import "encoding/binary"

// IP protocol numbers.
const (
	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58
)

// maxPacket is the MTU of every link.
const maxPacket = 1500

// maxChain bounds IPv6 extension headers: real routers drop long chains (RFC 9098 §4), and the
// answer to a probe must fit maxPacket.
const maxChain = 256

// packet is a parsed probe. raw and l4 alias the argument of Handle.
type packet struct {
	raw  []byte // without the padding of a link
	l4   []byte // transport header and payload
	flow flow
	ip   int    // octets before l4
	ipID uint16 // IPv4 identification
	ttl  uint8
	six  family
}

// parse checks b as a strict host would. It returns Answered for a valid probe.
func (p *packet) parse(b []byte) Fate {
	*p = packet{}
	if len(b) < 20 {
		return Malformed
	}
	var fate Fate
	switch b[0] >> 4 {
	case 4:
		fate = p.parse4(b)
	case 6:
		fate = p.parse6(b)
	default:
		return Malformed
	}
	if fate != Answered {
		return fate
	}
	switch {
	case len(p.raw) > maxPacket:
		return TooLong
	case p.ttl == 0:
		return HopLimitZero
	case reachOf(p.flow.src) == martian || reachOf(p.flow.dst) == martian:
		return MartianAddress
	}
	return p.parseTransport()
}

// parse4 reads an IPv4 header (RFC 791 §3.1).
func (p *packet) parse4(b []byte) Fate {
	ihl, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if ihl < 20 || total < ihl || total > len(b) {
		return Malformed
	}
	if fold(sum(0, b[:ihl])) != 0 {
		return BadIPChecksum
	}
	p.raw, p.ip, p.l4 = b[:total], ihl, b[ihl:total]
	p.flow.src = addr4(binary.BigEndian.Uint32(b[12:]))
	p.flow.dst = addr4(binary.BigEndian.Uint32(b[16:]))
	p.flow.tos, p.ttl, p.flow.proto = b[1], b[8], b[9]
	p.ipID = binary.BigEndian.Uint16(b[4:])
	if binary.BigEndian.Uint16(b[6:])&0x3fff != 0 { // more fragments, offset
		return Fragment
	}
	return Answered
}

// parse6 reads an IPv6 header and the extension headers that probes may have (RFC 8200 §4).
func (p *packet) parse6(b []byte) Fate {
	if len(b) < 40 {
		return Malformed
	}
	total := 40 + int(binary.BigEndian.Uint16(b[4:]))
	if total > len(b) {
		return Malformed
	}
	b = b[:total]
	p.raw, p.six = b, ip6
	p.flow.src, p.flow.dst = addrFrom((*[16]byte)(b[8:])), addrFrom((*[16]byte)(b[24:]))
	if p.flow.src.is4() || p.flow.dst.is4() {
		return MartianAddress // mapped addresses never travel
	}
	word := binary.BigEndian.Uint32(b)
	p.flow.tos, p.flow.label, p.ttl = uint8(word>>20), word&0xfffff, b[7]
	next, off := b[6], 40
	for {
		var n int
		switch next {
		case 0, 43, 60: // hop-by-hop, routing, destination options
			if off+8 > total {
				return Malformed
			}
			n = 8 + 8*int(b[off+1])
		case 44:
			if off+8 > total {
				return Malformed
			}
			if binary.BigEndian.Uint16(b[off+2:])&0xfff9 != 0 {
				return Fragment
			}
			n = 8
		default:
			p.flow.proto, p.ip, p.l4 = next, off, b[off:]
			return Answered
		}
		if off+n > total || off+n > 40+maxChain {
			return Malformed
		}
		next, off = b[off], off+n
	}
}

// parseTransport makes the checks that a target makes before it answers.
func (p *packet) parseTransport() Fate {
	b, n := p.l4, len(p.l4)
	acc := pseudo(p.flow.src, p.flow.dst, p.flow.proto, n)
	switch {
	case p.flow.proto == protoUDP:
		if n < 8 || int(binary.BigEndian.Uint16(b[4:])) != n {
			return Malformed
		}
		if b[6]|b[7] == 0 {
			if p.six {
				return BadChecksum // RFC 8200 §8.1
			}
			acc = 0xffff
			b = b[:0]
		}
	case p.flow.proto == protoTCP:
		if n < 20 || int(b[12]>>4) < 5 || int(b[12]>>4)*4 > n {
			return Malformed
		}
	case p.flow.proto == protoICMP && p.six == ip4, p.flow.proto == protoICMPv6 && p.six == ip6:
		if n < 8 {
			return Malformed
		}
		if !p.six {
			acc = 0
		}
	default:
		return UnknownProtocol
	}
	if fold(sum(acc, b)) != 0 {
		return BadChecksum
	}
	p.flow.first = binary.BigEndian.Uint32(p.l4)
	if !p.isICMP() {
		return Answered
	}
	if ignoredICMP(p.six, p.l4[0]) {
		return ICMPErrorIgnored
	}
	p.flow.id = binary.BigEndian.Uint16(p.l4[4:])
	return Answered
}

func (p *packet) isICMP() bool {
	return p.flow.proto == protoICMP || p.flow.proto == protoICMPv6
}

// ignoredICMP reports whether a message must not cause an error (RFC 1122 §3.2.2, RFC 4443 §2.4) or
// never leaves its link.
func ignoredICMP(six family, kind uint8) bool {
	if six {
		return kind < 128 || kind >= 130 && kind <= 137 || kind >= 141 && kind <= 143
	}
	switch kind {
	case 3, 4, 5, 9, 10, 11, 12:
		return true
	}
	return false
}

// tcpFlags and the accessors below read a TCP header (RFC 9293 §3.1).
const (
	flagFIN = 1 << iota
	flagSYN
	flagRST
	flagPSH
	flagACK
)

func (p *packet) tcpFlags() uint8 { return p.l4[13] }
func (p *packet) seq() uint32     { return binary.BigEndian.Uint32(p.l4[4:]) }
func (p *packet) ack() uint32     { return binary.BigEndian.Uint32(p.l4[8:]) }
func (p *packet) sport() uint16   { return binary.BigEndian.Uint16(p.l4) }
func (p *packet) dport() uint16   { return binary.BigEndian.Uint16(p.l4[2:]) }

// segLen returns SEG.LEN: the payload, plus one each for SYN and FIN.
func (p *packet) segLen() uint32 {
	n := uint32(len(p.l4) - int(p.l4[12]>>4)*4)
	if p.tcpFlags()&flagSYN != 0 {
		n++
	}
	if p.tcpFlags()&flagFIN != 0 {
		n++
	}
	return n
}
