package engine

import (
	"github.com/masstrace/masstrace/internal/change"
)

// The numbers of answers that decide an inquiry.
const (
	// needed is how many answers in a row show another path; inherited if neighbours have shown the
	// same. mostNeeded is for a target that changes back and forth.
	needed, inherited, mostNeeded = 3, 2, 8
	// mostConfirms is how many probes may be tried for that, beyond those that are needed.
	mostConfirms = 8
	// step is how many TTLs on each side are asked at a time.
	step = 2
	// firstFlows is how many flows are asked at first, and repeats how often flow 0 is asked with
	// them. branchRepeats is the latter if there is a balancer: one that shares its load packet by
	// packet must not be taken for a change. shiftRepeats is the latter if the new hop was elsewhere on
	// the path: branches of different lengths look like that.
	firstFlows, repeats, branchRepeats, shiftRepeats = 8, 2, 10, 20
)

// inquire begins an inquiry about an answer that differs.
func (e *Engine) inquire(target uint32, ttl uint8, from id, r *Answer, now int64) {
	e.inquireWith(&job{target: target, ttl: ttl}, from, r, now)
}

// inquireWith begins an inquiry with the fields that say whose it is.
func (e *Engine) inquireWith(j *job, from id, r *Answer, now int64) {
	s, ttl := &e.paths.states[j.target], j.ttl
	j.phase, j.low, j.asked, j.need = confirming, ttl, ttl, needed
	switch {
	case j.event != nil && from == j.event.diff.After:
		j.need = inherited
	case from == s.Back && s.Back != unasked || s.Flips > 0:
		j.need = min(needed+int(s.Flips), mostNeeded)
	}
	e.Counts.Doubts++
	e.begin(j)
	switch known := e.paths.hop(j.target, ttl); e.paths.names.turnsOf(known, from) {
	case 0:
	case knownTurns:
		e.alternates(j, ttl, now)
		return
	default:
		j.need += change.Alternation
	}
	j.keep(ttl, from, r)
	j.probes++ // that of the doubt
	e.confirm(j, from, r, now)
}

// confirm takes an answer at the TTL of the doubt.
func (e *Engine) confirm(j *job, from id, r *Answer, now int64) {
	if !e.paths.differs(j.target, j.ttl, from, r.End) {
		e.paths.names.inTurn(from, j.doubt.Candidate>>1, e.paths.tick(now))
		e.alternates(j, j.ttl, now)
		return
	}
	if j.doubt.Other(j.key(j.ttl), r.Sent, j.need, false) {
		e.widenFirst(j, now)
		return
	}
	e.confirmAgain(j, now)
}

// unconfirmed takes a silence at the TTL of the doubt.
func (e *Engine) unconfirmed(j *job, now int64) {
	if j.quiet++; j.quiet >= 4 {
		e.Counts.Faded++
		e.drop(j, now)
		return
	}
	e.confirmAgain(j, now)
}

func (e *Engine) confirmAgain(j *job, now int64) {
	if j.confirms++; j.confirms > j.need+mostConfirms {
		e.alternates(j, j.ttl, now) // between several other addresses
		return
	}
	e.ask(j, 0, j.ttl)
}

// alternates ends an inquiry: a balancer alternates between addresses at a TTL.
func (e *Engine) alternates(j *job, ttl uint8, now int64) {
	e.Counts.Alternated++
	e.paths.states[j.target].Unstable |= 1 << ttl
	e.drop(j, now)
}

// drop ends an inquiry that found no change.
func (e *Engine) drop(j *job, now int64) {
	ev := j.event
	e.finish(j)
	if ev == nil {
		return
	}
	if j.isRoot {
		e.abandon(ev)
		return
	}
	ev.dropped(j)
	e.advance(ev, now)
}

// widenFirst begins to ask the TTLs around a certain doubt. A neighbour is counted in its event now.
func (e *Engine) widenFirst(j *job, now int64) {
	j.phase = widening
	ev := j.event
	switch {
	case ev == nil:
	case !ev.overlaps(e, j): // it changed at another time
		ev.leave(j)
	case !ev.told:
		j.confirmed = true
		ev.join(e, j)
	}
	if !e.recall(j) {
		e.round(j)
	}
	if ev != nil {
		e.advance(ev, now)
	}
	if j.open == 0 {
		e.widen(j, now)
	}
}

// round asks the next TTLs on the sides that are open.
func (e *Engine) round(j *job) {
	for range step {
		if !j.lowDone && j.low > e.cfg.MinTTL {
			e.ask(j, 0, j.low-1)
		}
		if !j.highDone && j.asked < e.cfg.MaxTTL && (j.end == 0 || j.asked < j.end) {
			e.ask(j, 0, j.asked+1)
		}
	}
}

// widen goes on when all probes of a round are decided.
func (e *Engine) widen(j *job, now int64) {
	if j.open > 0 {
		return
	}
	if j.recalled != 0 && e.adopt(j) {
		e.widened(j, now)
		return
	}
	e.lookLow(j)
	e.lookHigh(j)
	if !j.lowDone || !j.highDone {
		e.round(j)
		if j.open > 0 {
			return
		}
	}
	e.widened(j, now)
}

// lookLow closes the near side if a hop there is as before.
func (e *Engine) lookLow(j *job) {
	if j.low <= e.cfg.MinTTL {
		j.lowDone = true
	}
	for t := j.low; t < j.ttl; t++ {
		known := e.paths.hop(j.target, t)
		if j.got[t] >= firstID && j.got[t] == known && e.paths.isStable(j.target, t) {
			j.lowDone = true
		}
	}
}

// lookHigh closes the far side if the path ends, or goes on as before, perhaps shifted.
func (e *Engine) lookHigh(j *job) {
	switch {
	case j.end != 0 && j.asked >= j.end, j.asked >= e.cfg.MaxTTL, j.stops(e.cfg.GapLimit):
		j.highDone = true
		return
	}
	s := &e.paths.states[j.target]
	for shift := -mostShift; shift <= mostShift; shift++ {
		same := 0
		for t := int(j.asked); t > int(j.ttl) || shift == 0 && t >= int(j.ttl); t-- {
			old := t - shift
			if j.got[t] < firstID {
				continue
			}
			if old < 1 || old > int(s.Last) || e.paths.hop(j.target, uint8(old)) != j.got[t] || !e.paths.isStable(j.target, uint8(old)) {
				break
			}
			same++
		}
		if same >= 2 {
			j.highDone, j.shift = true, shift
			return
		}
	}
}

// mostShift is how much longer or shorter a path may become so that its rest is recognized.
const mostShift = 8

// after returns the hop of the new path at a TTL.
func (e *Engine) after(j *job, ttl uint8) id {
	switch {
	case ttl < j.low || j.got[ttl] == silent && ttl < j.ttl:
		return e.paths.hop(j.target, ttl)
	case j.end != 0 && ttl > j.end:
		return unasked
	case ttl <= j.asked:
		return j.got[ttl]
	case j.end == 0:
		if old := int(ttl) - j.shift; old >= 1 && old <= int(e.paths.states[j.target].Last) {
			return e.paths.hop(j.target, uint8(old))
		}
	}
	return unasked
}

// lastAfter returns the highest TTL of the new path.
func (e *Engine) lastAfter(j *job) uint8 {
	switch {
	case j.end != 0:
		return j.end
	case j.shift != 0 || j.joins(e):
		return uint8(min(max(int(e.paths.states[j.target].Last)+j.shift, int(j.asked)), int(e.cfg.MaxTTL)))
	}
	for t := j.asked; t > 0; t-- {
		if j.got[t] >= firstID {
			return t
		}
	}
	return j.asked
}

// joins reports whether the new path goes on as the old one, at the same TTLs.
func (j *job) joins(e *Engine) bool {
	for t := j.asked; t > j.ttl; t-- {
		if j.got[t] >= firstID {
			return j.got[t] == e.paths.hop(j.target, t)
		}
	}
	return false
}

// outlived reports whether a path has changed again while the job found out its hops: they would be
// those of two paths. It asks the TTL of the doubt once more if that took long; again is set then.
func (e *Engine) outlived(j *job, now int64) (outlived, again bool) {
	if j.rechecked {
		return j.doubt.Candidate != j.key(j.ttl), false
	}
	if now-j.rtts[j.ttl].Sent < recheckAfter {
		return false, false
	}
	j.rechecked = true
	e.ask(j, 0, j.ttl)
	return false, true
}

// recheckAfter is the age of an answer, in ns, that is not believed without another one.
const recheckAfter = int64(5e9)

// key is what answered at a TTL, with whether it is the end of the path.
func (j *job) key(ttl uint8) id {
	key := j.got[ttl] << 1
	if j.ends[ttl] {
		key++
	}
	return key
}

// widened decides what to do with a difference whose extent is known.
func (e *Engine) widened(j *job, now int64) {
	switch outlived, again := e.outlived(j, now); {
	case again:
		return
	case outlived:
		e.Counts.Outlived++
		e.drop(j, now)
		return
	}
	known := func(hop id) id { // silence is no difference
		if hop < firstID {
			return unasked
		}
		return hop
	}
	last := max(e.lastAfter(j), e.paths.states[j.target].Last)
	d, ok := change.First(e.cfg.MinTTL, last,
		func(ttl uint8) id { return known(e.paths.hop(j.target, ttl)) },
		func(ttl uint8) id { return known(e.after(j, ttl)) })
	if !ok {
		s := &e.paths.states[j.target]
		if j.end == s.End || j.end == 0 { // it is as before
			e.alternates(j, j.ttl, now)
			return
		}
		d = change.Difference[id]{TTL: j.ttl, Before: e.paths.hop(j.target, j.ttl), After: j.got[j.ttl]}
	}
	j.diff = d
	if j.event == nil {
		if ev := e.recent(d, now); ev != nil && ev.overlaps(e, j) {
			j.event = ev
			if !ev.told {
				ev.join(e, j)
				j.confirmed = true
			}
		}
	}
	if j.event != nil {
		e.apply(j)
		ev := j.event
		e.finish(j)
		if ev.told && !j.confirmed {
			e.tellLate(ev, j, now)
			return
		}
		ev.ended(j)
		e.advance(ev, now)
		return
	}
	j.event = e.newEvent(j, now)
	j.isRoot = true
	j.phase = flowing
	e.flows(j, now)
}
