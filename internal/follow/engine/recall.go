package engine

// Routes that change often go back to what they were before. So the path before the last change of a
// target is remembered. If an answer is that of the remembered path, one further TTL decides whether
// it is back, and its other hops need not be asked at once: routine asks them soon, because nothing
// has shown them for long.

// recall begins to ask whether the remembered path is back, and reports whether it may be.
func (e *Engine) recall(j *job) bool {
	p, s := e.paths, &e.paths.states[j.target]
	if s.OldLast == 0 || j.got[j.ttl] < firstID || p.oldHop(j.target, j.ttl) != j.got[j.ttl] ||
		j.ends[j.ttl] != (s.OldEnd != 0 && j.ttl == s.OldEnd) {
		return false
	}
	for t := s.OldLast; t >= e.cfg.MinTTL; t-- {
		old := p.oldHop(j.target, t)
		if t == j.ttl || old < firstID || old == p.hop(j.target, t) && (t == s.OldEnd) == (t == s.End) || p.names.turns[old] > 0 {
			continue
		}
		j.recalled = t
		e.ask(j, 0, t)
		return true
	}
	return false
}

// adopt takes the remembered path as the new one if the TTL that was asked shows it, and reports
// whether it does.
func (e *Engine) adopt(j *job) bool {
	p, s, t := e.paths, &e.paths.states[j.target], j.recalled
	j.recalled = 0
	if j.got[t] != p.oldHop(j.target, t) || j.ends[t] != (s.OldEnd != 0 && t == s.OldEnd) {
		j.low, j.asked = j.ttl, j.ttl // ask one after the other
		return false
	}
	j.low, j.asked = j.ttl, s.OldLast
	for t := e.cfg.MinTTL; t <= s.OldLast; t++ {
		old := p.oldHop(j.target, t)
		if j.got[t] < firstID {
			j.got[t] = max(old, silent)
		}
		if old != p.hop(j.target, t) {
			j.low = min(j.low, t)
		}
	}
	j.end, j.reached = s.OldEnd, s.OldReached
	j.lowDone, j.highDone = true, true
	return true
}

// remember keeps the path of a target, which has changed.
func (p *paths) remember(target uint32) {
	s := &p.states[target]
	for t := range p.old {
		hop := unasked
		if t <= int(s.Last) {
			hop = p.hop(target, uint8(t))
		}
		if p.old[t] == nil {
			if hop == unasked {
				continue
			}
			p.old[t] = make([]id, len(p.states))
		}
		p.old[t][target] = hop
	}
	s.OldEnd, s.OldReached, s.OldLast, s.OldWeak = s.End, s.Reached, s.Last, s.Weak
}

// oldHop returns the hop of the remembered path.
func (p *paths) oldHop(target uint32, ttl uint8) id {
	if p.old[ttl] == nil {
		return unasked
	}
	return p.old[ttl][target]
}
