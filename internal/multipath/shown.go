package multipath

// What other targets have shown spares a search probes that tell nothing new, even if it borrows nothing:
// those that would prove once more that a row has one node, that a balancer balances flows, or that a router
// limits its answers. Each node gets the full number of flows, as far as its router answers.

// knownKey returns the key of the near end n in front of its branch far. If no router answers
// there, the next one before stands for it.
func (s *Search) knownKey(ttl uint8, n *near, far int) knownKey {
	k := knownKey{far: s.addrs[far-1], ttl: ttl}
	if n.node != 0 {
		k.near = s.addrs[n.node-1]
		return k
	}
	for t := ttl - 1; t >= s.first && s.has(t); t-- {
		for _, c := range s.line(t) {
			if c.answered() {
				k.near = s.addrs[c.node()-1]
				return k
			}
		}
	}
	return k
}

// known returns what other targets have shown of the branch far of n.
func (s *Search) known(v *view, n *near, far int) knownEntry {
	return s.cfg.Known.get(s.knownKey(v.ttl, n, far))
}

// isWhole reports whether the row at ttl certainly has one node.
func (s *Search) isWhole(ttl uint8) bool {
	if !s.has(ttl) {
		return false
	}
	row := s.row(ttl)
	switch {
	case row.nodes != 1:
		return false
	case row.flags&rowKnown != 0:
		return true
	case row.flags&rowHides != 0:
		return false
	}
	answers := 0
	for _, c := range s.line(ttl) {
		if c.answered() {
			answers++
		}
	}
	return answers >= s.cfg.rule.Flows(1)
}

// isWholeBefore reports whether the last row before ttl in which a router answers certainly has one node.
func (s *Search) isWholeBefore(ttl uint8) bool {
	t := ttl - 1
	for t >= s.first && s.has(t) && s.row(t).nodes == 0 {
		t--
	}
	return t < s.first || s.isWhole(t)
}

// learn marks the row of v as other targets have shown it.
func (s *Search) learn(v *view) {
	row, n := s.row(v.ttl), v.onlyNear()
	row.flags &^= rowKnown | rowLinked
	if len(v.fars) != 1 || v.ended || n == nil && !v.alone {
		return
	}
	if n == nil {
		n = &v.nears[0]
	}
	known := s.known(v, n, v.fars[0].node)
	if v.alone && known.isSole() {
		row.flags |= rowKnown
	}
	if n.node != 0 && known.balances() {
		row.flags |= rowLinked
	}
}

// isLinked reports whether other targets have shown the link to the one node of the row at ttl.
func (s *Search) isLinked(ttl uint8) bool { return s.has(ttl) && s.row(ttl).flags&rowLinked != 0 }

// isCertain reports whether other targets have shown that the row at ttl certainly has one node.
func (s *Search) isCertain(ttl uint8) bool {
	v := s.cfg.views.get()
	defer s.cfg.views.put(v)
	s.look(v, ttl)
	if !v.alone || len(v.fars) != 1 {
		return false
	}
	known := s.known(v, &v.nears[0], v.fars[0].node)
	return known.isCertain()
}

// isShown reports whether other targets have shown that the node in front of all flows balances flows.
func (s *Search) isShown(v *view) bool {
	if !v.alone || v.ended {
		return false
	}
	for i := range v.fars {
		known := s.known(v, &v.nears[0], v.fars[i].node)
		if known.balances() && known.width > 1 {
			return true
		}
	}
	return false
}

// isWarned reports whether other targets have shown that the node in front of all flows is a per-packet
// balancer, or one of its branches.
func (s *Search) isWarned(v *view) bool {
	if !v.alone || len(v.fars) == 0 {
		return false
	}
	known := s.known(v, &v.nears[0], v.fars[0].node)
	return known.isUnsteady()
}

// checkBits says how few targets look whether a router that limited its answers still does: one of
// 2^checkBits.
const checkBits = 6

// checksLimit reports whether the search is one of these at a TTL, by Fibonacci hashing (Knuth, The Art of
// Computer Programming 3, section 6.4).
func (s *Search) checksLimit(ttl uint8) bool {
	return (s.random+uint64(ttl)<<32)*0x9e3779b97f4a7c15>>(64-checkBits) == 0
}

// findLimit tells other targets whether the routers of a row limit their answers, and finds what they told.
func (s *Search) findLimit(v *view) {
	row := s.row(v.ttl)
	if s.cfg.Known == nil || v.ended || len(v.fars) == 0 {
		return
	}
	need := s.cfg.rule.Flows(len(v.fars))
	limited := givesUp(need, v.answers, v.silent)
	told := row.flags&rowToldLimit != 0
	for i := range v.fars {
		key := limitKey(v.ttl, s.addrs[v.fars[i].node-1])
		known := s.cfg.Known.get(key)
		switch {
		case told:
		case limited || v.answers >= need && known.limits > 0:
			s.cfg.Known.limit(key, limited)
		case known.limits > 0 && !s.checksLimit(v.ttl):
			row.flags |= rowLimits
		}
	}
	if limited || v.answers >= need {
		row.flags |= rowToldLimit
	}
}

// isSpared reports whether a row whose routers limit their answers needs no more flows. Each answer is then
// worth most at another target.
func (s *Search) isSpared(v *view, silent int) bool {
	if silent >= veils || s.row(v.ttl).flags&rowKnown != 0 {
		return true
	}
	if !v.alone {
		return false
	}
	known := s.known(v, &v.nears[0], v.fars[0].node)
	return known.balances()
}
