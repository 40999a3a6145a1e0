package multipath

// A path is in a routing loop if three rounds of it were seen. Two may come from branches of
// different lengths.
const (
	rounds = 3
	// mostPeriod is the greatest number of routers in a loop that the search sees.
	mostPeriod = 10
)

// findLoop ends the search at ttl if all paths are in a loop there.
func (s *Search) findLoop(ttl uint8) {
	switch {
	case s.looped != 0 && s.looped < ttl:
	case s.loops(ttl):
		s.looped = ttl
	case s.looped == ttl:
		s.looped = 0
		s.dirty |= ^uint64(0) << ttl
	}
}

// loops reports whether the rows up to ttl show routers in a loop, and no others. Each address at
// one of the last TTLs was also there one and two periods before. A TTL without an answer matches
// any. A period of one TTL is no loop: one device answers there for all routers after it.
func (s *Search) loops(ttl uint8) bool {
	if !s.has(ttl) || s.row(ttl).nodes == 0 {
		return false
	}
	for period := uint8(2); period <= mostPeriod && ttl >= s.first+rounds*period-1; period++ {
		if s.repeats3(ttl, period) {
			return true
		}
	}
	return false
}

// repeats3 reports whether the last period of TTLs up to ttl repeats the two before it, with an
// answer at ttl in each of them.
func (s *Search) repeats3(ttl, period uint8) bool {
	if s.row(ttl-period).nodes == 0 || s.row(ttl-2*period).nodes == 0 {
		return false
	}
	for t := ttl; t > ttl-period; t-- {
		if !s.within(t, t-period) || !s.within(t-period, t-2*period) {
			return false
		}
		if t < ttl && s.row(ttl).nodes == 1 && s.row(t).nodes > 0 && s.within(ttl, t) {
			return false
		}
	}
	return true
}

// within reports whether all addresses at TTL a are at TTL b too, or one of them has none. The end
// of a path is in no loop.
func (s *Search) within(a, b uint8) bool {
	if s.row(a).nodes == 0 || s.row(b).nodes == 0 {
		return true
	}
	for _, c := range s.line(a) {
		if c.answered() && (s.isEnd(c) || !s.hasNode(b, c.node())) {
			return false
		}
	}
	return true
}

// hasNode reports whether an address answered at a TTL.
func (s *Search) hasNode(ttl uint8, node int) bool {
	for _, c := range s.line(ttl) {
		if c.node() == node {
			return true
		}
	}
	return false
}

// flowLoops reports whether flow 0 came to the loop of a path for the third time.
func (s *Search) flowLoops(ttl uint8) bool {
	at := func(t uint8) int { return s.get(0, t).node() }
	if at(ttl) == 0 {
		return false
	}
	for period := uint8(2); period <= mostPeriod && ttl >= s.first+rounds*period-1; period++ {
		same, alone := true, true
		for t := ttl; same && t > ttl-period; t-- {
			a, b, c := at(t), at(t-period), at(t-2*period)
			same = (a == b || a == 0 || b == 0) && (b == c || b == 0 || c == 0)
			alone = alone && (t == ttl || a != at(ttl))
		}
		if same && alone && at(ttl-period) == at(ttl) && at(ttl-2*period) == at(ttl) {
			return true
		}
	}
	return false
}
