package engine

import (
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Engine follows the paths to some targets.
type Engine struct {
	Counts Counts

	cfg     Config
	targets []probe.Addr // in the order of addresses
	paths   *paths
	routine routine

	urgent  queue // probes that confirm a change and find its extent, in their order
	slow    queue // of first traces, and of paths that are known to have changed
	jobs    int   // that have not ended
	events  []*event
	numbers uint64              // of events
	untold  []record.PathChange // that another process found
	turn    uint64              // probes handed out
	untried int                 // the next target without a first path
}

// New returns an engine without knowledge, at a time in ns. The targets are sorted by address, and
// each is there once.
func New(cfg Config, targets []probe.Addr, now int64) *Engine {
	e := &Engine{cfg: cfg, targets: targets, paths: newPaths(len(targets), now)}
	e.routine.init(len(targets))
	return e
}

// Targets returns the targets. The caller must not change them.
func (e *Engine) Targets() []probe.Addr { return e.targets }

// Next returns the next probe to send; ok is false if there is none at the moment.
func (e *Engine) Next(now int64) (a Ask, ok bool) {
	e.tellPending()
	e.expire(now)
	e.turn++
	// Routine has a part of the budget whatever else happens.
	if e.turn%routineShare != 0 {
		if a, ok = e.queued(); ok {
			return e.asked(a, now), true
		}
	}
	if e.startTrace() {
		if a, ok = e.slow.pop(); ok {
			return e.asked(a, now), true
		}
	}
	if a, ok = e.pick(now); ok {
		return e.asked(a, now), true
	}
	if a, ok = e.queued(); ok {
		return e.asked(a, now), true
	}
	return a, false
}

// queued returns the next probe of a queue.
func (e *Engine) queued() (a Ask, ok bool) {
	if a, ok = e.urgent.pop(); ok {
		return a, true
	}
	return e.slow.pop()
}

const (
	// routineShare is the inverse of the share of routine if inquiries use up the budget.
	routineShare = 4
	// mostJobs is how many first paths and inquiries there are at a time.
	mostJobs = 4096
)

// asked notes that a probe is handed out.
func (e *Engine) asked(a Ask, now int64) Ask {
	s := &e.paths.states[a.Target]
	s.flying++
	s.Asked = e.paths.tick(now)
	switch {
	case a.job != nil && a.job.phase == tracing:
		e.Counts.First++
	case a.job != nil || a.event != nil:
		e.Counts.Inquiry++
	default:
		e.Counts.Routine++
	}
	return a
}

// Answered takes the answer to a probe.
func (e *Engine) Answered(a Ask, r Answer, now int64) {
	e.paths.states[a.Target].flying--
	e.Counts.Answered++
	from := e.paths.names.of(r.From)
	if a.Flow == 0 {
		e.atEnd(a, true)
	}
	switch {
	case a.job != nil:
		e.jobAnswered(a, from, &r, now)
	case a.event != nil:
		e.neighbourAnswered(a, from, &r, now)
	default:
		e.routineAnswered(a, from, &r, now)
	}
}

// Silent takes a probe without an answer in time, sent at a time. ours is set if this machine dropped
// frames meanwhile.
func (e *Engine) Silent(a Ask, sent int64, ours bool, now int64) {
	e.paths.states[a.Target].flying--
	e.Counts.Unanswered++
	if a.Flow == 0 && !ours {
		e.atEnd(a, false)
	}
	switch {
	case a.job != nil:
		e.jobSilent(a, sent, now)
	case a.event != nil:
		a.event.unheard(a)
		e.advance(a.event, now)
	default:
		e.routineSilent(a, ours)
	}
}

// Unsent takes a probe that did not leave. It may be asked again later.
func (e *Engine) Unsent(a Ask, now int64) {
	e.paths.states[a.Target].flying--
	e.Counts.Unsent++
	switch {
	case a.job != nil:
		e.jobSilent(a, now, now)
	case a.event != nil:
		a.event.unheard(a)
		e.advance(a.event, now)
	}
}

// atEnd counts a probe to the target itself.
func (e *Engine) atEnd(a Ask, answered bool) {
	s := &e.paths.states[a.Target]
	if !s.Reached || a.TTL != s.End {
		return
	}
	s.Sent++
	if !answered {
		s.Silent++
	}
}

// queue is a first-in, first-out queue of probes.
type queue struct {
	list []Ask
	head int
}

func (q *queue) push(a Ask) { q.list = append(q.list, a) }

func (q *queue) pop() (a Ask, ok bool) {
	if q.head == len(q.list) {
		q.list, q.head = q.list[:0], 0
		return a, false
	}
	a = q.list[q.head]
	q.list[q.head] = Ask{}
	if q.head++; q.head > 1024 && q.head > len(q.list)/2 {
		n := copy(q.list, q.list[q.head:])
		clear(q.list[n:])
		q.list, q.head = q.list[:n], 0
	}
	return a, true
}
