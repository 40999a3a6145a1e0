package linklayer

import "encoding/binary"

// IP protocols whose packets contain other packets (IANA).
const (
	protoIPIP    = 4
	protoUDP     = 17
	protoIPv6    = 41
	protoGRE     = 47
	protoEtherIP = 97
	protoMPLS    = 137
)

// UDP ports of tunnels (IANA).
const (
	portGTP    = 2152
	portVXLAN  = 4789
	portGeneve = 6081
	portMPLS   = 6635
)

const (
	v4Len, v6Len, udpLen = 20, 40, 8
	etherIPLen           = 2
)

// Inside returns the innermost packet of the tunnels that packet is of: IP in IP, GRE with ERSPAN,
// VXLAN, Geneve, GTP-U, MPLS or Ethernet. It returns packet itself if there is no tunnel, or if
// the tunnel contains no IP packet.
func (d *Finder) Inside(packet []byte) []byte {
	for range maxHeaders {
		inner := d.tunnelled(packet)
		if inner == nil {
			break
		}
		packet = inner
	}
	return packet
}

// tunnelled returns the packet in the outermost tunnel of packet, or nil.
func (d *Finder) tunnelled(packet []byte) []byte {
	protocol, payload := payloadOf(packet)
	f := &d.frame
	*f = frame{rest: payload, left: maxHeaders}
	switch protocol {
	case protoIPIP:
		f.ip(4)
	case protoIPv6:
		f.ip(6)
	case protoGRE:
		gre(f)
	case protoEtherIP:
		f.skip(etherIPLen, ethernet)
	case protoMPLS:
		mpls(f)
	case protoUDP:
		datagram(f)
	default:
		return nil
	}
	if f.finding != Found || !plausible(f.rest) {
		return nil
	}
	return f.rest
}

// payloadOf returns the protocol and the payload of an IP packet. It returns no payload of a
// fragment, which contains no whole header, or of a packet with extension headers.
func payloadOf(b []byte) (protocol byte, payload []byte) {
	switch {
	case len(b) >= v4Len && b[0]>>4 == 4:
		const moreAndOffset = 0x3fff
		n := 4 * int(b[0]&0xf)
		if n < v4Len || n > len(b) || binary.BigEndian.Uint16(b[6:])&moreAndOffset != 0 {
			return 0, nil
		}
		return b[9], b[n:]
	case len(b) >= v6Len && b[0]>>4 == 6:
		return b[6], b[v6Len:]
	}
	return 0, nil
}

// plausible reports whether b begins with an IP header that states a length that it may have.
func plausible(b []byte) bool {
	switch {
	case len(b) >= v4Len && b[0]>>4 == 4:
		n := 4 * int(b[0]&0xf)
		return n >= v4Len && int(binary.BigEndian.Uint16(b[2:])) >= n
	case len(b) >= v6Len && b[0]>>4 == 6:
		return true
	}
	return false
}

// gre reads a GRE header (RFC 2784, RFC 2890, and version 1 of RFC 2637).
func gre(f *frame) {
	const sum, routing, key, sequence, ack, version = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080, 0x0007
	head := f.take(4)
	if head == nil || !f.enter() {
		return
	}
	flags, kind := binary.BigEndian.Uint16(head), binary.BigEndian.Uint16(head[2:])
	if flags&routing != 0 || flags&version > 1 {
		f.finding = Unknown
		return
	}
	n := 0
	for _, field := range []uint16{sum, key, sequence} {
		if flags&field != 0 {
			n += 4
		}
	}
	if flags&version == 1 && flags&ack != 0 {
		n += 4
	}
	if f.take(n) == nil {
		return
	}
	switch kind {
	case typeERSPAN: // type II has a header, type I has none and no sequence number
		if flags&sequence != 0 && f.take(8) == nil {
			return
		}
		ethernet(f)
	case typeERSPAN3:
		head := f.take(12)
		if head == nil {
			return
		}
		const subHeader = 1
		if head[11]&subHeader != 0 && f.take(8) == nil {
			return
		}
		ethernet(f)
	default:
		next(f, kind)
	}
}

// datagram reads a UDP datagram of a tunnel, by its destination port.
func datagram(f *frame) {
	head := f.take(udpLen)
	if head == nil {
		return
	}
	switch binary.BigEndian.Uint16(head[2:]) {
	case portVXLAN:
		const vxlanLen, valid = 8, 0x08
		if head := f.take(vxlanLen); head != nil {
			if head[0]&valid == 0 {
				f.finding = Other
				return
			}
			ethernet(f)
		}
	case portGeneve:
		const geneveLen = 8
		head := f.take(geneveLen)
		if head == nil || f.take(4*int(head[0]&0x3f)) == nil {
			return
		}
		next(f, binary.BigEndian.Uint16(head[2:]))
	case portGTP:
		gtp(f)
	case portMPLS:
		mpls(f)
	default:
		f.finding = Other
	}
}

// gtp reads a GTP-U header (3GPP TS 29.281) of a packet of a user.
func gtp(f *frame) {
	const headLen, version1, userPacket, optional, extension, optionLen = 8, 0x30, 0xff, 0x07, 0x04, 4
	head := f.take(headLen)
	if head == nil {
		return
	}
	if head[0]&0xf0 != version1 || head[1] != userPacket {
		f.finding = Other
		return
	}
	if head[0]&optional != 0 {
		options := f.take(optionLen)
		if options == nil {
			return
		}
		for next := options[3]; head[0]&extension != 0 && next != 0; {
			if len(f.rest) == 0 || f.rest[0] == 0 || !f.enter() {
				f.finding = Short
				return
			}
			header := f.take(4 * int(f.rest[0]))
			if header == nil {
				return
			}
			next = header[len(header)-1]
		}
	}
	f.ip(0)
}
