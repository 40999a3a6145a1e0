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

// flows asks other flows at the first hop that differs, until the rule of multipath detection finds
// no further branch likely, or the old hop is found.
func (e *Engine) flows(j *job, now int64) {
	if j.open > 0 {
		return
	}
	wantRepeats := repeats
	switch {
	case e.was(j.target, j.diff.After, j.diff.TTL):
		wantRepeats = shiftRepeats
	case j.oldSeen || len(j.others) > 1:
		wantRepeats = branchRepeats
	}
	most := min(e.cfg.Flows, MostFlows) - 1
	want := firstFlows
	if n := len(j.others); n > 1 {
		want = stoppingRule[min(n, len(stoppingRule)-1)]
	}
	if j.oldSeen || j.diff.Before < firstID {
		want = 0
	}
	if n := min(want, most); j.flow < n {
		for j.flow < n {
			j.flow++
			e.ask(j, uint16(j.flow), j.diff.TTL)
		}
		e.repeat(j)
		return
	}
	if j.repeats < wantRepeats {
		e.repeat(j)
		return
	}
	if j.repeated*2 < j.repeats && j.repeated < 2 { // it does not answer any more
		e.Counts.Faded++
		e.drop(j, now)
		return
	}
	e.apply(j)
	ev := j.event
	e.finish(j)
	ev.classify(j)
	e.spread(ev, now)
}

// was reports whether a hop is on the known path of a target, a few TTLs from one.
func (e *Engine) was(target uint32, hop id, ttl uint8) bool {
	for t := max(int(ttl)-mostShift, 1); t <= int(ttl)+mostShift; t++ {
		if e.paths.hop(target, uint8(t)) == hop {
			return true
		}
	}
	return false
}

// repeat asks flow 0 again.
func (e *Engine) repeat(j *job) {
	j.repeats++
	e.ask(j, 0, j.diff.TTL)
}

// stoppingRule is how many flows must be asked after so many branches were found, so that one more
// of equal size would have been found with a probability of 0.95 (Veitch et al. 2009).
var stoppingRule = [...]int{8, 8, 11, 16, 21, 27, 31}

// flowAnswered takes the answer of another flow at the first hop that differs.
func (j *job) flowAnswered(from id) {
	j.flowsGot++
	j.oldSeen = j.oldSeen || from == j.diff.Before
	for _, o := range j.others {
		if o == from {
			return
		}
	}
	j.others = append(j.others, from)
}

// apply makes the new path the known one.
func (e *Engine) apply(j *job) {
	p, s := e.paths, &e.paths.states[j.target]
	last := e.lastAfter(j)
	var hops [ttls]id
	var seen [ttls]tick
	for t := e.cfg.MinTTL; t <= last; t++ {
		hops[t] = e.after(j, t)
		if old := int(t) - j.shift; t > j.asked && old >= 1 && p.seen[old] != nil {
			seen[t] = p.seen[old][j.target]
		} else if p.seen[t] != nil && t < j.low {
			seen[t] = p.seen[t][j.target]
		}
	}
	e.describe(j, last)
	p.remember(j.target)
	s.Flips = flips(s, &j.diff, p.tick(j.rtts[j.ttl].Sent))
	s.Back = p.hop(j.target, j.diff.TTL)
	end := j.end
	if end == 0 && (j.shift != 0 || j.joins(e)) && s.End != 0 {
		end, j.reached = uint8(int(s.End)+j.shift), s.Reached
	}
	for t := e.cfg.MinTTL; t <= max(last, s.Last); t++ {
		p.set(j.target, t, hops[t])
		switch {
		case t <= last && t >= j.low && t <= j.asked && hops[t] >= firstID && j.got[t] == hops[t]:
			p.verify(j.target, t, j.rtts[t].Sent, j.rtts[t].RTT)
		case t <= last && p.seen[t] != nil:
			p.seen[t][j.target] = seen[t]
		}
	}
	s.End, s.Reached, s.Last = end, j.reached, last
	s.Unstable = unstable(s.Unstable, j, j.shift != 0 || j.joins(e))
	s.Changes++
	s.Changed = p.tick(j.rtts[j.ttl].Sent)
	e.routine.heat(j.target)
}

// unstable returns the TTLs of the new path at which a balancer alternates: those before the
// difference, and behind it if the path goes on as before.
func unstable(old uint64, j *job, joins bool) uint64 {
	kept := old & (1<<j.low - 1)
	if joins {
		behind := old >> max(int(j.asked)+1-j.shift, 0)
		kept |= behind << (j.asked + 1)
	}
	return kept
}

// flips returns how often in a row a path has changed back to what it was, of late. Each time makes
// more answers necessary: some balancers send few packets to a branch.
func flips(s *state, d *change.Difference[id], now tick) uint8 {
	if s.Changes == 0 || d.After != s.Back || now-s.Changed > hotFor {
		return 0
	}
	return min(s.Flips+1, 8)
}
