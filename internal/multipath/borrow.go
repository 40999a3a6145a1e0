package multipath

// borrow returns how many answered flows are needed at n. They are few if other targets have shown
// its branches. If those have shown more, the search for them goes on.
func (s *Search) borrow(v *view, n *near, answers, width int) int {
	need := s.cfg.rule.Flows(width)
	if s.cfg.Known == nil || width == 0 || v.ended || n.ended {
		return need
	}
	far, sum := s.branches(v, n)
	if v.alone && width > 1 {
		for i := range v.fars {
			s.cfg.Known.doubt(s.knownKey(v.ttl, n, v.fars[i].node), width)
		}
	}
	known, set, ok := s.cfg.Known.lookup(s.knownKey(v.ttl, n, far))
	switch {
	case ok && known == unsteady: // by chance, all flows may have met one node
		return max(need, s.cfg.sole())
	case !ok || width > known || width == known && sum != set:
		return need
	case width == known:
		if width == 1 && v.alone {
			s.row(v.ttl).flags |= rowKnown
		}
		return min(need, borrowFlows)
	}
	// Few flows may show the branches that are missing. Many at once cost less time, and few more
	// than are needed.
	more := answers + max(known-width, known/2, answers/4)
	return min(s.cfg.rule.Flows(known), max(borrowFlows, more))
}

// branches returns one of the branches of n, and the sum of all.
func (s *Search) branches(v *view, n *near) (far int, sum uint32) {
	if v.alone {
		for i := range v.fars {
			sum += s.cfg.Known.sum(s.addrs[v.fars[i].node-1])
		}
		return v.fars[0].node, sum
	}
	line := s.line(v.ttl)
	for f, c := range s.line(v.ttl - 1) {
		if c.node() == n.node && f < len(line) && line[f].answered() {
			return line[f].node(), n.sum
		}
	}
	return v.fars[0].node, n.sum
}

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

// lend gives the finished branches of n, which all flows pass, to other targets. Silent flows may have
// met a branch more, so that nothing is lent then.
func (s *Search) lend(v *view, n *near) {
	row := s.row(v.ttl)
	if s.cfg.Known == nil || v.ended || hides(v.silent, v.answers) || len(v.fars) == 0 || row.reported == uint8(len(v.fars)) {
		return
	}
	row.reported = uint8(len(v.fars))
	_, sum := s.branches(v, n)
	prefix := s.cfg.Known.prefixOf(s.target)
	for i := range v.fars {
		s.cfg.Known.report(s.knownKey(v.ttl, n, v.fars[i].node), len(v.fars), sum, prefix)
	}
}

// lendRow gives the branches of a row that is finished as MDA-Lite does it to other targets, if
// each node in front has one.
func (s *Search) lendRow(v *view) {
	row := s.row(v.ttl)
	if s.cfg.Known == nil || v.ended || hides(v.silent, v.answers) || v.meshed || row.reported == uint8(len(v.fars)) {
		return
	}
	row.reported = uint8(len(v.fars))
	prefix := s.cfg.Known.prefixOf(s.target)
	for i := range v.nears {
		if n := &v.nears[i]; n.node != 0 && n.width == 1 {
			far, sum := s.branches(v, n)
			s.cfg.Known.report(s.knownKey(v.ttl, n, far), 1, sum, prefix)
		}
	}
}

// warn warns other targets of a per-packet balancer in front of the row at ttl. Its branches may go on
// to the row where they join.
func (s *Search) warn(ttl uint8) {
	if s.cfg.Known == nil || s.row(ttl).flags&rowWarned != 0 {
		return
	}
	s.row(ttl).flags |= rowWarned
	for t, within := ttl, true; within && s.has(t); t++ {
		within = s.row(t).nodes > 1
		for f, c := range s.line(t) {
			b := s.get(uint16(f), t-1)
			if !c.answered() || s.endsBefore(uint16(f), t) || !b.answered() {
				continue
			}
			s.cfg.Known.warn(knownKey{near: s.addrs[b.node()-1], far: s.addrs[c.node()-1], ttl: t})
		}
	}
}

// borrowsRow reports whether other targets have shown all branches of the nodes in front.
func (s *Search) borrowsRow(v *view) bool {
	if s.cfg.Known == nil || v.ended || v.meshed {
		return false
	}
	for i := range v.nears {
		n := &v.nears[i]
		if n.node == 0 || n.width == 0 || s.borrow(v, n, n.answers, n.width) > max(borrowFlows, n.answers) {
			return false
		}
	}
	return true
}
