package multipath

// askStar asks a few flows at a TTL at which no router has answered.
func (s *Search) askStar(v *view) {
	most := starFlows
	if s.sure != 0 && v.ttl > s.sure && s.reach < s.sure || v.ttl > s.reach+s.starsBeyond() {
		most = 1 // no path is known to go on there
	}
	if v.ttl+1 == s.end { // maybe the target is there, and limits its answers
		most = starFlows + 1
	}
	if s.cfg.Known != nil && v.asked > 0 {
		switch known, swept := s.isKnownStar(v.ttl); {
		case known:
			most = 1
		case !swept:
			s.putOff |= 1 << v.ttl
			return
		}
	}
	if v.asked >= most {
		return
	}
	if v.alone {
		s.askNew(v, max(1, most-starFlows))
		return
	}
	for i := range v.nears {
		v.nears[i].quota = min(max(1, most-starFlows), v.nears[i].fresh)
	}
	s.askQuotas(v)
	if s.splitBefore(v.ttl) {
		s.askAhead(v.ttl)
	}
}

// starsBeyond returns at how many TTLs after the last router that answers starFlows flows are asked.
func (s *Search) starsBeyond() uint8 {
	if s.reach < s.first+starsNear {
		return starsAfterNear
	}
	return starsAfterFar
}

// isKnownStar reports whether other targets have shown that all flows meet again at the next router that
// answered flow 0 after ttl, at which none did. swept is false as long as the sweep may find that router.
func (s *Search) isKnownStar(ttl uint8) (known, swept bool) {
	for t := ttl + 1; s.has(t); t++ {
		if c := s.get(0, t); c.answered() && !s.isEnd(c) {
			known := s.cfg.Known.get(s.knownKey(t, &near{}, c.node()))
			return known.isSole(), true
		}
	}
	return false, s.flags&sweepDone != 0
}

// askAhead asks the flows that are under way at ttl at the TTLs after it too. Most likely their paths
// have ended, and one TTL after the other would cost time.
func (s *Search) askAhead(ttl uint8) {
	last := min(int(s.reach)+s.cfg.GapLimit, int(s.highest()))
	for f := range s.flows {
		if !s.get(uint16(f), ttl).pending() {
			continue
		}
		for t := int(ttl) + 1; t <= last; t++ {
			s.ask(uint16(f), uint8(t))
		}
	}
}

// askNew asks so many flows in the row that it has not asked, from flow 0 on. It reports whether there was
// one.
func (s *Search) askNew(v *view, n int) (asked bool) {
	for f := 0; n > 0 && f < s.cfg.MaxFlows; f++ {
		if !s.endsBefore(uint16(f), v.ttl) && s.ask(uint16(f), v.ttl) {
			asked = true
			n--
		}
	}
	return asked
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
