package multipath

// lend gives the finished branches of n, which all flows pass, to other targets. Silent flows may have
// met a branch more, so that nothing is lent then.
func (s *Search) lend(v *view, n *near) {
	row, many := s.row(v.ttl), v.answers >= s.cfg.rule.Flows(2) && v.silent < veils
	if s.cfg.Known == nil || v.ended || hides(v.silent, v.answers) || len(v.fars) == 0 || !s.isWholeBefore(v.ttl) ||
		row.reported == uint8(len(v.fars)) && (!many || row.flags&rowCertain != 0) {
		return
	}
	row.reported = uint8(len(v.fars))
	if many {
		row.flags |= rowCertain
	}
	_, sum := s.branches(v, n)
	f := finding{width: len(v.fars), set: sum, prefix: s.cfg.Known.prefixOf(s.target), certain: many}
	for i := range v.fars {
		s.cfg.Known.report(s.knownKey(v.ttl, n, v.fars[i].node), f)
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
			s.cfg.Known.report(s.knownKey(v.ttl, n, far), finding{width: 1, set: sum, prefix: prefix})
		}
	}
}

// lendSampled gives a balancer of flows that was found with the full rule to other targets.
func (s *Search) lendSampled(ttl uint8) {
	v := s.cfg.views.get()
	defer s.cfg.views.put(v)
	s.look(v, ttl)
	if v.alone && v.answers >= s.cfg.rule.Flows(len(v.fars)) && len(v.fars) <= s.cfg.MaxBranches {
		s.lend(v, &v.nears[0])
	}
}

// doubt tells other targets that n, which all flows pass, has at least so many branches.
func (s *Search) doubt(v *view, n *near, width int) {
	for i := range v.fars {
		s.cfg.Known.doubt(s.knownKey(v.ttl, n, v.fars[i].node), width)
	}
}

// veil tells other targets that silence may hide a branch beside the only one in the row of v.
func (s *Search) veil(v *view) {
	if s.cfg.Known == nil || !v.alone || len(v.fars) != 1 || v.ended {
		return
	}
	s.cfg.Known.veil(s.knownKey(v.ttl, &v.nears[0], v.fars[0].node))
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
