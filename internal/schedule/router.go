package schedule

import (
	"math"
	"sync/atomic"
)

// router counts how often a near router is probed and answers, and finds out whether it limits
// its answers.
//
// Answers are missing for many reasons: loss, paths that end before the router, silent branches.
// Only under a limit does the share of answers grow as soon as there are fewer probes. So a
// suspected router is put on trial:
//
//	open ─── few answers ──────▶ settle
//	settle ─ after half a span ▶ trial
//	trial ── greater share ────▶ limited
//	         same share ───────▶ open, without suspicion for some time
//	         smaller share ────▶ settle, with still fewer probes
//	limited  few answers ──────▶ settle
//
// All words are atomic. Senders judge a router, one of them at a time; the matcher counts
// answers.
type router struct {
	nextByCap   atomic.Int64 // when the cap admits the next probe, ns
	nextByLimit atomic.Int64 // when the router's own limit does, ns
	interval    atomic.Int64 // between two probes under its own limit, ns; 0 is no limit
	since       atomic.Int64 // when the span of the counts began, ns
	asked       atomic.Uint32
	answered    atomic.Uint32

	phase  atomic.Uint32
	before atomic.Uint64 // asked and answered in the span that raised suspicion, 32 bits each
	span   atomic.Int64  // length of that span, ns
	calm   atomic.Int64  // no suspicion before this time, ns
	tries  atomic.Uint32 // trials that showed no limit
	worse  atomic.Uint32 // times in one trial that fewer probes gave a smaller share
	step   atomic.Uint32 // times in a row that its rate was raised

	identity
	sharing
}

// The phases of a router.
const (
	phaseOpen    = iota // no limit is known
	phaseSettle         // suspected and probed less; answers to earlier probes may still come
	phaseTrial          // the share of answers is compared
	phaseLimited        // the share grew: the router has a limit
)

// How limits are found: by the share of answers in spans of time.
const (
	judgeNS   = int64(1e9)
	settleNS  = judgeNS / 2
	calmNS    = 4 * judgeNS
	fewAsked  = 40   // a span with fewer probes is made longer
	longest   = 4    // times as long, at most
	sparing   = 0.7  // a smaller share raises suspicion
	generous  = 0.93 // at a greater share the rate is raised
	headroom  = 1.08 // probes for each answer of a limited router
	sure      = 3    // standard deviations by which the share must change in a trial
	mostWorse = 3    // times that the share may fall in one trial
	mostTries = 6    // failed trials that lengthen the time without suspicion
	firstStep = 2
	mostSteps = 3
	burst     = 8 // probes that may leave at once
)

// admit is Politeness.admit for a router that a trusted prediction names.
func (r *router) admit(now, hopNS int64, shared bool) admission {
	r.judge(now)
	if own := r.interval.Load(); own > hopNS && !take(&r.nextByLimit, now, own) {
		if r.phase.Load() == phaseLimited {
			return rateLimited
		}
		return overRate
	}
	if !r.takeCap(now, hopNS, shared) {
		return overRate
	}
	r.asked.Add(1)
	return admitted
}

// take reserves the next probe, with interval ns between two of them. It reports whether that was
// possible.
func take(free *atomic.Int64, now, interval int64) bool {
	at := free.Load()
	// If the swap fails, another sender was first.
	return at <= now+burst*interval && free.CompareAndSwap(at, max(at, now)+interval)
}

// isLimited reports whether the router limits its answers, below the cap.
func (r *router) isLimited(hopNS int64) bool {
	return r.phase.Load() == phaseLimited && r.interval.Load() > hopNS
}

// judge ends a span, once it is long enough, and moves the router to its next phase.
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

// suspect begins a trial: from now on the router is probed little more often than it answers.
func (r *router) suspect(asked, answered uint32, span int64) {
	r.before.Store(uint64(asked)<<32 | uint64(answered))
	r.span.Store(span)
	r.interval.Store(asOften(answered, span))
	r.phase.Store(phaseSettle)
}

// asOften returns the interval for a router that answered so many probes in a span, in ns.
func asOften(answered uint32, span int64) int64 {
	return int64(float64(span) / (headroom * float64(max(answered, 1))))
}

// conclude ends a trial. A router with a limit answers as many probes as before, and so a greater
// share of fewer. Otherwise the share stays the same.
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
		r.worse.Add(1) // its token bucket was full, and is empty now
		r.suspect(asked, answered, span)
	default:
		r.clear(now)
	}
}

// clear ends a trial that showed no limit.
func (r *router) clear(now int64) {
	tries := min(r.tries.Load(), mostTries)
	r.calm.Store(now + calmNS<<tries)
	r.tries.Store(tries + 1)
	r.interval.Store(0)
	r.phase.Store(phaseOpen)
}

// follow keeps to the limit of a router. While the router answers nearly everything, its rate is
// raised in steps that grow. When that is too much, the number of its answers shows the limit.
func (r *router) follow(asked, answered uint32, span int64) {
	step, own := r.step.Load(), r.interval.Load()
	switch share := float64(answered) / float64(asked); {
	case share >= generous:
		r.interval.Store(int64(float64(own) / math.Pow(headroom, float64(uint32(1)<<step))))
		r.step.Store(min(step+1, mostSteps))
	case step > 0:
		r.interval.Store(max(asOften(answered, span), own))
		r.step.Store(0)
	case share < sparing: // the limit has changed, or is gone
		r.worse.Store(0)
		r.suspect(asked, answered, span)
	}
}
