package engine

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
