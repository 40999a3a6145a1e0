package codec

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// UDP probes.
//
//	source port        flow value
//	checksum           first tag; the payload compensates
//	identification     second tag (IPv4)
//	payload            compensation, text (IPv4); the seal, with the second tag (IPv6)
//
// A port unreachable of the target quotes the same octets as a router's time exceeded.

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
func (c *Codec) quotedUDP(q *wire.Quotation, r *probe.Facts, varies probe.Variation) Verdict {
	base, ok := c.quotedPorts(q, r, varies)
	if !ok {
		return Unrelated
	}
	if binary.BigEndian.Uint16(q.Transport[wire.UDPLength:]) != wire.UDPLen+sealLen {
		r.Mangled |= probe.MangledLen
	}
	var first, second candidates
	other := c.readUDPTags(&first, &second, q, c.tagKey(&r.Target, r.Flow))
	if r.Mangled.Has(probe.MangledSource) {
		c.undoAdjustment(&first, &second, q, r)
	}
	v := c.compareTags(r, &first, &second, probe.MangledCsum, other)
	if v == Accepted && r.Valid == probe.Weak && c.otherFlow(q, r, base) {
		return Conflict
	}
	return v
}

// readUDPTags reads the two tags of a quotation under the key of a flow. It returns the name of
// the field that holds the second.
func (c *Codec) readUDPTags(first, second *candidates, q *wire.Quotation, k tagKey) probe.Mangled {
	c.readNonZeroTag(first, k, fieldFirst, binary.BigEndian.Uint16(q.Transport[wire.UDPChecksum:]))
	if q.Is4 {
		c.readNonZeroTag(second, k, fieldSecond, q.ID)
		return probe.MangledIPID
	}
	return sealFault(c.readSeal(second, k, q.Transport[wire.UDPLen:]))
}

// undoAdjustment reads the checksum of a quotation with a foreign source once more. It assumes
// that the middlebox that rewrote the source adjusted the checksum to it. If the checksum agrees
// with the second tag as it is, nothing is done.
func (c *Codec) undoAdjustment(first, second *candidates, q *wire.Quotation, r *probe.Facts) {
	csum := binary.BigEndian.Uint16(q.Transport[wire.UDPChecksum:])
	if _, ok := agree(first, second); ok || csum == 0 {
		return
	}
	*first = candidates{}
	csum = nonZero(wire.Substitute(csum, c.quotedSource(q), c.ownSource(q)))
	c.readNonZeroTag(first, c.tagKey(&r.Target, r.Flow), fieldFirst, csum)
	r.Mangled |= probe.MangledCsum
}

// otherFlow reports whether a quotation with one valid tag is more likely of another flow of the
// same target, with a rewritten source port. It is if it has the label of that flow, or two tags
// that agree under the flow's key. Otherwise a single rewritten field could give a wrong TTL.
//
// Over IPv4 it compares with the first flows, searched at most.
func (c *Codec) otherFlow(q *wire.Quotation, r *probe.Facts, base flowBase) bool {
	if !q.Is4 {
		return r.Mangled.Has(probe.MangledLabel) && c.otherLabel(q, r, base)
	}
	varies := c.flow(base, r.Flow).Varies
	for f := range uint16(min(c.cfg.Flows, searched)) {
		f = varies.Of(f)
		if f == r.Flow {
			continue
		}
		var first, second candidates
		c.readUDPTags(&first, &second, q, c.tagKey(&r.Target, f))
		if _, ok := agree(&first, &second); ok {
			return true
		}
	}
	return false
}

// searched is how many flows a quotation with one valid tag is compared with. A search of more
// takes longer than all else. Of a quotation of a later flow, one in some thousand is accepted with
// a wrong TTL. The others are misses, which cast doubt on it (see window.Standing).
const searched = 64

// otherLabel reports whether a quotation has the label of another flow.
func (c *Codec) otherLabel(q *wire.Quotation, r *probe.Facts, base flowBase) bool {
	varies := c.flow(base, r.Flow).Varies
	for f := range uint16(c.cfg.Flows) {
		if f = varies.Of(f); f != r.Flow && q.Label == c.flow(base, f).Label {
			return true
		}
	}
	return false
}

// UDPAnswer authenticates a datagram that came to dstPort from srcPort of r.Responder: a service
// at a target's probed port answered. The target was reached, at an unknown TTL.
func (c *Codec) UDPAnswer(srcPort, dstPort uint16, r *probe.Facts) Verdict {
	varies, ok := c.answeredPort(srcPort)
	if c.cfg.Method != probe.UDP || !ok || c.Source(r.Responder.Is4()).IsZero() {
		return Unrelated
	}
	flow, ok := c.flowOf(c.base(&r.Responder), dstPort)
	if !ok {
		return Unrelated
	}
	r.Probe = probe.Probe{Target: r.Responder, Flow: varies.Of(flow)}
	r.Kind, r.Valid, r.Mangled = probe.KindUDPReply, probe.Weak, 0
	return Accepted
}
