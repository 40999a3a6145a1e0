package multipath

const (
	// starFlows is how many flows are asked at a TTL at which no router answers.
	starFlows = 2
	// starsNear is up to how many TTLs after the first one the last router that answers is a near one. Few
	// paths end there, and near routers limit their answers. So starFlows are asked at starsAfterNear TTLs
	// after it, and at starsAfterFar after a farther one. Beyond them one flow is enough: the gap limit ends the
	// path.
	starsNear      = 8
	starsAfterNear = 5
	starsAfterFar  = 1
	// beyondEnd is how many TTLs beyond the end of all paths are asked.
	beyondEnd = 1
	// borrowFlows is how many flows must agree with the branches that other targets have shown.
	borrowFlows = 1
	// meshFlows is for the test for meshing: how many flows of an address are asked at the
	// next TTL, if both TTLs have several addresses.
	meshFlows = 2
	// mostStars is how many silent flows in front of a row are too many to find further
	// flows through one of its near ends.
	mostStars = 16
	// moreForSilent is how many flows at most are asked in addition if some were silent.
	moreForSilent = 1
	// fewSilent is how many more flows may be silent than are answered, until a router counts as one
	// that limits its answers.
	fewSilent = 4
	// mostNew is how many flows at most are asked at once in the hope that some pass a near end.
	mostNew = 64
	// rarest is at how many times the flows that find the near ends the search for more flows
	// through one of them is given up.
	rarest = 8
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
		was := s.isVeiled(ttl)
		row := s.row(ttl)
		row.nodes = uint16(len(v.fars))
		row.flags &^= rowHides
		s.learn(v)
		s.findLimit(v)
		if hides(v.silent, v.answers) {
			s.veil(v)
			row.flags |= rowHides
		}
		if !was && s.isVeiled(ttl) {
			s.dirty |= 1 << (ttl - 1) // see leastSole
		}
		s.findLoop(ttl)
	}
	if !s.inPacket(ttl) && !s.controls(ttl) && s.isUneven(v) && !s.checkDiamond(ttl) {
		return // until the repeats are answered
	}
	packet := s.inPacket(ttl)
	s.settleSole(ttl, packet)
	switch {
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
	least := s.leastSole(v.ttl)
	need := max(least, s.cfg.rule.Flows(width))
	if n == nil && s.inPacket(v.ttl) {
		need = max(need, s.joinFlows(v.ttl, width))
	}
	if s.row(v.ttl).flags&(rowLimits|rowSole) == rowLimits && answers < need {
		if s.isSpared(v, silent) {
			return 0
		}
		return 1
	}
	if width == 1 && hides(silent, answers) {
		need = min(need, s.cfg.rule.Flows(2)) // no number makes it certain
	}
	switch {
	case givesUp(need, answers, silent), answers == 0 && silent > starFlows:
		return 0 // a router that limits its answers, or a branch without any
	case v.ended && len(v.fars) == 1 && silent >= veils:
		return 0 // a host that limits its answers
	}
	if n != nil {
		borrowed := s.borrow(v, n, answers, width)
		if least == 0 {
			need = borrowed
			if v.alone && width == 1 && answers >= s.cfg.rule.Flows(1) {
				s.lend(v, n) // a balancer must be told from a per-packet one first
				need = max(need, s.leastToLend(v, n))
			}
		}
		need = max(need, borrowed)
	}
	lack := max(0, need-answers)
	switch {
	case lack == 0:
	case silent > answers: // most likely a limit, so that most of many flows would be silent too
		lack = min(lack, answers+1)
	default: // some more may be silent, and one after the other would cost time
		lack += min(silent/2, moreForSilent)
	}
	return lack
}

// joinFlows returns how many flows a row needs behind a per-packet balancer.
func (s *Search) joinFlows(ttl uint8, width int) int {
	if width == 1 { // it must be certain, see group.joined
		return s.soleFlows(ttl)
	}
	return s.cfg.sole()
}

// leastToLend returns how many flows must be answered in a row so that other targets may rely on its only
// node. If its router limited its answers to others, few flows do not show that it is the only one.
func (s *Search) leastToLend(v *view, n *near) int {
	far := v.fars[0].node
	known := s.known(v, n, far)
	if !known.isVeiled() || v.silent >= veils || v.ended {
		return 0
	}
	if router := s.cfg.Known.get(limitKey(v.ttl, s.addrs[far-1])); router.limits == 0 {
		return 0
	}
	return s.cfg.rule.Flows(2)
}

// givesUp reports whether a router limits its answers: so many flows are silent that need answers would
// take too many more. Losses make most flows silent only if these are few.
func givesUp(need, answers, silent int) bool { return silent >= min(need, answers+fewSilent) }

func (s *Search) endsBefore(flow uint16, ttl uint8) bool { return s.endsBy(flow, ttl-1) }

// settleHop asks the flows that MDA-Lite needs in a row with several near ends. The rule holds for
// the row, and some flow passes each near end.
func (s *Search) settleHop(v *view) {
	lack := s.lack(v, nil)
	if n := v.onlyNear(); n != nil && len(v.fars) > 1 { // flows that silence hid there count at no balancer
		lack = max(lack, s.lack(v, n))
	}
	switch {
	case lack == 0 && v.answers >= s.cfg.rule.Flows(len(v.fars)):
		s.lendRow(v)
	case lack > 0 && s.leastSole(v.ttl) == 0 && s.borrowsRow(v):
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
	switch {
	case s.splitBefore(v.ttl) || s.silentBefore(v) >= mostStars:
	case len(v.fars) == 1: // which node before it a flow passes does not matter
		s.askNew(v, lack)
	default:
		s.askBoth(v, lack)
		s.askBack(v, s.cfg.MaxFlows)
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
		if n.node != 0 && lack > n.quota {
			missing = max(missing, s.flowsFor(v, n, lack-n.quota))
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

// flowsFor returns how many new flows to ask at the TTL before, so that some of the flows that n lacks
// pass it. All that are expected to be needed might be too many, so that half of them are asked at
// once. A near end that few flows pass is given up at last.
func (s *Search) flowsFor(v *view, n *near, lack int) int {
	all, nodes := 0, len(v.nears)
	for i := range v.nears {
		all += v.nears[i].through
	}
	if ended := s.endedBefore(v); ended > 0 {
		all, nodes = all+ended, nodes+1
	}
	if all > rarest*s.cfg.rule.Flows(nodes) {
		return 0
	}
	through := 2 * max(1, n.through)
	half := (lack*all + through - 1) / through
	return max(lack, min(half, mostNew))
}

// endedBefore returns how many flows end at the TTL before the row.
func (s *Search) endedBefore(v *view) (n int) {
	for _, c := range s.line(v.ttl - 1) {
		if c.answered() && s.isEnd(c) {
			n++
		}
	}
	return n
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
