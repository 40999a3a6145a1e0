package multipath

const (
	// starFlows is how many flows are asked at a TTL at which no router answers.
	starFlows = 2
	// borrowFlows is how many flows must agree with the branches that other targets have shown.
	borrowFlows = 2
	// meshFlows is for the test for meshing: how many flows of an address are asked at the
	// next TTL, if both TTLs have several addresses.
	meshFlows = 2
	// mostStars is how many silent flows in front of a row are too many to find further
	// flows through one of its near ends.
	mostStars = 16
	// farthest is by how many TTLs the lengths of branches differ, as far as the test for it
	// sees.
	farthest = 4
)

// settle asks all probes that the row at ttl needs in any case.
func (s *Search) settle(ttl uint8) {
	v := s.cfg.views.get()
	defer s.cfg.views.put(v)
	s.look(v, ttl)
	if s.has(ttl) {
		s.row(ttl).nodes = uint16(len(v.fars))
	}
	if !s.inPacket(ttl) && !s.controls(ttl) && s.isUneven(v) && !s.checkDiamond(ttl) {
		return // until the repeats are answered
	}
	switch packet := s.inPacket(ttl); {
	case v.answers == 0:
		s.askStar(v)
	case packet:
		s.askNew(v, s.lack(v, nil))
	case s.controls(ttl) && !v.alone:
		s.settleNears(v)
	case v.alone:
		s.askNew(v, s.lack(v, &v.nears[0]))
		s.askBack(v, 1)
	default:
		s.settleHop(v)
		s.askBack(v, meshFlows)
	}
}

// controls reports whether the rule holds for each node in front of the row, as in the full MDA.
// Otherwise it holds for the row.
func (s *Search) controls(ttl uint8) bool { return s.from != 0 && ttl >= s.from }

// isUneven reports whether the row contradicts MDA-Lite, which assumes branches that share no
// routers and have the same length.
func (s *Search) isUneven(v *view) bool {
	if v.meshed {
		return true
	}
	ends, single := 0, v.ttl == s.first || !s.has(v.ttl-1) || s.row(v.ttl-1).nodes <= 1
	for i := range v.fars {
		if v.fars[i].ends {
			ends++
		}
	}
	if ends > 0 && ends < len(v.fars) {
		return true
	}
	if single && len(v.fars) <= 1 {
		return false
	}
	return ends == 0 && s.isElsewhere(v)
}

// isElsewhere reports whether an address of the row is in a neighbouring row of the diamond too.
func (s *Search) isElsewhere(v *view) bool {
	for d := uint8(1); d <= farthest && v.ttl > s.first+d-1; d++ {
		for _, c := range s.line(v.ttl - d) {
			if c.answered() && !s.isEnd(c) && v.farOf[c.node()].epoch == v.epoch {
				return true
			}
		}
	}
	return false
}

// lack returns how many flows more the row needs, or the node n in front of it. n is nil if the
// row has several nodes in front that are not told apart.
func (s *Search) lack(v *view, n *near) int {
	answers, silent, width := v.answers, v.silent, len(v.fars)
	if n != nil && !v.alone {
		answers, silent, width = n.answers, n.silent, n.width
	}
	if width > s.cfg.MaxBranches {
		return 0
	}
	need := s.cfg.rule.Flows(width)
	if n == nil && s.inPacket(v.ttl) {
		need = s.cfg.rule.Flows(max(2, width)) // a single node must be certain, see group.joins
	}
	if silent >= need || answers == 0 && silent > starFlows {
		return 0 // a router that limits its answers, or a branch without any
	}
	if n != nil && answers < need {
		need = min(need, s.borrow(v, n, answers, width))
	} else if n != nil && v.alone && width == 1 {
		s.lend(v, n) // a balancer must be told from a per-packet one first
	}
	return max(0, need-answers)
}

// borrow returns how many answered flows are needed at n, if other targets have shown its branches.
func (s *Search) borrow(v *view, n *near, answers, width int) int {
	const all = MaxFlows
	if s.cfg.Known == nil || width == 0 || v.ended || n.ended {
		return all
	}
	far, sum := s.branches(v, n)
	known, set, ok := s.cfg.Known.lookup(s.knownKey(v.ttl, n, far))
	switch {
	case !ok || width > known || width == known && sum != set:
		return all
	case width == known:
		return borrowFlows
	}
	return max(borrowFlows, answers+known-width)
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

// lend gives the finished branches of n, which all flows pass, to other targets.
func (s *Search) lend(v *view, n *near) {
	row := s.row(v.ttl)
	if s.cfg.Known == nil || v.ended || len(v.fars) == 0 || row.reported == uint8(len(v.fars)) {
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
	if s.cfg.Known == nil || v.ended || v.meshed || row.reported == uint8(len(v.fars)) {
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

// askStar asks a few flows at a TTL at which no router has answered.
func (s *Search) askStar(v *view) {
	if v.asked >= starFlows {
		return
	}
	if v.alone {
		s.askNew(v, 1)
		return
	}
	for i := range v.nears {
		v.nears[i].quota = min(1, v.nears[i].fresh)
	}
	s.askQuotas(v)
}

// askNew asks so many flows in the row that it has not asked, from flow 0 on.
func (s *Search) askNew(v *view, n int) {
	for f := 0; n > 0 && f < s.cfg.MaxFlows; f++ {
		if !s.endsBefore(uint16(f), v.ttl) && s.ask(uint16(f), v.ttl) {
			n--
		}
	}
}

func (s *Search) endsBefore(flow uint16, ttl uint8) bool { return s.endsBy(flow, ttl-1) }

// settleHop asks the flows that MDA-Lite needs in a row with several near ends. The rule holds for
// the row, and some flow passes each near end.
func (s *Search) settleHop(v *view) {
	lack := s.lack(v, nil)
	switch {
	case lack == 0 && v.answers >= s.cfg.rule.Flows(len(v.fars)):
		s.lendRow(v)
	case lack > 0 && s.borrowsRow(v):
		lack = 0
	}
	each := 1
	if len(v.fars) > 1 {
		each = meshFlows
	}
	for i := range v.nears {
		n := &v.nears[i]
		n.quota = min(max(0, each-n.asked), n.fresh)
		lack -= n.quota
	}
	for ; lack > 0; lack-- {
		least := -1
		for i := range v.nears {
			n := &v.nears[i]
			if n.quota < n.fresh && (least < 0 || n.asked+n.quota < v.nears[least].asked+v.nears[least].quota) {
				least = i
			}
		}
		if least < 0 {
			break
		}
		v.nears[least].quota++
	}
	s.askQuotas(v)
	if !s.splitBefore(v.ttl) && s.silentBefore(v) < mostStars {
		s.askBoth(v, lack)
	}
}

// askQuotas asks as many fresh flows through each near end as its quota.
func (s *Search) askQuotas(v *view) {
	for f := range s.flows {
		flow := uint16(f)
		if s.get(flow, v.ttl)&cellAsked != 0 || s.endsBefore(flow, v.ttl) {
			continue
		}
		b := s.get(flow, v.ttl-1)
		if b&cellAsked == 0 {
			continue
		}
		if n := v.nearOfFlow(b, v.ttl > s.first); n != nil && n.quota > 0 && s.ask(flow, v.ttl) {
			n.quota--
		}
	}
}

// askBoth asks so many new flows in the row and at the TTL before.
func (s *Search) askBoth(v *view, n int) {
	for f := 0; n > 0 && f < s.cfg.MaxFlows; f++ {
		flow := uint16(f)
		if s.get(flow, v.ttl)&cellAsked == 0 && s.get(flow, v.ttl-1)&cellAsked == 0 {
			s.ask(flow, v.ttl)
			s.ask(flow, v.ttl-1)
			n--
		}
	}
}

// settleNears asks the flows that the full MDA needs. The rule holds for each near end. New flows
// at the TTL before find further flows through those that have too few.
func (s *Search) settleNears(v *view) {
	missing := 0
	for i := range v.nears {
		n := &v.nears[i]
		lack := s.lack(v, n)
		n.quota = min(lack, n.fresh)
		if n.node != 0 {
			missing = max(missing, lack-n.quota)
		}
	}
	s.askQuotas(v)
	s.askBack(v, meshFlows)
	if missing == 0 || v.ttl == s.first || s.silentBefore(v) >= mostStars {
		return
	}
	for f := 0; missing > 0 && f < s.cfg.MaxFlows; f++ {
		if !s.endsBefore(uint16(f), v.ttl-1) && s.ask(uint16(f), v.ttl-1) {
			missing--
		}
	}
}

// silentBefore returns how many flows more are silent at the TTL before the row than answered.
func (s *Search) silentBefore(v *view) (n int) {
	for _, c := range s.line(v.ttl - 1) {
		if c.silent() {
			n++
		} else if c.answered() {
			n--
		}
	}
	return n
}

// askBack asks flows of each address of the row at the TTL before, until so many fix its links.
func (s *Search) askBack(v *view, each int) {
	if v.ttl == s.first || !s.has(v.ttl-1) || s.row(v.ttl-1).nodes == 0 {
		return
	}
	for f, c := range s.line(v.ttl) {
		if !c.answered() || s.get(uint16(f), v.ttl-1)&cellAsked != 0 || s.endsBefore(uint16(f), v.ttl) {
			continue
		}
		if far := v.farAt(c.node()); far.back < each {
			far.back++
			s.ask(uint16(f), v.ttl-1)
		}
	}
}
