package codec

import (
	"bytes"

	"github.com/masstrace/masstrace/probe"
	"github.com/masstrace/masstrace/wire"
)

// Quoted authenticates the quotation q of an ICMP error. On Accepted it has
// filled r.Probe, r.Valid and r.Mangled and copied the quoted fields; else r
// is of no use.
func (c *Codec) Quoted(q *wire.Quotation, r *probe.Facts) Verdict {
	r.HasQuote = true
	r.QuotedTTL, r.QuotedTOS, r.QuotedID = q.TTL, q.TOS, q.ID
	r.QuotedSize = uint32(q.Size)
	r.QuotedLen = uint16(q.Headers + len(q.Transport))
	r.Target = probe.Addr(q.Dst)
	if q.Protocol != c.cfg.Method.Protocol(q.Is4) || c.Source(q.Is4).IsZero() {
		return Unrelated
	}
	if len(q.Transport) < wire.MinTransport {
		return Malformed
	}
	if q.Size != c.Size(q.Is4) {
		r.Mangled |= probe.MangledLen
	}
	if q.TOS != c.cfg.TOS {
		r.Mangled |= probe.MangledTOS
	}
	if !bytes.Equal(c.quotedSource(q), c.ownSource(q)) {
		r.Mangled |= probe.MangledSource
	}
	if c.cfg.Method == probe.ICMP {
		return c.quotedICMP(q, r)
	}
	return c.quotedUDP(q, r)
}

// quotedSource and ownSource return the octets of the source address in the
// quotation and in the probe.
func (c *Codec) quotedSource(q *wire.Quotation) []byte {
	if q.Is4 {
		return q.Src[12:]
	}
	return q.Src[:]
}

func (c *Codec) ownSource(q *wire.Quotation) []byte {
	if q.Is4 {
		return c.source[12:]
	}
	return c.source6[:]
}

func (c *Codec) checkLabel(q *wire.Quotation, r *probe.Facts, base flowBase) {
	if q.Label != c.flow(base, r.Flow).Label {
		r.Mangled |= probe.MangledLabel
	}
}
