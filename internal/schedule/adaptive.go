package schedule

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/window"
)

// Adaptive sends what a Strategy says, path by path: each path that is ready has
// one probe, then it stands behind all others again. So neither a target nor a
// router sees a burst where a window holds many of them, and what a probe brought
// is mostly known when its path has its next turn.
//
// When a strategy has enough of a path, its probes are waited for; then it is
// asked again. If it still has enough, what was not answered has its next
// attempt, and so on.
//
// It walks up to window.Live windows, oldest first, as Exhaustive does.
type Adaptive struct {
	cfg        Config
	strategy   Strategy
	seed       uint64
	traversals traversals[*adaptiveTraversal]
	halted     bool
	lastIdle   int64 // when there was last nothing to send

	fresh   uint64 // to be added to decided
	decided atomic.Uint64
}

// NewAdaptive returns a schedule by that strategy; one goroutine may use it.
func NewAdaptive(cfg Config, s Strategy) *Adaptive {
	a := &Adaptive{cfg: cfg, strategy: s, seed: binary.LittleEndian.Uint64(cfg.Seed[:])}
	a.traversals = traversals[*adaptiveTraversal]{ready: cfg.Ready, fresh: func() *adaptiveTraversal { return &adaptiveTraversal{schedule: a} }}
	return a
}

// Decided returns how many (target, TTL, flow) were handed out for a first
// attempt, or found not to be needed. It may be called from any goroutine.
func (a *Adaptive) Decided() uint64 { return a.decided.Load() }

// Next implements Schedule.
func (a *Adaptive) Next(items []window.Item, now int64) (n int, next int64) {
	n, next = a.traversals.next(items, now)
	if n < len(items) && next > now {
		a.lastIdle = now
	}
	if a.fresh != 0 {
		a.decided.Add(a.fresh)
		a.fresh = 0
	}
	window.Fetch(items[:n]) // for the stamps
	return n, next
}

// idle is how long, in ns, there is time to spare after there was nothing to send.
const idleFor = int64(20e6)

// Halt implements Schedule.
func (a *Adaptive) Halt() { a.halted = true }

// memory is what is kept of a path between two looks at it.
type progress struct {
	sent     uint64
	deferred uint64 // TTLs that the strategy wants, and that are held back
	note     uint64

	ttl, attempt uint8 // of the probe sent last, 0 if none was
	retryTTL     uint8 // TTL at which a round of further attempts goes on, 0 in none
	abandoned    bool  // what is held back is given up
	waiting      bool  // it had no probe at the last look
}

// MemoryOctets is what a schedule by a Strategy keeps of each (target, flow).
const PathOctets = 32 + 4

// tour is the way through one window.
type adaptiveTraversal struct {
	schedule   *Adaptive
	window     *window.Window
	paths      []progress // by flow, then target
	targets    uint32     // of the part
	queue      queue
	prefetched []uint32 // taken from the queue, to be looked at next
	prefetch   [prefetchLen]uint32
	undone     int   // paths that are not done
	unstamped  bool  // what was sent last is not stamped yet, as far as we know
	lastSent   int64 // no probe of this window was stamped after
	abandonAt  int64 // when held probes are given up that a router will not answer
	path       Path  // as the strategy is asked about it
}

// begin implements walker.
func (t *adaptiveTraversal) begin(w *window.Window, now int64) {
	cfg := &t.schedule.cfg
	n := cfg.Part.Len(w.Len()) * cfg.Shape.Flows
	if cap(t.paths) < n {
		t.paths = make([]progress, n)
	}
	t.paths = t.paths[:n]
	clear(t.paths)
	t.queue.reset(n, now, max(int64(cfg.Wait)/(ticks/2), poll))
	t.window, t.undone, t.lastSent, t.unstamped, t.abandonAt = w, n, now, false, 0
	t.targets, t.prefetched = uint32(cfg.Part.Len(w.Len())), nil
	t.path = newPath(w, &cfg.Set.Faults, int64(cfg.Wait))
}

// next implements walker.
func (t *adaptiveTraversal) next(items []window.Item, now int64) (n int, wake int64) {
	a := t.schedule
	if t.unstamped {
		t.lastSent, t.unstamped = now, false
	}
	if a.halted {
		return t.finish(a, t.undone > 0)
	}
	t.queue.advance(now)
	for budget := scanBudget; t.undone > 0; budget-- {
		if n == len(items) || budget == 0 {
			return n, now
		}
		i, ok := t.pop()
		if !ok {
			return n, max(t.queue.nextWake(), now+poll)
		}
		slot, at := t.visit(i, now, a)
		t.paths[i].waiting = at != now
		switch at {
		case now:
			items[n] = window.Item{Window: t.window, Slot: slot}
			n++
			t.unstamped = true
			t.queue.pushReady(i)
		case Done:
			t.undone--
		default:
			t.queue.wakeAt(i, at)
		}
	}
	if n > 0 {
		return n, now + poll // their stamps come first
	}
	return t.finish(a, false)
}

// lookahead is how many paths are taken from the queue at once.
const prefetchLen = 32

// pop takes the path that has been ready longest.
func (t *adaptiveTraversal) pop() (i uint32, ok bool) {
	if len(t.prefetched) == 0 && !t.prefetchPaths() {
		return 0, false
	}
	i, t.prefetched = t.prefetched[0], t.prefetched[1:]
	return i, true
}

// fetch takes the next paths from the queue, and looks at what those of them await,
// to bring its memory near for all at once.
func (t *adaptiveTraversal) prefetchPaths() (ok bool) {
	n := 0
	for n < prefetchLen {
		i, ok := t.queue.popReady()
		if !ok {
			break
		}
		t.prefetch[n] = i
		n++
	}
	t.prefetched = t.prefetch[:n]
	for _, i := range t.prefetched {
		if m := &t.paths[i]; m.waiting && m.ttl != 0 {
			target, flow := t.slotOf(i)
			t.window.Sent(window.Slot{Target: target, Flow: flow, TTL: m.ttl, Attempt: m.attempt})
		}
	}
	return n > 0
}

// at returns the target and the flow of a path.
func (t *adaptiveTraversal) slotOf(i uint32) (target uint32, flow uint16) {
	for i >= t.targets { // mostly there is one flow: a division would take longer
		i -= t.targets
		flow++
	}
	return t.schedule.cfg.Part.Target(int(i)), flow
}

// visit looks at a path. It returns a probe and now, or when to look again, or
// Done.
func (t *adaptiveTraversal) visit(i uint32, now int64, a *Adaptive) (slot window.Slot, at int64) {
	m, w, p := &t.paths[i], t.window, &t.path
	target, flow := t.slotOf(i)
	p.State, p.Note = w.State(target, flow), m.note
	p.slot, p.latestTTL = window.Slot{Target: target, Flow: flow}, m.ttl
	p.now, p.idle = now, now < a.lastIdle+idleFor
	p.random = a.seed ^ (w.Position + uint64(target)) ^ uint64(flow)<<48
	latest := window.Slot{Target: target, Flow: flow, TTL: m.ttl, Attempt: m.attempt}
	if m.sent&(m.sent-1) == 0 && m.sent != 0 && w.Sent(latest) == window.Excluded {
		return t.done(m, a) // as all others would be
	}
	step := Enough
	if m.deferred != 0 && !m.abandoned {
		if ttl, ok := t.releaseDeferred(m, p, a); ok {
			step = ttl
		}
	}
	p.Sent = m.sent | m.deferred // without what was dropped
	if step == Enough && m.retryTTL == 0 {
		step = a.strategy.Next(p)
		m.note = p.Note
	}
	switch {
	case step == Await:
		return slot, now + p.pause(w.Sent(latest))
	case step != Enough:
		if m.deferred>>step&1 == 0 {
			a.cfg.Politeness.countDue(now)
			if a.cfg.Politeness.admit(p.Target(), uint8(step), now) != admitted {
				m.deferred |= 1 << step
				m.abandoned = false                               // what was given up has another chance beside it
				t.abandonAt = a.cfg.Politeness.deferUntil(now, 2) // paths wait, and go on, before the window does
				return slot, now + poll
			}
		}
		m.deferred &^= 1 << step
		m.sent |= 1 << step
		p.slot.TTL = uint8(step)
		m.ttl, m.attempt = p.slot.TTL, 0
		a.fresh++
		return p.slot, now
	}
	if m.deferred != 0 && !m.abandoned && !t.abandon(m, p, a) {
		return slot, now + lookAgain
	}
	if m.retryTTL == 0 && m.sent != 0 {
		stamp := w.Sent(latest)
		if stamp == 0 {
			return slot, now + poll // not stamped yet
		}
		if stamp < 0 {
			stamp = t.lastSent // those before it may still be answered
		}
		if over := stamp + int64(a.cfg.Wait); a.cfg.Set.Matched() < over {
			return slot, max(over, now+poll)
		}
	}
	if t.retry(m, p) {
		m.ttl, m.attempt = p.slot.TTL, p.slot.Attempt
		return p.slot, now
	}
	if m.retryTTL != 0 { // the round is over, and made an attempt
		m.retryTTL = 0
		return slot, now + poll
	}
	return t.done(m, a)
}

// retry finds the next attempt to be made in a round, and reports whether there
// is one: the lowest that was not made yet at a TTL without an answer.
func (t *adaptiveTraversal) retry(m *progress, p *Path) bool {
	s := t.window.Shape()
	if s.Attempts == 1 {
		return false
	}
	last := s.LastTTL
	if end := p.State.End(); end != 0 {
		last = min(last, end)
	}
	for ttl := max(m.retryTTL, s.FirstTTL); ttl <= last; ttl++ {
		if m.sent>>ttl&1 == 0 {
			continue
		}
		p.slot.TTL = ttl
		for p.slot.Attempt = 1; int(p.slot.Attempt) < s.Attempts; p.slot.Attempt++ {
			before := p.slot
			before.Attempt--
			if t.window.Answered(before) || t.window.Sent(before) == window.Excluded {
				break
			}
			if t.window.Sent(p.slot) == 0 {
				m.retryTTL = ttl + 1
				return true
			}
		}
	}
	return false
}

// done takes a path out.
func (t *adaptiveTraversal) done(m *progress, a *Adaptive) (slot window.Slot, at int64) {
	a.fresh += uint64(t.window.Shape().TTLs() - bits.OnesCount64(m.sent))
	return slot, Done
}

// finish closes the part of the window; what was sent is still waited for.
func (t *adaptiveTraversal) finish(a *Adaptive, halted bool) (n int, wake int64) {
	t.window.Close(t.lastSent+int64(a.cfg.Wait), halted)
	return 0, Done
}
