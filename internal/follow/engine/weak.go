package engine

import "math/bits"

// An answer with one tag of 16 bits is weak: a guess may have the tag by chance. As in a scan, it may
// be a hop and decides nothing alone. An inquiry is about strong answers. There is one exception:
// beyond a box that rewrites a field, every answer has one tag. So a path that is weak from a TTL to
// its end may also change by weak answers there.
//
// A strong answer that contradicts a weak hop proves more than that hop. The path is then traced
// anew, and no change is told.

// isTooWeak reports whether the answer to a probe decides nothing.
func (e *Engine) isTooWeak(a Ask, r *Answer) bool {
	return r.Weak && !e.paths.isWeakFrom(a.Target, a.TTL)
}

// isWeakFrom reports whether all hops of a path from a TTL on are weak, and there is one.
func (p *paths) isWeakFrom(target uint32, ttl uint8) (weak bool) {
	s := &p.states[target]
	for t := ttl; t <= s.Last; t++ {
		if p.hop(target, t) < firstID {
			continue
		}
		if s.Weak>>t&1 == 0 {
			return false
		}
		weak = true
	}
	return weak
}

// isDoubtful reports whether the hop at a TTL is weak, on a path that has strong ones beyond it.
func (p *paths) isDoubtful(target uint32, ttl uint8) bool {
	return p.states[target].Weak>>ttl&1 != 0 && !p.isWeakFrom(target, ttl)
}

// isIdle reports whether an inquiry makes nothing of an answer, because it is too weak. A weak hop
// where the known path has none is kept.
func (e *Engine) isIdle(j *job, a Ask, from id, r *Answer) bool {
	switch {
	case j.phase == tracing || !e.isTooWeak(a, r):
		return false
	case a.Flow != 0 || j.phase != widening || r.End:
		return true
	}
	return e.paths.differs(a.Target, a.TTL, from, r.End)
}

// weakEnd takes the weak ends of a first trace as ends if another answer of the path is weak, too. A
// box then rewrites a field, or the target returns no tags.
func (j *job) weakEnd() {
	var weak uint64
	for t := range uint8(ttls) {
		if j.got[t] >= firstID && j.rtts[t].Weak {
			weak |= 1 << t
		}
	}
	if bits.OnesCount64(weak) < 2 {
		return
	}
	for t := range uint8(ttls) {
		if weak>>t&1 != 0 && j.ends[t] && (j.end == 0 || t <= j.end) {
			j.end, j.reached = t, j.rtts[t].Reached
		}
	}
}

// weakAfter returns the TTLs of the new path whose hops are weak. Those that were not asked are as
// they were.
func (e *Engine) weakAfter(j *job, last uint8) (weak uint64) {
	s := &e.paths.states[j.target]
	for t := e.cfg.MinTTL; t <= last; t++ {
		is := s.Weak>>t&1 != 0
		switch old := int(t) - j.shift; {
		case t >= j.low && t <= j.asked && j.rtts[t].Sent != 0:
			is = j.rtts[t].Weak
		case t >= j.low && t <= j.asked: // of the remembered path
			is = s.OldWeak>>t&1 != 0
		case t > j.asked && old >= 0:
			is = s.Weak>>old&1 != 0
		}
		if is {
			weak |= 1 << t
		}
	}
	return weak
}
