package codec

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// Quoted authenticates the quotation q of an ICMP error. After Accepted, r.Probe, r.Valid,
// r.Mangled and the quoted fields are filled. After Garbled, r.Target, r.Flow and r.Valid are.
// After BadSource, r.Mangled names the source besides. After any other verdict r is of no use.
func (c *Codec) Quoted(q *wire.Quotation, r *probe.Facts) Verdict {
	if c.cfg.Variations {
		return c.variedQuoted(q, r)
	}
	return c.quoted(q, r, probe.Unvaried)
}

// quoted authenticates the quotation of a flow with a given variation.
func (c *Codec) quoted(q *wire.Quotation, r *probe.Facts, varies probe.Variation) Verdict {
	if v := c.quotedHeader(q, r, varies); v != Accepted {
		return v
	}
	var v Verdict
	switch c.cfg.Method {
	case probe.UDP:
		v = c.quotedUDP(q, r, varies)
	case probe.ICMP:
		v = c.quotedICMP(q, r, varies)
	default:
		return c.quotedTCP(q, r, varies)
	}
	if v == Accepted {
		c.checkPayload(q, r)
	}
	return v
}

// quotedHeader copies the quoted fields to r and judges those of the IP header.
func (c *Codec) quotedHeader(q *wire.Quotation, r *probe.Facts, varies probe.Variation) Verdict {
	r.HasQuote = true
	r.QuotedTTL, r.QuotedTOS, r.QuotedID = q.TTL, q.TOS, q.ID
	r.QuotedSize = uint32(q.Size)
	r.QuotedLen = uint16(q.Headers + len(q.Transport))
	r.Target, r.Mangled = probe.Addr(q.Dst), 0
	own := c.own(q.Is4)
	if isMapped(&q.Dst) != q.Is4 || q.Protocol != c.cfg.Method.Protocol(q.Is4) || *own == (probe.Addr{}) {
		return Unrelated
	}
	if len(q.Transport) < wire.MinTransport {
		return Malformed
	}
	if q.Size != c.Size(q.Is4) {
		r.Mangled |= probe.MangledLen
	}
	if q.TOS != c.varied.tos[varies] {
		r.Mangled |= probe.MangledTOS
	}
	if q.Src != *own {
		r.Mangled |= probe.MangledSource
	}
	return Accepted
}

// isMapped is probe.Addr.Is4 of an address that was just written word by word. It reads words
// too: a copy would have to wait for memory.
func isMapped(a *[16]byte) bool {
	return binary.LittleEndian.Uint64(a[:8]) == 0 && binary.LittleEndian.Uint32(a[8:]) == 0xffff0000
}

// quotedPorts finds the flow of a quoted UDP or TCP probe by its ports, which both protocols
// have in the same place. ok is false if they are not of this run.
func (c *Codec) quotedPorts(q *wire.Quotation, r *probe.Facts, varies probe.Variation) (base flowBase, ok bool) {
	if binary.BigEndian.Uint16(q.Transport[wire.UDPDstPort:]) != c.varied.dstPort[varies] {
		return base, false
	}
	base = c.base((*probe.Addr)(&q.Dst))
	if r.Flow, ok = c.flowOf(base, binary.BigEndian.Uint16(q.Transport[wire.UDPSrcPort:])); ok {
		r.Flow = varies.Of(r.Flow)
		c.checkLabel(q, r, base)
	}
	return base, ok
}

// checkLabel names the IPv6 flow label in r.Mangled unless it is that of the flow.
func (c *Codec) checkLabel(q *wire.Quotation, r *probe.Facts, base flowBase) {
	if !q.Is4 && q.Label != c.flow(base, r.Flow).Label {
		r.Mangled |= probe.MangledLabel
	}
}

// compareTags compares the two tags of a reply, and fills r.TTL, r.Attempt and r.Valid. If
// one tag is not valid, it adds the name of its field to r.Mangled.
//
// Two valid and equal tags are strong, exactly one valid tag is weak. Two valid tags that
// differ are a conflict, which no preference resolves. The quoted TTL refutes a single tag
// with a smaller TTL, because a TTL only falls on its way.
func (c *Codec) compareTags(r *probe.Facts, first, second *candidates, firstName, secondName probe.Mangled) Verdict {
	if tau, ok := agree(first, second); ok {
		r.TTL, r.Attempt, r.Valid = tau>>2, tau&3, probe.Strong
		return Accepted
	}
	switch {
	case r.Mangled.Has(probe.MangledSource):
		r.Valid = probe.Garbled
		return BadSource
	case first.n > 0 && second.n > 0:
		return Conflict
	case first.n+second.n != 1 || c.strongOnly:
		return badTag(r)
	}
	only, other := first.tau[0], secondName
	if first.n == 0 {
		only, other = second.tau[0], firstName
	}
	if r.HasQuote && r.QuotedTTL > only>>2 {
		return badTag(r)
	}
	r.TTL, r.Attempt, r.Valid = only>>2, only&3, probe.Weak
	r.Mangled |= other
	return Accepted
}

// badTag returns the verdict on a reply to a probe of r.Target and r.Flow without a tag that
// counts. Such a reply casts doubt on others of its target and flow (see probe.Garbled).
func badTag(r *probe.Facts) Verdict {
	r.Valid = probe.Garbled
	return Garbled
}

// checkPayload names the payload in r.Mangled if the transport checksum is wrong and nothing else
// explains that. The payload must be quoted whole, with the other summed fields as they were
// sent.
func (c *Codec) checkPayload(q *wire.Quotation, r *probe.Facts) {
	const others = probe.MangledCsum | probe.MangledLen | probe.MangledID | probe.MangledSeq
	t := c.template(q.Is4)
	n := t.size - t.header
	if r.Mangled&others != 0 || len(q.Transport) < n || !hasSeal(q.Transport[wire.MinTransport:]) {
		return
	}
	var pseudo uint64
	if q.Protocol != probe.ProtoICMP {
		pseudo = wire.PseudoSum(c.ownSource(q), r.Target.Octets(), q.Protocol, n)
	}
	if wire.Fold(wire.Sum(q.Transport[:n], pseudo)) != 0xffff {
		r.Mangled |= probe.MangledPayload
	}
}

// quotedSource returns the octets of the source address in the quotation.
func (c *Codec) quotedSource(q *wire.Quotation) []byte {
	if q.Is4 {
		return q.Src[12:]
	}
	return q.Src[:]
}

// ownSource returns the octets of the source address in the probe.
func (c *Codec) ownSource(q *wire.Quotation) []byte { return c.own(q.Is4).Octets() }
