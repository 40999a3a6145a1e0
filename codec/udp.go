package codec

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/probe"
	"github.com/masstrace/masstrace/wire"
)

// UDP probes.
//
//	source port        flow value
//	checksum           first tag; the payload compensates
//	identification     second tag (IPv4)
//	payload            compensation, text (IPv4); the seal, which holds the
//	                   second tag (IPv6)
//
// A port unreachable of the target quotes what a router quotes.

func udpTemplate(b []byte, addrLen int, dstPort uint16) int {
	const size = wire.UDPLen + sealLen
	binary.BigEndian.PutUint16(b[wire.UDPDstPort:], dstPort)
	binary.BigEndian.PutUint16(b[wire.UDPLength:], size)
	if addrLen == 4 {
		copy(b[wire.UDPLen+2:], udp4Name)
	} else {
		sealTemplate(b[wire.UDPLen:])
	}
	return size
}

func encodeUDP(b []byte, p *Prepared, tau uint8) {
	tag := nonZero(p.key.seal16(fieldFirst, tau))
	binary.BigEndian.PutUint16(b[wire.UDPSrcPort:], p.Flow.Value)
	binary.BigEndian.PutUint16(b[wire.UDPChecksum:], tag)
	sum := uint64(p.sum) + uint64(tag)
	payload := b[wire.UDPLen:]
	if !p.Target.Is4() {
		sum = encodeSeal(payload, p.key, tau, sum)
	}
	compensate(payload, sum)
}

// quotedUDP authenticates the quotation of a UDP probe.
func (c *Codec) quotedUDP(q *wire.Quotation, r *probe.Facts) Verdict {
	b := q.Transport
	if binary.BigEndian.Uint16(b[wire.UDPDstPort:]) != c.cfg.DstPort {
		return Unrelated
	}
	base := c.base(&r.Target)
	flow, ok := c.flowOf(base, binary.BigEndian.Uint16(b[wire.UDPSrcPort:]))
	if !ok {
		return Unrelated
	}
	r.Flow = flow
	if binary.BigEndian.Uint16(b[wire.UDPLength:]) != wire.UDPLen+sealLen {
		r.Mangled |= probe.MangledLen
	}
	k := c.tagKey(&r.Target, flow)
	var first, second opened
	csum := binary.BigEndian.Uint16(b[wire.UDPChecksum:])
	c.nonZeroTag(&first, k, fieldFirst, csum)
	if r.Mangled.Has(probe.MangledSource) && first.n == 0 && csum != 0 {
		// Whoever rewrote the source adjusted the checksum to it.
		c.nonZeroTag(&first, k, fieldFirst, wire.Substitute(csum, c.quotedSource(q), c.ownSource(q)))
		if first.n > 0 {
			r.Mangled |= probe.MangledCsum
		}
	}
	if q.Is4 {
		c.nonZeroTag(&second, k, fieldSecond, q.ID)
		return c.settle(r, first, second, probe.MangledCsum, probe.MangledIPID)
	}
	c.checkLabel(q, r, base)
	quoted := c.sealOf(&second, k, b[wire.UDPLen:])
	return c.settle(r, first, second, probe.MangledCsum, noSeal(quoted))
}

// UDPAnswer authenticates a datagram that came to dstPort from srcPort of
// r.Responder: the service at a target's probed port answered. It says that
// the target was reached, at no TTL.
func (c *Codec) UDPAnswer(srcPort, dstPort uint16, r *probe.Facts) Verdict {
	if c.cfg.Method != probe.UDP || srcPort != c.cfg.DstPort {
		return Unrelated
	}
	flow, ok := c.flowOf(c.base(&r.Responder), dstPort)
	if !ok {
		return Unrelated
	}
	r.Probe = probe.Probe{Target: r.Responder, Flow: flow}
	r.Kind, r.Valid = probe.KindUDPReply, probe.Weak
	return Accepted
}
