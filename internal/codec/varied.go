package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// Flows that vary in one field (see probe.Variation).
//
//	destination port    the next port; of 65535, the one before
//	flow label          another one, from the flow number
//	TOS                 bit 2 inverted. It is the lowest bit of the DSCP: routers that rewrite
//	                    the IP precedence leave it alone (RFC 8622 §4). The ECN bits stay 0
//
// Keys are bound to the whole flow number. So the tags of a reply decide which variation it
// answers, as routers may rewrite TOS and label. The destination port alone is decisive.
const tosBit = 1 << 2

// varied holds the fields of probes, by variation.
type varied struct {
	dstPort [probe.Variations]uint16
	tos     [probe.Variations]uint8
}

func (v *varied) init(cfg Config) error {
	for i := range v.tos {
		v.dstPort[i], v.tos[i] = cfg.DstPort, cfg.TOS
	}
	if !cfg.Variations {
		return nil
	}
	if cfg.Flows > probe.BaseFlows {
		return fmt.Errorf("%d flows are more than %d, and may not vary", cfg.Flows, probe.BaseFlows)
	}
	v.tos[probe.VaryTOS] ^= tosBit
	switch {
	case cfg.Method == probe.ICMP: // has no ports
	case cfg.DstPort == math.MaxUint16:
		v.dstPort[probe.VaryDstPort]--
	default:
		v.dstPort[probe.VaryDstPort]++
	}
	return nil
}

// portSum and tosSum return the amount that a variation adds to a sum of the unvaried probe.
func (v *varied) portSum(varies probe.Variation) uint32 {
	return difference(v.dstPort[varies], v.dstPort[probe.Unvaried])
}

func (v *varied) tosSum(varies probe.Variation) uint32 {
	return difference(uint16(v.tos[varies]), uint16(v.tos[probe.Unvaried]))
}

// difference returns a-b in ones' complement.
func difference(a, b uint16) uint32 {
	if a == b {
		return 0
	}
	return uint32(a) + uint32(^b)
}

// HasVariation reports whether there are probes of the family with a variation. Others must not be
// prepared.
func (c *Codec) HasVariation(v probe.Variation, is4 bool) bool {
	switch v {
	case probe.Unvaried:
		return true
	case probe.VaryDstPort:
		return c.cfg.Variations && c.cfg.Method != probe.ICMP
	case probe.VaryLabel:
		return c.cfg.Variations && !is4
	case probe.VaryTOS:
		return c.cfg.Variations
	}
	return false
}

// DstPort returns the destination port of the probes of a variation.
func (c *Codec) DstPort(v probe.Variation) uint16 { return c.varied.dstPort[v] }

// TOS returns the TOS or traffic class of the probes of a variation.
func (c *Codec) TOS(v probe.Variation) uint8 { return c.varied.tos[v] }

// vary4 writes the varied field into an IPv4 probe. The checksums are those of the variation
// already.
func (c *Codec) vary4(buf []byte, v probe.Variation) {
	switch v {
	case probe.VaryDstPort:
		binary.BigEndian.PutUint16(buf[wire.V4Len+wire.UDPDstPort:], c.varied.dstPort[v])
	case probe.VaryTOS:
		buf[wire.V4TOS] = c.varied.tos[v]
	}
}

// vary6 is vary4 for IPv6. The label is in place already.
func (c *Codec) vary6(buf []byte, v probe.Variation) {
	switch v {
	case probe.VaryDstPort:
		binary.BigEndian.PutUint16(buf[wire.V6Len+wire.UDPDstPort:], c.varied.dstPort[v])
	case probe.VaryTOS:
		tos := c.varied.tos[v]
		buf[0], buf[1] = 6<<4|tos>>4, tos<<4|buf[1]&0xf
	}
}

// answeredPort returns the variation of the probes to a port. Probes of other variations than that
// of the port have the unvaried one. ok is false if no probe has that port.
func (c *Codec) answeredPort(port uint16) (v probe.Variation, ok bool) {
	switch port {
	case c.cfg.DstPort:
		return probe.Unvaried, true
	case c.varied.dstPort[probe.VaryDstPort]:
		return probe.VaryDstPort, true
	}
	return 0, false
}

// The variations with the unvaried port, the most likely one first.
var (
	mostlyUnvaried = [...]probe.Variation{probe.Unvaried, probe.VaryTOS, probe.VaryLabel}
	mostlyTOS      = [...]probe.Variation{probe.VaryTOS, probe.Unvaried, probe.VaryLabel}
)

// trial collects the verdicts on a reply as an answer to several variations.
//
// A weak reply to one of them is by chance also a weak reply to another one, once in 250 for 63
// TTLs. Then the variation counts whose TOS and label were rewritten less. If they are alike, it is
// a conflict.
type trial struct {
	facts   probe.Facts // of the likeliest weak reply, otherwise of the first variation
	verdict Verdict
	tried   bool
	weak    bool // there is a weak reply
}

// rewritten returns how many of the fields that may vary were rewritten.
func rewritten(r *probe.Facts) int {
	return bits.OnesCount16(uint16(r.Mangled & (probe.MangledTOS | probe.MangledLabel)))
}

// take takes the verdict on one variation. It returns true if the reply is strong.
func (t *trial) take(r *probe.Facts, v Verdict) (strong bool) {
	switch {
	case v == Accepted && r.Valid == probe.Strong:
		return true
	case v == Accepted && t.weak && rewritten(r) == rewritten(&t.facts):
		t.verdict = Conflict
	case v == Accepted && !(t.weak && rewritten(r) > rewritten(&t.facts)):
		t.facts, t.verdict, t.weak = *r, v, true
	case !t.tried:
		t.facts, t.verdict = *r, v
	}
	t.tried = true
	return false
}

// end returns the verdict on a reply that is strong under no variation.
func (t *trial) end(r *probe.Facts) Verdict {
	*r = t.facts
	return t.verdict
}

// variedQuoted is Quoted where flows vary.
func (c *Codec) variedQuoted(q *wire.Quotation, r *probe.Facts) Verdict {
	list := &mostlyUnvaried
	switch {
	case c.cfg.Method != probe.ICMP && len(q.Transport) >= wire.UDPDstPort+2 &&
		binary.BigEndian.Uint16(q.Transport[wire.UDPDstPort:]) == c.varied.dstPort[probe.VaryDstPort]:
		return c.quoted(q, r, probe.VaryDstPort)
	case q.TOS == c.varied.tos[probe.VaryTOS]:
		list = &mostlyTOS
	}
	var t trial
	fresh := *r
	for _, varies := range list {
		if !c.HasVariation(varies, q.Is4) {
			continue
		}
		*r = fresh
		if v := c.quoted(q, r, varies); t.take(r, v) {
			return v
		}
	}
	return t.end(r)
}

// variedEcho authenticates an echo reply. r.Flow is its base flow.
func (c *Codec) variedEcho(message, payload []byte, is4 bool, r *probe.Facts) Verdict {
	var t trial
	fresh := *r
	for _, varies := range mostlyUnvaried {
		if !c.HasVariation(varies, is4) {
			continue
		}
		*r = fresh
		r.Flow = varies.Of(fresh.Flow)
		if v := c.compareEcho(message, payload, r); t.take(r, v) {
			return v
		}
	}
	return t.end(r)
}

// variedSegment authenticates a segment from the unvaried port to that of a base flow.
func (c *Codec) variedSegment(s *Segment, r *probe.Facts, base uint16) Verdict {
	var t trial
	fresh := *r
	for _, varies := range mostlyUnvaried {
		if !c.HasVariation(varies, r.Responder.Is4()) {
			continue
		}
		*r = fresh
		if v := c.answeredFlow(s, r, varies.Of(base)); t.take(r, v) {
			return v
		}
	}
	return t.end(r)
}
