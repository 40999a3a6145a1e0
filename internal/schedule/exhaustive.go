package schedule

import (
	"slices"
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/window"
)

// Exhaustive sends every (target, TTL, flow) once, in an order in which
// neither a target nor a TTL comes in bursts, then, attempt by attempt, what
// was not answered. Above the distance of a target that has answered it sends
// nothing.
//
// It walks up to window.Live windows, oldest first: while one waits for its
// replies, the next ones are sent.
type Exhaustive struct {
	cfg        Config
	traversals traversals[*exhaustiveTraversal]
	halted     bool

	decided atomic.Uint64
}

// Decided returns how many (target, TTL, flow) had their turn for a first
// attempt: they were handed out, or found to lie beyond the end of the path. It
// may be called from any goroutine.
func (e *Exhaustive) Decided() uint64 { return e.decided.Load() }

// NewExhaustive returns the strategy; one goroutine may use it.
func NewExhaustive(cfg Config) *Exhaustive {
	e := &Exhaustive{cfg: cfg}
	e.traversals = traversals[*exhaustiveTraversal]{ready: cfg.Ready, fresh: func() *exhaustiveTraversal { return &exhaustiveTraversal{schedule: e} }}
	return e
}

// Next implements Schedule.
func (e *Exhaustive) Next(items []window.Item, now int64) (n int, next int64) {
	return e.traversals.next(items, now)
}

// Halt implements Schedule.
func (e *Exhaustive) Halt() { e.halted = true }

// walk is the way through one part of a window, in passes over its order.
type exhaustiveTraversal struct {
	schedule *Exhaustive
	window   *window.Window
	shape    window.Shape
	part     Part
	targets  uint64 // of the part
	sweeps   sweeps
	noStop   bool
	skipped  []uint64 // a bit for each target of the part that lacks a probe above its end

	pass       int
	sweep      uint64 // of the order, in this pass
	target     uint64 // next of the round
	sent       bool   // this pass sent something, or dropped what was held back
	anySkipped bool   // some target is left
	unstamped  bool   // what it sent last is not stamped yet, as far as we know
	lastSent   int64  // no probe of this window was stamped after

	deferred     []window.Slot // whose probes are held back
	nextDeferred int           // of them, the next to ask for
	abandonAt    int64         // when held ones are given up that a router will not answer
	abandoned    []uint64      // a bit for each place whose first attempt was; empty while there is none
}

// begin implements walker.
func (w *exhaustiveTraversal) begin(win *window.Window, _ int64) {
	cfg := &w.schedule.cfg
	n := cfg.Part.Len(win.Len())
	left := slices.Grow(w.skipped[:0], n/64+1)[:n/64+1]
	clear(left)
	*w = exhaustiveTraversal{
		schedule: w.schedule,
		window:   win, shape: cfg.Shape, part: cfg.Part, targets: uint64(n), noStop: cfg.NoStop,
		skipped: left, deferred: w.deferred[:0], abandoned: w.abandoned[:0],
		sweeps: newSweeps(cfg.Seed, cfg.Shape, cfg.Part.Index, win.ID),
	}
}

// next implements walker.
func (w *exhaustiveTraversal) next(items []window.Item, now int64) (n int, wake int64) {
	e := w.schedule
	if w.unstamped {
		w.lastSent, w.unstamped = now, false
	}
	if e.halted && (w.pass == 0 || len(w.deferred) > 0) {
		return w.finish(e, true)
	}
	n = w.releaseDeferred(items, now, e)
	for budget := scanBudget; ; {
		if w.sweep == 0 && w.target == 0 && w.pass > 0 {
			if w.pass >= w.shape.Attempts && !w.anySkipped {
				return w.finish(e, false)
			}
			// Between passes: every reply in time must have been matched.
			deadline := w.lastSent + int64(e.cfg.Wait)
			if e.cfg.Set.Matched() < deadline {
				return n, max(deadline, now+poll)
			}
		}
		k, looked := w.fill(items[n:], budget)
		if w.pass == 0 {
			e.decided.Add(uint64(looked))
		}
		if k > 0 && e.halted {
			return w.finish(e, true)
		}
		if k = w.deferSome(items[n:n+k], now, e); k > 0 {
			w.sent, w.unstamped = true, true
		}
		n, budget = n+k, budget-looked
		if w.sweep < w.sweeps.count() && w.targets > 0 {
			return n, now
		}
		if len(w.deferred) > 0 {
			return n, now + deferredPoll
		}
		if w.pass > 0 && !w.sent {
			return w.finish(e, false)
		}
		if !w.sent { // a first pass that had nothing to send
			w.lastSent = now
		}
		w.pass, w.sweep, w.target, w.sent = w.pass+1, 0, 0, false
		if n > 0 {
			return n, now + poll // their stamps come first
		}
	}
}

// fill goes on with the pass until items are full, it has looked at budget places,
// or the pass is over. It returns how many items it filled and how many places it
// looked at.
func (w *exhaustiveTraversal) fill(items []window.Item, budget int) (n, looked int) {
	for w.sweep < w.sweeps.count() && w.targets > 0 {
		flow, lane := w.sweeps.at(w.sweep)
		for w.target < w.targets {
			if n == len(items) || looked == budget {
				return n, looked
			}
			looked++
			slot := window.Slot{Target: w.part.Target(int(w.target)), Flow: flow}
			slot.TTL = w.window.TTL(lane, slot.Target)
			at := w.target
			w.target++
			if w.pass >= w.shape.Attempts && w.skipped[at/64]>>(at%64)&1 == 0 {
				continue // all attempts were made
			}
			if w.beyond(&slot) {
				w.skip(int(at))
				continue
			}
			if w.wants(&slot) {
				items[n] = window.Item{Window: w.window, Slot: slot}
				n++
			}
		}
		w.sweep, w.target = w.sweep+1, 0
	}
	return n, looked
}

// beyond reports whether a place lies above the end of the path, as far as that is
// known. If it no longer does later, a later pass makes up for it.
func (w *exhaustiveTraversal) beyond(slot *window.Slot) bool {
	if w.noStop {
		return false
	}
	end := w.window.State(slot.Target, slot.Flow).End()
	return end != 0 && slot.TTL > end
}

// leave notes that a target, by its number in the part, lacks a probe above its end.
func (w *exhaustiveTraversal) skip(at int) {
	w.skipped[at/64] |= 1 << (at % 64)
	w.anySkipped = true
}

// wants reports whether a place needs a probe in this pass, and sets the slot's
// attempt: the lowest that was not made yet, if none was answered. A pass makes at
// most one attempt at each place.
func (w *exhaustiveTraversal) wants(slot *window.Slot) bool {
	// Looked at in the first pass too, when none is sent: that brings its memory
	// near, for many slots at once, before Stamp needs it.
	for range min(w.pass+1, w.shape.Attempts) {
		switch sent := w.window.Sent(*slot); {
		case sent == 0:
			return slot.Attempt > 0 || len(w.abandoned) == 0 || !w.isAbandoned(*slot)
		case sent == window.Excluded || w.window.Answered(*slot):
			return false
		}
		slot.Attempt++
	}
	return false
}

// finish closes the part of the window; what was sent is still waited for.
func (w *exhaustiveTraversal) finish(e *Exhaustive, halted bool) (n int, wake int64) {
	w.window.Close(w.lastSent+int64(e.cfg.Wait), halted)
	return 0, Done
}
