package engine

import (
	"github.com/masstrace/masstrace/internal/change"
	"github.com/masstrace/masstrace/internal/record"
)

// job is what goes on with a target beside routine: its first trace, or an inquiry. A target has one
// at most.
type job struct {
	target uint32
	phase  phase
	open   int // probes that were not answered yet, on their way or in the queue

	got   [ttls]id    // what answered flow 0 since the job began
	ends  [ttls]bool  // it is the end of the path
	first [ttls]int64 // when a probe was first sent that it answered
	rtts  [ttls]Answer
	tries [ttls]uint8
	asked uint8 // highest TTL
	low   uint8 // lowest TTL

	// Of an inquiry.
	ttl       uint8 // of the doubt
	doubt     change.Doubt[id]
	need      int
	confirms  int
	quiet     int // confirmations without an answer
	lowDone   bool
	highDone  bool
	recalled  uint8 // TTL that decides whether the path before the last change is back
	rechecked bool  // the TTL of the doubt was asked again after the others
	shift     int   // of the path behind the change
	end       uint8
	reached   bool
	diff      change.Difference[id]

	event     *event // whose change it is, nil if that is not known
	isRoot    bool
	flow      int // flows that were asked
	flowsGot  int
	others    []id // addresses of other flows at diff.TTL
	oldSeen   bool
	repeats   int  // of flow 0 at diff.TTL
	repeated  int  // of these, answered by the new hop
	confirmed bool // it is among the affected of its event
	told      bool // its change was told
	spread    bool // its event asked it
	place     int  // among the neighbours of a side, from 1
	side      *side
	probes    int

	before, after       []record.Node // that differ, with a common hop on each side
	notBefore, notAfter int64         // bounds of the time of the change
}

type phase uint8

const (
	tracing phase = iota
	confirming
	widening
	flowing
	over
)

// ask queues a probe of a job.
func (e *Engine) ask(j *job, flow uint16, ttl uint8) {
	j.open++
	j.probes++
	if flow == 0 {
		j.tries[ttl]++
		j.asked, j.low = max(j.asked, ttl), min(j.low, ttl)
	}
	q := &e.urgent
	if j.phase == tracing || j.phase == widening && j.event != nil && !j.rechecked {
		q = &e.slow
	}
	q.push(Ask{Target: j.target, Flow: flow, TTL: ttl, job: j})
}

// startTrace begins the first trace of the next target, and reports whether there was one.
func (e *Engine) startTrace() bool {
	for e.untried < len(e.targets) && e.paths.states[e.at(e.untried)].Traced {
		e.untried++
	}
	if e.untried == len(e.targets) || e.jobs >= mostJobs {
		return false
	}
	j := &job{target: e.at(e.untried), phase: tracing, low: e.cfg.MinTTL}
	e.untried++
	e.begin(j)
	for i := range uint8(ahead) {
		if ttl := e.cfg.MinTTL + i; ttl <= e.cfg.MaxTTL {
			e.ask(j, 0, ttl)
		}
	}
	return true
}

// ahead is how many TTLs of a first trace are asked at a time.
const ahead = 3

// at returns the i-th target in the order of routine.
func (e *Engine) at(i int) uint32 {
	return uint32(uint64(i) % e.routine.n * e.routine.step % e.routine.n)
}

func (e *Engine) begin(j *job) {
	e.paths.states[j.target].job = j
	e.jobs++
}

// finish ends a job.
func (e *Engine) finish(j *job) {
	if j.phase == over {
		return
	}
	j.phase = over
	e.paths.states[j.target].job = nil
	e.jobs--
}

// jobAnswered takes an answer to a probe of a job.
func (e *Engine) jobAnswered(a Ask, from id, r *Answer, now int64) {
	j := a.job
	j.open--
	if j.phase == over {
		return
	}
	if e.isIdle(j, a, from, r) {
		e.Counts.Weak++
		j.open++ // of this probe
		e.jobSilent(a, r.Sent, now)
		return
	}
	if a.Flow != 0 {
		j.flowAnswered(from)
	} else if j.phase == flowing {
		if from != j.diff.After || j.diff.After == j.diff.Before && r.End != j.ends[a.TTL] { // the old hop, or a third one
			if from == j.diff.Before {
				e.paths.names.inTurn(j.diff.Before, j.diff.After, e.paths.tick(now))
			}
			e.alternates(j, a.TTL, now)
			return
		}
		j.repeated++
	} else {
		j.keep(a.TTL, from, r)
	}
	switch j.phase {
	case tracing:
		e.trace(j, a.TTL, now)
	case confirming:
		e.confirm(j, from, r, now)
	case widening:
		e.widen(j, now)
	case flowing:
		e.flows(j, now)
	}
}

// keep keeps an answer to flow 0.
func (j *job) keep(ttl uint8, from id, r *Answer) {
	if j.first[ttl] == 0 || j.got[ttl] != from {
		j.first[ttl] = r.Sent
	}
	j.got[ttl], j.ends[ttl], j.rtts[ttl] = from, r.End, *r
	if r.Weak && j.phase == tracing {
		j.weakEnd()
		return
	}
	if r.End && (j.end == 0 || ttl <= j.end) {
		j.end, j.reached = ttl, r.Reached
	}
}

// jobSilent takes a probe of a job without an answer.
func (e *Engine) jobSilent(a Ask, _, now int64) {
	j := a.job
	j.open--
	if j.phase == over {
		return
	}
	if a.Flow == 0 && j.got[a.TTL] == unasked && j.tries[a.TTL] >= mostTries {
		j.got[a.TTL] = silent
	}
	switch j.phase {
	case tracing:
		if j.got[a.TTL] == unasked {
			e.ask(j, 0, a.TTL)
			return
		}
		e.trace(j, a.TTL, now)
	case confirming:
		e.unconfirmed(j, now)
	case widening:
		if j.got[a.TTL] == unasked && a.Flow == 0 {
			e.ask(j, 0, a.TTL)
			return
		}
		e.widen(j, now)
	case flowing:
		e.flows(j, now)
	}
}

// mostTries is how often a silent TTL is asked.
const mostTries = 2

// trace goes on with a first trace after an answer or a silence.
func (e *Engine) trace(j *job, ttl uint8, now int64) {
	if j.end == 0 && j.asked < e.cfg.MaxTTL && !j.stops(e.cfg.GapLimit) {
		e.ask(j, 0, j.asked+1)
		return
	}
	if j.open > 0 {
		return
	}
	last := j.end
	for t := j.asked; last == 0 && t >= e.cfg.MinTTL; t-- {
		if j.got[t] >= firstID {
			last = t
		}
	}
	p, s := e.paths, &e.paths.states[j.target]
	for t := e.cfg.MinTTL; t <= last; t++ {
		p.set(j.target, t, j.got[t])
		if j.got[t] >= firstID {
			p.verify(j.target, t, &j.rtts[t])
		}
	}
	s.End, s.Reached, s.Last, s.Traced = j.end, j.reached, last, true
	e.Counts.Traced++
	e.finish(j)
}

// stops reports whether a trace goes no further: too many TTLs are silent in a row, or two routers
// alternate.
func (j *job) stops(gap int) bool {
	row := 0
	for t := int(j.asked); t > 0 && (j.got[t] == silent || j.got[t] == unasked); t-- {
		if j.got[t] == silent {
			row++
		}
	}
	if row >= gap {
		return true
	}
	for t := int(j.asked); t > 4; t-- {
		if j.got[t] < firstID {
			continue
		}
		return j.got[t] == j.got[t-2] && j.got[t-1] >= firstID && j.got[t-1] == j.got[t-3] && j.got[t] != j.got[t-1]
	}
	return false
}
