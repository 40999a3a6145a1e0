package schedule

import (
	"math"
	"sync/atomic"
)

// router is what is known of one that answers near us: how often it is asked and
// answers, and whether it limits its answers. Many things keep a router from
// answering: loss, paths that end before it, branches of which one is silent. A
// limit is what makes the share of answers grow as soon as there are fewer probes;
// so one that is suspected is put to that trial before it counts.
//
// All words are atomic: any sender may judge a router, one of them at a time, and
// the matcher counts answers.
type router struct {
	nextByCap   atomic.Int64 // when it may be asked next, by the cap, ns
	nextByLimit atomic.Int64 // likewise, by its answers
	interval    atomic.Int64 // between two probes, ns, as its answers suggest; 0 is any
	since       atomic.Int64 // when the counts began, ns
	asked       atomic.Uint32
	answered    atomic.Uint32

	phase  atomic.Uint32
	before atomic.Uint64 // asked and answered in the span that made it suspect, 32 bits each
	span   atomic.Int64  // length of that, ns
	calm   atomic.Int64  // no suspicion until then, ns
	tries  atomic.Uint32 // trials that showed no limit
	worse  atomic.Uint32 // lowerings of one trial behind which its share was less
	step   atomic.Uint32 // rises of its share of probes in a row

	identity
}

// The phases of a router.
const (
	phaseOpen    = iota // no limit is known
	phaseSettle         // suspected and asked less; answers to what was asked before may still come
	phaseTrial          // then: does it answer a greater share?
	phaseLimited        // it does
)

// How limits are found: over spans of time, by the share that is answered.
const (
	judgeNS   = int64(1e9)
	settleNS  = judgeNS / 2
	calmNS    = 4 * judgeNS
	fewAsked  = 40   // below which a span tells nothing, and is made longer
	longest   = 4    // but not so many times
	sparing   = 0.7  // a smaller share makes a router suspect
	generous  = 0.93 // at a greater one more may be asked
	headroom  = 1.08 // times what it answers is what a router is asked
	sure      = 3    // standard deviations by which the share must grow in a trial
	mostWorse = 3    // times that the share may fall in one
	mostTries = 6    // that lengthen the calm behind them
	firstStep = 2
	mostSteps = 3
	burst     = 8 // probes that may follow at once
)

// ask is Politeness.ask for a router that is certainly meant.
func (r *router) admit(now, hopNS int64) admission {
	r.judge(now)
	if own := r.interval.Load(); own > hopNS && !take(&r.nextByLimit, now, own) {
		if r.phase.Load() == phaseLimited {
			return rateLimited
		}
		return overRate
	}
	if !take(&r.nextByCap, now, hopNS) {
		return overRate
	}
	r.asked.Add(1)
	return admitted
}

// take takes a turn, of which there is one in an interval, in ns, from the time at
// which the next one is free.
func take(free *atomic.Int64, now, interval int64) bool {
	at := free.Load()
	// Where the swap fails another sender was first.
	return at <= now+burst*interval && free.CompareAndSwap(at, max(at, now)+interval)
}

// isScarce reports whether it limits its answers, below the cap.
func (r *router) isLimited(hopNS int64) bool {
	return r.phase.Load() == phaseLimited && r.interval.Load() > hopNS
}

// judge says, once in a while, how often the router may be asked.
func (r *router) judge(now int64) {
	since, phase := r.since.Load(), r.phase.Load()
	span, least := now-since, judgeNS
	if phase == phaseSettle {
		least = settleNS
	}
	if span < least || phase != phaseSettle && span < longest*judgeNS && r.asked.Load() < fewAsked ||
		!r.since.CompareAndSwap(since, now) {
		return
	}
	asked, answered := r.asked.Swap(0), r.answered.Swap(0)
	r.sumAsked.Add(uint64(asked))
	r.sumAnswered.Add(uint64(answered))
	switch {
	case phase == phaseSettle:
		r.phase.Store(phaseTrial)
	case since == 0 || asked < fewAsked || span > 2*longest*judgeNS:
		if phase == phaseTrial {
			r.clear(now)
		}
	case phase == phaseOpen && span < 2*judgeNS && now >= r.calm.Load() && float64(answered) < sparing*float64(asked):
		r.worse.Store(0)
		r.suspect(asked, answered, span)
	case phase == phaseTrial:
		r.conclude(asked, answered, span, now)
	case phase == phaseLimited:
		r.follow(asked, answered, span)
	}
}

// suspect has the router asked little more often than it answers.
func (r *router) suspect(asked, answered uint32, span int64) {
	r.before.Store(uint64(asked)<<32 | uint64(answered))
	r.span.Store(span)
	r.interval.Store(asOften(answered, span))
	r.phase.Store(phaseSettle)
}

// asOften returns the interval, in ns, of a router that answered so many in a span.
func asOften(answered uint32, span int64) int64 {
	return int64(float64(span) / (headroom * float64(max(answered, 1))))
}

// conclude ends a trial: under a limit a router answers as much as before, and so a
// greater share of less; else the share stays what it was.
func (r *router) conclude(asked, answered uint32, span, now int64) {
	n0, n1 := float64(r.before.Load()>>32), float64(asked)
	share0, share1 := float64(uint32(r.before.Load()))/n0, float64(answered)/n1
	fewer := n0 / float64(r.span.Load()) / (n1 / float64(span)) // times
	chance := math.Sqrt(max(share0*(1-share0), 0.01) * (1/n0 + 1/n1))
	switch {
	case share1 >= math.Sqrt(share0*min(share0*fewer, 1)) && share1-share0 > sure*chance:
		if r.step.Store(firstStep); share1 < generous {
			r.interval.Store(asOften(answered, span))
			r.step.Store(0)
		}
		r.phase.Store(phaseLimited)
		r.found.Store(true)
	case share0-share1 > sure*chance && r.worse.Load() < mostWorse:
		r.worse.Add(1) // it had saved up answers, which are used up now
		r.suspect(asked, answered, span)
	default:
		r.clear(now)
	}
}

// clear says that a trial showed no limit.
func (r *router) clear(now int64) {
	tries := min(r.tries.Load(), mostTries)
	r.calm.Store(now + calmNS<<tries)
	r.tries.Store(tries + 1)
	r.interval.Store(0)
	r.phase.Store(phaseOpen)
}

// follow keeps to the limit of a router: while nearly everything is answered it is
// asked more, in steps that grow; when that is too much, its answers tell the limit.
func (r *router) follow(asked, answered uint32, span int64) {
	step, own := r.step.Load(), r.interval.Load()
	switch share := float64(answered) / float64(asked); {
	case share >= generous:
		r.interval.Store(int64(float64(own) / math.Pow(headroom, float64(uint32(1)<<step))))
		r.step.Store(min(step+1, mostSteps))
	case step > 0:
		r.interval.Store(max(asOften(answered, span), own))
		r.step.Store(0)
	case share < sparing: // the limit has changed, or is none
		r.worse.Store(0)
		r.suspect(asked, answered, span)
	}
}
