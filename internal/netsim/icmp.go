package netsim

import "encoding/binary"

// Types of the ICMP messages (RFC 792, RFC 4443) that the simulator sends.
const (
	icmpEchoReply   = 0
	icmpUnreachable = 3
	icmpExceeded    = 11

	icmp6Unreachable = 1
	icmp6Exceeded    = 3
	icmp6EchoReply   = 129
)

// icmpType returns type and code of an error. code is that of a way.
func icmpType(a Answer, code uint8, six family) (kind, c uint8) {
	switch {
	case a == TimeExceeded && six == ip6:
		return icmp6Exceeded, 0
	case a == TimeExceeded:
		return icmpExceeded, 0
	case a == PortUnreach && six == ip6:
		return icmp6Unreachable, 4
	case a == PortUnreach:
		return icmpUnreachable, 3
	case six == ip6:
		return icmp6Unreachable, code
	}
	return icmpUnreachable, code
}

// envelope is the IP header of a reply.
type envelope struct {
	src, dst addr
	id       uint16
	proto    uint8
	ttl, tos uint8
}

// headerLen returns the octets of an IP header without options.
func headerLen(six family) int {
	if six {
		return 40
	}
	return 20
}

// put writes the IP header of n octets of payload.
func (e *envelope) put(b []byte, n int) {
	if !e.src.is4() {
		binary.BigEndian.PutUint32(b, 6<<28|uint32(e.tos)<<20)
		binary.BigEndian.PutUint16(b[4:], uint16(n))
		b[6], b[7] = e.proto, e.ttl
		e.src.put(b[8:])
		e.dst.put(b[24:])
		return
	}
	binary.BigEndian.PutUint16(b, 0x4500|uint16(e.tos))
	binary.BigEndian.PutUint16(b[2:], uint16(20+n))
	binary.BigEndian.PutUint32(b[4:], uint32(e.id)<<16)
	b[8], b[9], b[10], b[11] = e.ttl, e.proto, 0, 0
	e.src.put(b[12:])
	e.dst.put(b[16:])
	binary.BigEndian.PutUint16(b[10:], fold(sum(0, b[:20])))
}

// seal writes the transport checksum at the given offset of l4.
func (e *envelope) seal(l4 []byte, at int) {
	l4[at], l4[at+1] = 0, 0
	var acc uint64
	if e.proto != protoICMP {
		acc = pseudo(e.src, e.dst, e.proto, len(l4))
	}
	c := fold(sum(acc, l4))
	if c == 0 && e.proto == protoUDP {
		c = 0xffff
	}
	binary.BigEndian.PutUint16(l4[at:], c)
}

// icmpProto returns the family's ICMP.
func icmpProto(six family) uint8 {
	if six {
		return protoICMPv6
	}
	return protoICMP
}

// putError writes an ICMP error about the parsed probe into b and returns its length. It quotes the
// probe as the responder received it.
func (s *Sim) putError(b []byte, pl *plan, w *way, t *traits, e *envelope, random uint64) int {
	p := &s.packet
	off := headerLen(p.six)
	msg := b[off:]
	kind, code := icmpType(w.answer, w.code, p.six)
	msg[0], msg[1] = kind, code
	binary.BigEndian.PutUint32(msg[4:], 0)
	q := msg[8:]
	n := copy(q, p.raw[:t.quotedLen(p)])
	q = q[:n]
	if w.boxed {
		pl.rewrite(q, p, random)
	}
	setQuotedTTL(q, w.quotedTTL(t), p.six)
	if t.quote == quoteNew || t.quote == quoteOld {
		n = putExtensions(msg, n, t, w, p.six)
	}
	e.proto = icmpProto(p.six)
	e.put(b, 8+n)
	e.seal(msg[:8+n], 2)
	return off + 8 + n
}

// quotedTTL returns the probe's TTL at the moment when it was answered.
func (w *way) quotedTTL(t *traits) uint8 {
	left := 1
	if !w.loop && !(w.target && w.answer == TimeExceeded) {
		left = int(w.ttl) - w.dist + 1
	}
	if t.zero {
		left--
	}
	if t.liar {
		left += w.dist / 2
	}
	return uint8(left)
}

// quotedLen returns how many octets of the probe are quoted.
func (t *traits) quotedLen(p *packet) int {
	n := len(p.raw)
	switch t.quote {
	case quoteShort:
		return min(n, p.ip+8)
	case quoteNew, quoteOld:
		return min(n, paddedQuote)
	}
	if p.six {
		return min(n, 1280-48) // RFC 4443 §3.1
	}
	return min(n, 576-28) // RFC 1812 §4.3.2.3
}

// The octets to which a quotation is padded before extensions (RFC 4884 §5.1). The length field
// counts them in 32-bit words (IPv4) or 64-bit words (IPv6).
const paddedQuote = 128

// putExtensions pads a quotation of n octets in the message and appends an extension structure (RFC
// 4884 §7). It returns the octets after the header.
func putExtensions(msg []byte, n int, t *traits, w *way, six family) int {
	clear(msg[8+n : 8+paddedQuote])
	if t.quote == quoteNew {
		if six {
			msg[4] = paddedQuote / 8 // RFC 4884 §4.4
		} else {
			msg[5] = paddedQuote / 4 // RFC 4884 §4.1, §4.2
		}
	}
	x := msg[8+paddedQuote:]
	x[0], x[1], x[2], x[3] = 2<<4, 0, 0, 0 // version 2
	end := 4
	if t.labels > 0 {
		end += putLabels(x[end:], t)
	}
	if t.iface {
		end += putInterface(x[end:], t, w.node)
	}
	binary.BigEndian.PutUint16(x[2:], fold(sum(0, x[:end])))
	return paddedQuote + end
}

// putLabels writes an MPLS label stack object (RFC 4950 §3): class 1, type 1.
func putLabels(x []byte, t *traits) int {
	n := 4 + 4*int(t.labels)
	binary.BigEndian.PutUint32(x, uint32(n)<<16|1<<8|1)
	for i := range int(t.labels) {
		h := mix(t.hash^saltLabel, uint64(i))
		label := 16 + uint32(h)%(1<<20-16)
		entry := label<<12 | uint32(h>>40&7)<<9 | 1
		if i == int(t.labels)-1 {
			entry |= 1 << 8 // bottom of stack
		}
		binary.BigEndian.PutUint32(x[4+4*i:], entry)
	}
	return n
}

// putInterface writes an interface information object (RFC 5837 §4): class 2,
// incoming interface, with index, address, name and MTU.
func putInterface(x []byte, t *traits, n node) int {
	const name = "\x0cge-0/0/0.0" // length octet included, padded to 12
	x[2], x[3] = 2, 0x0f          // role 0, all four sub-objects
	end := 4
	binary.BigEndian.PutUint32(x[end:], 500+uint32(t.hash>>50))
	end += 4
	a := n.addr()
	if n.six {
		binary.BigEndian.PutUint32(x[end:], 2<<16)
		a.put(x[end+4:])
		end += 20
	} else {
		binary.BigEndian.PutUint32(x[end:], 1<<16)
		a.put(x[end+4:])
		end += 8
	}
	clear(x[end : end+12])
	copy(x[end:], name)
	end += 12
	binary.BigEndian.PutUint32(x[end:], maxPacket)
	end += 4
	binary.BigEndian.PutUint16(x, uint16(end))
	return end
}

// putEcho writes the reply to the parsed echo request.
func (s *Sim) putEcho(b []byte, e *envelope) int {
	p := &s.packet
	off := headerLen(p.six)
	msg := b[off : off+len(p.l4)]
	copy(msg, p.l4)
	msg[0] = icmpEchoReply
	if p.six {
		msg[0] = icmp6EchoReply
	}
	e.proto = icmpProto(p.six)
	e.put(b, len(msg))
	e.seal(msg, 2)
	return off + len(msg)
}

// putTCP writes a segment that answers the parsed segment.
func (s *Sim) putTCP(b []byte, e *envelope, r tcpReply) int {
	p := &s.packet
	n := 20
	if r.flags&flagSYN != 0 {
		n = 24
	}
	off := headerLen(p.six)
	seg := b[off : off+n]
	binary.BigEndian.PutUint16(seg, p.dport())
	binary.BigEndian.PutUint16(seg[2:], p.sport())
	binary.BigEndian.PutUint32(seg[4:], r.seq)
	binary.BigEndian.PutUint32(seg[8:], r.ack)
	seg[12], seg[13] = uint8(n/4)<<4, r.flags
	binary.BigEndian.PutUint32(seg[14:], 0)
	binary.BigEndian.PutUint16(seg[18:], 0)
	if r.flags&flagRST == 0 {
		binary.BigEndian.PutUint16(seg[14:], 65160)
	}
	if n == 24 {
		binary.BigEndian.PutUint32(seg[20:], 2<<24|4<<16|1460) // MSS
	}
	e.proto = protoTCP
	e.put(b, n)
	e.seal(seg, 16)
	return off + n
}

// putUDP writes a datagram from the probed port.
func (s *Sim) putUDP(b []byte, e *envelope) int {
	const n = 8 + 12
	p := &s.packet
	off := headerLen(p.six)
	d := b[off : off+n]
	binary.BigEndian.PutUint16(d, p.dport())
	binary.BigEndian.PutUint16(d[2:], p.sport())
	binary.BigEndian.PutUint16(d[4:], n)
	copy(d[8:], "unexpected\r\n")
	e.proto = protoUDP
	e.put(b, n)
	e.seal(d, 6)
	return off + n
}
