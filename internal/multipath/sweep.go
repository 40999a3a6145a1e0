package multipath

// The sweep asks flow 0 at firstSweep TTLs at once, and later at most ahead TTLs beyond those that
// are answered or silent. So a single silent router costs no time.
const (
	firstSweep = 4
	ahead      = 2
)

// sweep asks flow 0 at the next TTLs. It reports whether it asked.
func (s *Search) sweep() bool {
	if s.flags&sweepDirty == 0 {
		return false
	}
	s.flags &^= sweepDirty | sweepDone
	s.dirty |= s.putOff
	s.putOff = 0
	before := s.first - 1
	resolved, answered, strong, waiting, loops := before, before, false, false, false
	for ttl := s.first; ttl <= s.swept; ttl++ {
		switch c := s.get(0, ttl); {
		case c.pending():
			waiting = true
		case c.answered() && c&cellEnds == 0:
			resolved, answered = ttl, ttl
			s.distrust(ttl)
			loops = loops || s.flowLoops(ttl)
		case c.answered() && c&cellWeak == 0:
			resolved, strong = ttl, true
		default:
			resolved = ttl
		}
	}
	top := max(int(s.first)+firstSweep-1, int(resolved)+ahead)
	top = min(top, int(answered)+s.cfg.GapLimit, int(s.highest()))
	if strong || loops {
		s.flags |= sweepDone
		return false
	}
	asked := false
	for int(s.swept) < top {
		s.swept++
		asked = s.ask(0, s.swept) || asked
	}
	if !asked && !waiting {
		s.flags |= sweepDone
	}
	return asked
}

// distrust lets weak ends count as hops, if flow 0 has one before ttl, at which a router answered.
func (s *Search) distrust(ttl uint8) {
	if s.flags&weakFalse != 0 || !s.splitBefore(ttl) {
		return
	}
	for t := s.end; t < ttl; t++ {
		if c := s.get(0, t); c&cellEnds != 0 && c&cellWeak != 0 {
			s.flags |= weakFalse
			s.end = 0
			for t := s.first; t <= s.last(); t++ {
				for _, c := range s.line(t) {
					s.extend(t, c)
				}
			}
			s.dirty = ^uint64(0)
			return
		}
	}
}
