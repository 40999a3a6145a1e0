package codec

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// ICMP echo probes, over ICMPv4 and ICMPv6.
//
//	identifier         flow value
//	checksum           flow value again; the payload compensates
//	sequence number    first tag
//	identification     second tag (IPv4)
//	payload            the seal, with the second tag (IPv6); the target, for
//	                   echo replies from another address
//
// The echo reply returns sequence number and payload.

func icmpTemplate(b []byte, addrLen int) int {
	b[wire.ICMPType] = wire.ICMPv4Echo
	if addrLen == 16 {
		b[wire.ICMPType] = wire.ICMPv6Echo
	}
	sealTemplate(b[wire.ICMPLen:])
	return wire.ICMPLen + sealLen + addrLen
}

func encodeICMP(b []byte, p *Prepared, tau uint8) {
	tag := p.key.seal16(fieldFirst, tau)
	binary.BigEndian.PutUint16(b[wire.ICMPChecksum:], p.Flow.Value)
	binary.BigEndian.PutUint16(b[wire.EchoID:], p.Flow.Value)
	binary.BigEndian.PutUint16(b[wire.EchoSeq:], tag)
	payload := b[wire.ICMPLen:]
	copy(payload[sealLen:], p.Target.Octets())
	compensate(payload, encodeSeal(payload, p.key, tau, uint64(p.sum)+uint64(tag)))
}

// quotedICMP authenticates the quotation of an echo probe.
func (c *Codec) quotedICMP(q *wire.Quotation, r *probe.Facts, varies probe.Variation) Verdict {
	b := q.Transport
	echo := uint8(wire.ICMPv4Echo)
	if !q.Is4 {
		echo = wire.ICMPv6Echo
	}
	if b[wire.ICMPType] != echo || b[wire.ICMPCode] != 0 {
		return Unrelated
	}
	base := c.base(&r.Target)
	pinned := binary.BigEndian.Uint16(b[wire.ICMPChecksum:])
	if v := c.echoFlow(base, b, pinned, r); v != Accepted {
		return v
	}
	r.Flow = varies.Of(r.Flow)
	k := c.tagKey(&r.Target, r.Flow)
	var first, second candidates
	c.readTag(&first, k, fieldFirst, binary.BigEndian.Uint16(b[wire.EchoSeq:]))
	if q.Is4 {
		c.readNonZeroTag(&second, k, fieldSecond, q.ID)
		return c.compareTags(r, &first, &second, probe.MangledSeq, probe.MangledIPID)
	}
	c.checkLabel(q, r, base)
	other := sealFault(c.readSeal(&second, k, b[wire.ICMPLen:]))
	return c.compareTags(r, &first, &second, probe.MangledSeq, other)
}

// echoFlow finds the flow by the identifier in the ICMP header b or by the pinned checksum.
// Either is enough; if the other differs, r.Mangled names it.
func (c *Codec) echoFlow(base flowBase, b []byte, pinned uint16, r *probe.Facts) Verdict {
	byID, okID := c.flowOf(base, binary.BigEndian.Uint16(b[wire.EchoID:]))
	byCsum, okCsum := c.flowOf(base, pinned)
	switch {
	case okID && okCsum && byID != byCsum:
		return Conflict
	case okID:
		r.Flow = byID
	case okCsum:
		r.Flow = byCsum
		r.Mangled |= probe.MangledID
	default:
		return Unrelated
	}
	if !okCsum {
		r.Mangled |= probe.MangledCsum
	}
	return Accepted
}

// EchoReply authenticates an echo reply. message is the ICMP message from its type on, with a
// correct checksum. r.Responder is its source, which counts as the target if the payload ends
// before the target.
func (c *Codec) EchoReply(message []byte, is4 bool, r *probe.Facts) Verdict {
	if c.cfg.Method != probe.ICMP || c.Source(is4).IsZero() {
		return Unrelated
	}
	if len(message) < wire.ICMPLen {
		return Malformed
	}
	payload := message[wire.ICMPLen:]
	r.Target, r.Mangled = r.Responder, 0
	switch {
	case is4 && len(payload) >= sealLen+4:
		r.Target = probe.Addr4From([4]byte(payload[sealLen:]))
	case !is4 && len(payload) >= sealLen+16:
		r.Target = probe.Addr(payload[sealLen : sealLen+16])
	default:
		r.Mangled |= probe.MangledLen
	}
	if r.Target.Is4() != is4 {
		return Unrelated
	}
	// From request to reply only the type changes (8 to 0, 128 to 129), and the addresses
	// change places.
	pinned := binary.BigEndian.Uint16(message[wire.ICMPChecksum:])
	if is4 {
		pinned = wire.Substitute(pinned, []byte{wire.ICMPv4EchoReply, 0}, []byte{wire.ICMPv4Echo, 0})
	} else {
		pinned = wire.Substitute(pinned, []byte{wire.ICMPv6EchoReply, 0}, []byte{wire.ICMPv6Echo, 0})
	}
	if v := c.echoFlow(c.base(&r.Target), message, pinned, r); v != Accepted {
		return v
	}
	r.Mangled &^= probe.MangledCsum // this is the reply's own checksum: none is quoted
	if c.cfg.Variations {
		return c.variedEcho(message, payload, is4, r)
	}
	return c.compareEcho(message, payload, r)
}

// compareEcho compares the tags of an echo reply under the key of its flow.
func (c *Codec) compareEcho(message, payload []byte, r *probe.Facts) Verdict {
	k := c.tagKey(&r.Target, r.Flow)
	var first, second candidates
	c.readTag(&first, k, fieldFirst, binary.BigEndian.Uint16(message[wire.EchoSeq:]))
	other := sealFault(c.readSeal(&second, k, payload))
	return c.compareTags(r, &first, &second, probe.MangledSeq, other)
}
