package codec

// candidates holds the τ values that one field may stand for. A field mostly gives none or
// one; a field that is read in more than one way may give more.
type candidates struct {
	tau [4]uint8
	n   int
}

// add adds τ if ok, and if it is new.
func (s *candidates) add(tau uint8, ok bool) {
	if !ok || s.n == len(s.tau) {
		return
	}
	for _, t := range s.tau[:s.n] {
		if t == tau {
			return
		}
	}
	s.tau[s.n] = tau
	s.n++
}

// agree returns a τ that both fields may stand for.
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

// readTag reads a 16-bit field that holds the tag unchanged.
func (c *Codec) readTag(s *candidates, k tagKey, f field, v uint16) {
	tau, ok := k.open16(f, v)
	s.add(tau, ok && c.inRange(tau))
}

// readNonZeroTag reads a 16-bit field that nonZero wrote.
func (c *Codec) readNonZeroTag(s *candidates, k tagKey, f field, v uint16) {
	switch v {
	case 0: // never sent
	case 0xffff:
		c.readTag(s, k, f, 0)
		fallthrough
	default:
		c.readTag(s, k, f, v)
	}
}

// readTag32 reads a 32-bit field.
func (c *Codec) readTag32(s *candidates, k tagKey, v uint32) {
	tau, ok := k.open32(v)
	s.add(tau, ok && c.inRange(tau))
}

// inRange reports whether this run may send a probe with this τ.
func (c *Codec) inRange(tau uint8) bool {
	ttl, attempt := tau>>2, tau&3
	return ttl >= c.cfg.MinTTL && ttl <= c.cfg.MaxTTL && attempt < c.cfg.Attempts
}
