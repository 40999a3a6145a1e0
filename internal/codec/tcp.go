package codec

import (
	"bytes"
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// TCP probes: a SYN or an ACK, without payload.
//
//	source port        flow value
//	sequence number    first tag: 32 bits, strong by itself
//	acknowledgement    the first tag again (ACK), 0 (SYN)
//	identification     second tag (IPv4), weak by itself
//	options            SYN: the maximum segment size, because some firewalls drop a SYN
//	                   without it
//
// The checksum follows from the rest. No balancer hashes it, and a quotation of 8 octets does not
// reach it. A port without a connection answers (RFC 9293 §3.5.2, §3.10.7.1)
//
//	SYN    SYN-ACK, or RST-ACK: the acknowledgement is our sequence number + 1
//	ACK    RST: the sequence number is our acknowledgement
//
// Some stacks answer an ACK by RST-ACK, which §3.10.7.1 describes for segments without ACK. Its
// acknowledgement is our sequence number and the length, which is 0.
//
// A connection that a SYN left half open answers the next SYN of the flow by an ACK of the first
// (RFC 5961 §4.2). It shows that the target was reached, but not which probe it answers.
const (
	tcpWindow = 0xffff
	tcpMSS4   = 1460 // as an Ethernet frame has room for (RFC 6691)
	tcpMSS6   = 1440
)

func (c *Codec) tcpTemplate(b []byte, addrLen int) int {
	size, flags := wire.TCPLen, uint8(wire.FlagACK)
	if c.cfg.Method == probe.TCPSYN {
		mss := uint16(tcpMSS4)
		if addrLen == 16 {
			mss = tcpMSS6
		}
		option := b[wire.TCPLen:]
		option[0], option[1] = wire.OptionMSS, wire.OptionMSSLen
		binary.BigEndian.PutUint16(option[2:], mss)
		size, flags = size+wire.OptionMSSLen, wire.FlagSYN
	}
	binary.BigEndian.PutUint16(b[wire.TCPDstPort:], c.cfg.DstPort)
	b[wire.TCPOffset] = uint8(size/4) << 4
	b[wire.TCPFlags] = flags
	binary.BigEndian.PutUint16(b[wire.TCPWindow:], tcpWindow)
	return size
}

func (c *Codec) encodeTCP(b []byte, p *Prepared, tau uint8) {
	tag := p.key.seal32(tau)
	binary.BigEndian.PutUint16(b[wire.TCPSrcPort:], p.Flow.Value)
	binary.BigEndian.PutUint32(b[wire.TCPSeq:], tag)
	sum := uint64(tag)
	if c.cfg.Method == probe.TCPACK {
		binary.BigEndian.PutUint32(b[wire.TCPAck:], tag)
		sum *= 2
	}
	binary.BigEndian.PutUint16(b[wire.TCPChecksum:], wire.Checksum(sum+uint64(p.sum)))
}

// quotedTCP authenticates the quotation of a TCP probe.
func (c *Codec) quotedTCP(q *wire.Quotation, r *probe.Facts, varies probe.Variation) Verdict {
	if _, ok := c.quotedPorts(q, r, varies); !ok {
		return Unrelated
	}
	k := c.tagKey(&r.Target, r.Flow)
	first, ok := c.readTCPTags(k, q, r)
	if !ok {
		return Conflict
	}
	var second candidates
	other := probe.Mangled(0)
	if q.Is4 {
		c.readNonZeroTag(&second, k, fieldSecond, q.ID)
		other = probe.MangledIPID
	}
	v := c.compareTCPTags(r, &first, &second, other)
	if v != Accepted {
		return v
	}
	if r.Valid == probe.Weak && c.otherTCPFlow(q, r, varies) {
		return Conflict
	}
	c.checkSegment(q, r, k, varies)
	return Accepted
}

// readTCPTags reads the 32-bit tags of a quotation: the sequence number, and the acknowledgement
// of an ACK if it is quoted. ok is false if they contradict each other.
func (c *Codec) readTCPTags(k tagKey, q *wire.Quotation, r *probe.Facts) (first candidates, ok bool) {
	c.readTag32(&first, k, binary.BigEndian.Uint32(q.Transport[wire.TCPSeq:]))
	if c.cfg.Method != probe.TCPACK || !reaches(q.Transport, wire.TCPAck, wire.TCPAck+4) {
		return first, true
	}
	var again candidates
	c.readTag32(&again, k, binary.BigEndian.Uint32(q.Transport[wire.TCPAck:]))
	switch {
	case again.n == 0:
	case first.n == 0: // some firewalls replace sequence numbers
		first = again
		r.Mangled |= probe.MangledSeq
	case first != again:
		return first, false
	}
	return first, true
}

// compareTCPTags is compareTags for a first tag of 32 bits, which is enough. A second tag that is
// not valid is only named.
func (c *Codec) compareTCPTags(r *probe.Facts, first, second *candidates, secondName probe.Mangled) Verdict {
	if first.n != 1 || second.n != 0 {
		return c.compareTags(r, first, second, probe.MangledSeq, secondName)
	}
	r.TTL, r.Attempt, r.Valid = first.tau[0]>>2, first.tau[0]&3, probe.Strong
	r.Mangled |= secondName
	return Accepted
}

// otherTCPFlow reports whether a sequence number without a valid tag is that of another flow,
// whose source port was rewritten. It compares with the first flows, searched at most.
func (c *Codec) otherTCPFlow(q *wire.Quotation, r *probe.Facts, varies probe.Variation) bool {
	seq := binary.BigEndian.Uint32(q.Transport[wire.TCPSeq:])
	for f := range uint16(min(c.cfg.Flows, searched)) {
		var o candidates
		if c.readTag32(&o, c.tagKey(&r.Target, varies.Of(f)), seq); o.n > 0 {
			return true
		}
	}
	return false
}

// reaches reports whether b quotes the octets from..to-1, not all of which were zero when they
// were sent. A router that quotes less, but adds extensions, pads with zeros (RFC 4884 §4).
func reaches(b []byte, from, to int) bool {
	if len(b) < to {
		return false
	}
	var all byte
	for _, octet := range b[from:to] {
		all |= octet
	}
	return all != 0
}

// checkSegment names the fields after the sequence number that were rewritten, in a segment that
// is quoted whole.
func (c *Codec) checkSegment(q *wire.Quotation, r *probe.Facts, k tagKey, varies probe.Variation) {
	t := c.template(q.Is4)
	size := t.size - t.header
	b, sent := q.Transport, t.octets[t.header:]
	// The segment ends with an option, or with a checksum and 16 zero bits. A checksum that
	// happens to be 0 looks as if it were not quoted, and nothing is checked.
	if !reaches(b, size-4, size) {
		return
	}
	tag := k.seal32(tau(r.TTL, r.Attempt))
	sum := wire.Sum(r.Target.Octets(), t.sum) + uint64(c.varied.portSum(varies))
	ack := uint32(0)
	if c.cfg.Method == probe.TCPACK {
		ack = tag
	}
	sum = uint64(wire.Fold(sum)) + uint64(tag) + uint64(ack) + uint64(binary.BigEndian.Uint16(b[wire.TCPSrcPort:]))
	if binary.BigEndian.Uint16(b[wire.TCPChecksum:]) != wire.Checksum(sum) {
		r.Mangled |= probe.MangledCsum
	}
	const behind = wire.TCPChecksum + 2
	if binary.BigEndian.Uint32(b[wire.TCPAck:]) != ack ||
		!bytes.Equal(b[wire.TCPOffset:wire.TCPChecksum], sent[wire.TCPOffset:wire.TCPChecksum]) ||
		!bytes.Equal(b[behind:size], sent[behind:size]) {
		r.Mangled |= probe.MangledPayload
	}
}

// Segment is the part of a TCP header that identifies a probe.
type Segment struct {
	SrcPort, DstPort uint16
	Seq, Ack         uint32
	Flags            uint8
}

// TCPAnswer authenticates a segment that came from r.Responder. For a pure ACK, r.Probe is the
// probe that it acknowledges, which may not be the probe that it answers. Then the target was
// reached, at an unknown TTL.
//
// It rejects resets of our own host: they go to the target, and their tags are not valid under
// the key of another address.
func (c *Codec) TCPAnswer(s *Segment, r *probe.Facts) Verdict {
	varies, ok := c.answeredPort(s.SrcPort)
	if c.cfg.Method.Protocol(true) != probe.ProtoTCP || !ok || c.Source(r.Responder.Is4()).IsZero() {
		return Unrelated
	}
	flow, ok := c.flowOf(c.base(&r.Responder), s.DstPort)
	if !ok {
		return Unrelated
	}
	if c.cfg.Variations && varies == probe.Unvaried {
		return c.variedSegment(s, r, flow)
	}
	return c.answeredFlow(s, r, varies.Of(flow))
}

// answeredFlow authenticates a segment as an answer to a probe of a flow.
func (c *Codec) answeredFlow(s *Segment, r *probe.Facts, flow uint16) Verdict {
	var o candidates
	c.readAnswerTags(&o, c.tagKey(&r.Responder, flow), s)
	switch o.n {
	case 0:
		r.Target, r.Flow, r.Mangled = r.Responder, flow, 0
		return badTag(r)
	case 1:
	default:
		return Conflict
	}
	r.Probe = probe.Probe{Target: r.Responder, Flow: flow, TTL: o.tau[0] >> 2, Attempt: o.tau[0] & 3}
	r.Valid, r.Mangled = probe.Strong, 0
	return Accepted
}

// readAnswerTags reads the tags of an answer. A field without a tag gives no candidate, so the
// flags need not be reliable.
func (c *Codec) readAnswerTags(o *candidates, k tagKey, s *Segment) {
	if c.cfg.Method == probe.TCPSYN {
		c.readTag32(o, k, s.Ack-1)
		return
	}
	if s.Flags&wire.FlagRST != 0 {
		c.readTag32(o, k, s.Seq)
	}
	if s.Flags&wire.FlagACK != 0 {
		c.readTag32(o, k, s.Ack)
	}
}
