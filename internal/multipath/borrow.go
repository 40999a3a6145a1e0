package multipath

// borrow returns how many answered flows are needed at n. They are few if other targets have shown
// its branches, and the search may borrow them. If those have shown more, the search for them goes on.
func (s *Search) borrow(v *view, n *near, answers, width int) int {
	need := s.cfg.rule.Flows(width)
	if s.cfg.Known == nil || width == 0 || v.ended || n.ended {
		return need
	}
	far, sum := s.branches(v, n)
	if v.alone && width > 1 {
		s.doubt(v, n, width)
	}
	known := s.known(v, n, far)
	shown := int(known.width)
	switch {
	case known.isUnsteady() && width == 1: // by chance, all flows may have met one node
		if two := s.cfg.rule.Flows(2); answers < two {
			return max(need, two)
		}
		return max(need, s.cfg.sole())
	case !s.cfg.Borrow || !known.balances() || width > shown || width == shown && sum != known.set:
		return need
	case width == shown:
		return min(need, borrowFlows)
	}
	// Few flows may show the branches that are missing. Many at once cost less time, and few more
	// than are needed.
	more := answers + max(shown-width, shown/2, answers/4)
	return min(s.cfg.rule.Flows(shown), max(borrowFlows, more))
}

// borrowsRow reports whether other targets have shown all branches of the nodes in front.
func (s *Search) borrowsRow(v *view) bool {
	if !s.cfg.Borrow || v.ended || v.meshed {
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

// isBorrowed reports whether other targets have shown so many branches, which so many flows of this one
// do not show.
func (s *Search) isBorrowed(width, answers int) bool {
	return s.cfg.Borrow && answers < s.cfg.rule.Flows(width)
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
