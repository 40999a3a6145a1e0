package schedule

import (
	"math/bits"

	"github.com/masstrace/masstrace/internal/window"
)

// progress is how far the probing of one path has come.
type progress struct {
	sent     uint64 // bit t: TTL t was sent
	deferred uint64 // bit t: the strategy chose TTL t, and Politeness did not admit it yet
	note     uint64 // Path.Note

	ttl, attempt uint8 // of the latest probe; TTL 0 means that there was none
	retryTTL     uint8 // where the state is retrying, the TTL to go on at; else 0
	abandoned    bool  // the deferred TTLs are given up
	held         bool  // a further attempt was due, and Politeness did not admit it yet
	gaveUp       bool  // there are no further attempts: a router would not answer them
	waiting      bool  // the latest visit ended in wait
}

// PathOctets is the memory that Adaptive keeps for each path: its progress and its link in the
// queue.
const PathOctets = 32 + 4

// latest returns the slot of the latest probe, given any slot of the path.
func (p *progress) latest(slot window.Slot) window.Slot {
	slot.TTL, slot.Attempt = p.ttl, p.attempt
	return slot
}

// hasOneTTL reports whether one TTL was sent, and no other.
func (p *progress) hasOneTTL() bool { return p.sent != 0 && p.sent&(p.sent-1) == 0 }

// action is the outcome of a visit.
type action uint8

const (
	send   action = iota // the probe in path.slot
	wait                 // visit the path again at a time
	finish               // the path is done
)

// visit makes one step of a path's state machine. at belongs to wait: it is the time of the
// next visit.
//
//	              ┌─ Next returns a TTL ────▶ send, or wait if Politeness defers it
//	┌─▶ probing ──┼─ Next returns Await ────▶ wait
//	│             └─ Next returns Enough ───▶ wait for deferred TTLs and late answers, then
//	│                   │
//	│                   ▼
//	│             ┌─ an attempt is due ─────▶ send
//	│   retrying ─┼─ none was in the round ─▶ finish
//	└─────────────┴─ the round is over ─────▶ wait
func (t *adaptiveTraversal) visit(i uint32, now int64) (result action, at int64) {
	p, slot, path := &t.paths[i], t.slotOf(i), &t.path
	path.State, path.Note = t.window.State(slot.Target, slot.Flow), p.note
	path.slot, path.latestTTL = slot, p.ttl
	path.now, path.idle = now, now < t.schedule.lastIdle+idleSpan
	path.random = t.schedule.seed ^ (t.window.Position + uint64(slot.Target)) ^ uint64(slot.Flow)<<48
	switch {
	case p.hasOneTTL() && t.window.Sent(p.latest(slot)) == window.Excluded:
		// The target is excluded. All other probes would be refused too.
		return t.finishPath(p)
	case p.retryTTL != 0:
		return t.retry(p)
	case p.deferred != 0 && !p.abandoned:
		if ttl, ok := t.releaseDeferred(p); ok {
			return t.sendFirst(p, ttl)
		}
	}
	path.Sent = p.sent | p.deferred
	step := t.schedule.strategy.Next(path)
	p.note = path.Note
	switch step {
	case Await:
		return wait, now + path.pause(t.window.Sent(p.latest(slot)))
	case Enough:
		return t.endProbing(p)
	default:
		return t.sendFirst(p, uint8(step))
	}
}

// sendFirst sends the first attempt at a TTL, or defers it.
func (t *adaptiveTraversal) sendFirst(p *progress, ttl uint8) (result action, at int64) {
	if p.deferred>>ttl&1 == 0 && !t.admit(p, ttl) {
		return wait, t.path.now + poll
	}
	p.deferred &^= 1 << ttl
	p.sent |= 1 << ttl
	t.path.slot.TTL = ttl
	p.ttl, p.attempt = ttl, 0
	t.schedule.newlyDecided++
	return send, 0
}

// endProbing waits for deferred TTLs and for late answers. Then it begins a round of further
// attempts.
func (t *adaptiveTraversal) endProbing(p *progress) (result action, at int64) {
	now := t.path.now
	if p.deferred != 0 && !p.abandoned && !t.abandon(p) {
		return wait, now + revisit
	}
	if p.sent != 0 {
		stamp := t.window.Sent(p.latest(t.path.slot))
		if stamp == 0 {
			return wait, now + poll // not stamped yet
		}
		if stamp < 0 {
			stamp = t.lastSent // probes before it may still be answered
		}
		if over := stamp + int64(t.schedule.cfg.Wait); t.schedule.cfg.Set.Matched() < over {
			return wait, max(over, now+poll)
		}
	}
	return t.retry(p)
}

// retry sends the next attempt of a round. If none is due, the round is over.
func (t *adaptiveTraversal) retry(p *progress) (result action, at int64) {
	if t.findAttempt(p) {
		if t.admitAttempt(p) {
			p.ttl, p.attempt = t.path.slot.TTL, t.path.slot.Attempt
			return send, 0
		}
		p.retryTTL = t.path.slot.TTL
		return wait, t.path.now + revisit
	}
	if p.retryTTL != 0 { // the round had an attempt
		p.retryTTL = 0
		return wait, t.path.now + poll
	}
	return t.finishPath(p)
}

// findAttempt finds the next attempt of a round, and reports whether there is one. At each TTL
// without an answer, that is the lowest attempt that was not made yet.
func (t *adaptiveTraversal) findAttempt(p *progress) bool {
	s, slot := t.window.Shape(), &t.path.slot
	if s.Attempts == 1 || p.gaveUp {
		return false
	}
	last := s.LastTTL
	if end := t.path.State.End(); end != 0 {
		last = min(last, end)
	}
	for ttl := max(p.retryTTL, s.FirstTTL); ttl <= last; ttl++ {
		if p.sent>>ttl&1 == 0 {
			continue
		}
		slot.TTL = ttl
		for slot.Attempt = 1; int(slot.Attempt) < s.Attempts; slot.Attempt++ {
			before := *slot
			before.Attempt--
			if t.window.Answered(before) || t.window.Sent(before) == window.Excluded {
				break
			}
			if t.window.Sent(*slot) == 0 {
				p.retryTTL = ttl + 1
				return true
			}
		}
	}
	return false
}

// admitAttempt reports whether Politeness admits the attempt in path.slot. If a router limits its
// answers, the attempts of the path are given up when their time is over.
func (t *adaptiveTraversal) admitAttempt(p *progress) bool {
	politeness, now := t.schedule.cfg.Politeness, t.path.now
	if !p.held {
		politeness.countDue(now)
	}
	verdict := politeness.admit(t.path.Target(), t.path.slot.TTL, now)
	switch {
	case verdict == admitted:
		p.held = false
		return true
	case !p.held:
		p.held = true
		t.abandonAt = politeness.deferUntil(now, 2)
	case verdict == rateLimited && now >= t.abandonAt:
		p.held, p.gaveUp = false, true
	}
	return false
}

// finishPath counts the TTLs of a path that were not needed.
func (t *adaptiveTraversal) finishPath(p *progress) (result action, at int64) {
	t.schedule.newlyDecided += uint64(t.window.Shape().TTLs() - bits.OnesCount64(p.sent))
	return finish, 0
}

// admit reports whether Politeness admits the first attempt at a TTL. If not, it defers the
// attempt.
func (t *adaptiveTraversal) admit(p *progress, ttl uint8) bool {
	politeness, now := t.schedule.cfg.Politeness, t.path.now
	politeness.countDue(now)
	if politeness.admit(t.path.Target(), ttl, now) == admitted {
		return true
	}
	p.deferred |= 1 << ttl
	p.abandoned = false                         // a given-up TTL has another chance beside it
	t.abandonAt = politeness.deferUntil(now, 2) // paths wait, and go on, before the window does
	return false
}

// releaseDeferred returns a deferred TTL that is admitted now. It drops TTLs beyond the end of
// the path.
func (t *adaptiveTraversal) releaseDeferred(p *progress) (ttl uint8, ok bool) {
	end := t.path.State.End()
	for deferred := p.deferred; deferred != 0; deferred &= deferred - 1 {
		ttl := uint8(bits.TrailingZeros64(deferred))
		if end != 0 && ttl > end {
			p.deferred &^= 1 << ttl // not needed any more
		} else if t.schedule.cfg.Politeness.admit(t.path.Target(), ttl, t.path.now) == admitted {
			return ttl, true
		}
	}
	return 0, false
}

// abandon gives up the deferred TTLs of a path if their time is over and routers that limit
// their answers would not answer them. It reports whether it did.
func (t *adaptiveTraversal) abandon(p *progress) bool {
	if t.path.now < t.abandonAt {
		return false
	}
	for deferred := p.deferred; deferred != 0; deferred &= deferred - 1 {
		if !t.schedule.cfg.Politeness.isLimited(t.path.Target(), uint8(bits.TrailingZeros64(deferred))) {
			return false
		}
	}
	p.abandoned = true
	return true
}
