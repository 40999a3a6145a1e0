package codec

import "github.com/masstrace/masstrace/internal/probe"

// opened holds the τ values that one quoted field may stand for: usually none
// or one; a field that is read in more than one way may give more.
type candidates struct {
	tau [4]uint8
	n   int
}

func (o *candidates) add(tau uint8, ok bool) {
	if !ok || o.n == len(o.tau) {
		return
	}
	for _, t := range o.tau[:o.n] {
		if t == tau {
			return
		}
	}
	o.tau[o.n] = tau
	o.n++
}

// tag reads a 16-bit field that is used as it is.
func (c *Codec) readTag(o *candidates, k tagKey, f field, v uint16) {
	tau, ok := k.open16(f, v)
	o.add(tau, ok && c.maySend(tau))
}

// nonZeroTag reads a field that nonZero wrote.
func (c *Codec) readNonZeroTag(o *candidates, k tagKey, f field, v uint16) {
	switch v {
	case 0: // never sent
	case 0xffff:
		c.readTag(o, k, f, 0)
		fallthrough
	default:
		c.readTag(o, k, f, v)
	}
}

// asked reports whether a probe with this τ may have been sent in this run.
func (c *Codec) maySend(tau uint8) bool {
	ttl, attempt := tau>>2, tau&3
	return ttl >= c.cfg.MinTTL && ttl <= c.cfg.MaxTTL && attempt < c.cfg.Attempts
}

// agree returns the τ that both fields may stand for.
func agree(first, second *candidates) (tau uint8, ok bool) {
	for _, a := range first.tau[:first.n] {
		for _, b := range second.tau[:second.n] {
			if a == b {
				return a, true
			}
		}
	}
	return 0, false
}

// settle weighs the two tags of a reply against each other and fills TTL,
// Attempt, Valid and, of Mangled, the field whose tag is not valid. Valid and
// equal is strong, exactly one valid is weak, valid and different is a
// conflict, which no preference resolves. One tag alone is not believed against
// the quoted TTL, which only falls on the way.
func (c *Codec) compareTags(r *probe.Facts, first, second *candidates, firstName, secondName probe.Mangled) Verdict {
	if tau, ok := agree(first, second); ok {
		r.TTL, r.Attempt, r.Valid = tau>>2, tau&3, probe.Strong
		return Accepted
	}
	switch {
	case r.Mangled.Has(probe.MangledSource):
		return BadSource
	case first.n > 0 && second.n > 0:
		return Conflict
	case first.n+second.n != 1 || c.cfg.Flows > maxWeakFlows:
		return c.garbledVerdict(r)
	}
	only, other := first.tau[0], secondName
	if first.n == 0 {
		only, other = second.tau[0], firstName
	}
	if r.HasQuote && r.QuotedTTL > only>>2 {
		return c.garbledVerdict(r)
	}
	r.TTL, r.Attempt, r.Valid = only>>2, only&3, probe.Weak
	r.Mangled |= other
	return Accepted
}

// garbled is the verdict on a quotation without a tag that counts. It casts doubt on
// others of its target and flow: where a router may quote one tag alone, and that is
// a checksum, which boxes rewrite; and where there are more of them than probes.
func (c *Codec) garbledVerdict(r *probe.Facts) Verdict {
	if !r.HasQuote {
		return BadTag
	}
	r.Valid = probe.Garbled
	return Garbled
}
