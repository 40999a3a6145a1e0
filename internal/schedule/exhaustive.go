package schedule

import (
	"slices"
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/window"
)

// Exhaustive sends every (target, TTL, flow) once, in an order without bursts to a target or at
// a TTL. Then it sends further attempts at those that were not answered, pass by pass. Above
// the distance of a target that has answered it sends nothing.
//
// It traverses up to window.Live windows, oldest first: while one waits for its replies, the
// next ones are sent.
type Exhaustive struct {
	cfg        Config
	traversals traversals[*exhaustiveTraversal]
	halted     bool

	decided atomic.Uint64
}

// NewExhaustive returns the schedule; one goroutine may use it.
func NewExhaustive(cfg Config) *Exhaustive {
	e := &Exhaustive{cfg: cfg}
	e.traversals = traversals[*exhaustiveTraversal]{
		ready: cfg.Ready,
		fresh: func() *exhaustiveTraversal { return &exhaustiveTraversal{schedule: e} },
	}
	return e
}

// Decided implements Schedule.
func (e *Exhaustive) Decided() uint64 { return e.decided.Load() }

// Next implements Schedule.
func (e *Exhaustive) Next(items []window.Item, now int64) (n int, next int64) {
	return e.traversals.next(items, now)
}

// Halt implements Schedule.
func (e *Exhaustive) Halt() {
	e.halted = true
	e.traversals.wakeAll()
}

// exhaustiveTraversal is the traversal of an Exhaustive: passes over its part of a window, each
// of which makes all sweeps. After each pass it waits until the replies to the pass are matched.
type exhaustiveTraversal struct {
	schedule *Exhaustive
	window   *window.Window
	shape    window.Shape
	part     Part
	targets  uint64 // of the part
	sweeps   sweeps
	noStop   bool

	// skipped has a bit for each target of the part that lacks a probe above its end.
	skipped    []uint64
	anySkipped bool

	pass      int
	sweep     uint64 // of this pass
	target    uint64 // of this sweep, the next
	sent      bool   // this pass sent a probe, or dropped a deferred one
	unstamped bool   // the sender may not have stamped the latest probes yet
	lastSent  int64  // no probe of this window was stamped later

	deferred     []window.Slot // not admitted yet by Politeness
	nextDeferred int           // index of the next one to try
	abandonAt    int64         // when those are given up that a router would not answer
	abandoned    []uint64      // by number, a bit per first attempt given up; empty at first
}

// begin implements traversal.
func (t *exhaustiveTraversal) begin(w *window.Window, _ int64) {
	cfg := &t.schedule.cfg
	n := cfg.Part.Len(w.Len())
	skipped := slices.Grow(t.skipped[:0], n/64+1)[:n/64+1]
	clear(skipped)
	*t = exhaustiveTraversal{
		schedule: t.schedule,
		window:   w, shape: cfg.Shape, part: cfg.Part, targets: uint64(n), noStop: cfg.NoStop,
		skipped: skipped, deferred: t.deferred[:0], abandoned: t.abandoned[:0],
		sweeps: newSweeps(cfg.Seed, cfg.Shape, cfg.Part.Index, w.ID),
	}
}

// next implements traversal.
func (t *exhaustiveTraversal) next(items []window.Item, now int64) (n int, wake int64) {
	if t.unstamped {
		t.lastSent, t.unstamped = now, false
	}
	if t.schedule.halted && (t.pass == 0 || len(t.deferred) > 0 || t.schedule.cfg.Abandons) {
		return t.close(true)
	}
	n = t.releaseDeferred(items, now)
	for budget := scanBudget; ; {
		if t.isBetweenPasses() {
			if t.pass >= t.shape.Attempts && !t.anySkipped {
				return t.close(false)
			}
			// Every reply in time must have been matched before the next pass.
			if due := t.lastSent + int64(t.schedule.cfg.Wait); t.schedule.cfg.Set.Matched() < due {
				return n, max(due, now+poll)
			}
		}
		k, looked := t.fill(items[n:], budget)
		if t.pass == 0 {
			t.schedule.decided.Add(uint64(looked))
		}
		if k > 0 && t.schedule.halted {
			return t.close(true)
		}
		if k = t.deferSome(items[n:n+k], now); k > 0 {
			t.sent, t.unstamped = true, true
		}
		n, budget = n+k, budget-looked
		switch {
		case !t.isPassOver():
			return n, now
		case len(t.deferred) > 0:
			return n, now + deferredPoll
		case t.pass > 0 && !t.sent:
			return t.close(false)
		}
		t.endPass(now)
		if n > 0 {
			return n, now + poll // their stamps come first
		}
	}
}

// isBetweenPasses reports whether a pass has ended and the next one has not begun.
func (t *exhaustiveTraversal) isBetweenPasses() bool {
	return t.sweep == 0 && t.target == 0 && t.pass > 0
}

// isPassOver reports whether the pass has made all sweeps.
func (t *exhaustiveTraversal) isPassOver() bool { return t.sweep >= t.sweeps.count() || t.targets == 0 }

// endPass goes to the start of the next pass.
func (t *exhaustiveTraversal) endPass(now int64) {
	if !t.sent { // a first pass that had nothing to send
		t.lastSent = now
	}
	t.pass, t.sweep, t.target, t.sent = t.pass+1, 0, 0, false
}

// close closes the part of the window.
func (t *exhaustiveTraversal) close(halted bool) (n int, wake int64) {
	t.schedule.cfg.closeWindow(t.window, t.lastSent+int64(t.schedule.cfg.Wait), halted)
	return 0, Done
}

// fill continues the pass until items are full, or it has looked at budget slots, or the pass is
// over. It returns the number of items filled and of slots looked at.
func (t *exhaustiveTraversal) fill(items []window.Item, budget int) (n, looked int) {
	for !t.isPassOver() {
		flow, diagonal := t.sweeps.at(t.sweep)
		for t.target < t.targets {
			if n == len(items) || looked == budget {
				return n, looked
			}
			looked++
			slot := window.Slot{Target: t.part.Target(int(t.target)), Flow: flow}
			slot.TTL = t.window.TTL(diagonal, slot.Target)
			at := t.target
			t.target++
			if t.pass >= t.shape.Attempts && t.skipped[at/64]>>(at%64)&1 == 0 {
				continue // all attempts were made
			}
			if t.beyond(&slot) {
				t.skip(int(at))
				continue
			}
			if t.wants(&slot) {
				items[n] = window.Item{Window: t.window, Slot: slot}
				n++
			}
		}
		t.sweep, t.target = t.sweep+1, 0
	}
	return n, looked
}

// beyond reports whether a slot lies above the end of its path, as known now. If the end moves
// up, a later pass makes up for the probe.
func (t *exhaustiveTraversal) beyond(slot *window.Slot) bool {
	if t.noStop {
		return false
	}
	end := t.window.State(slot.Target, slot.Flow).End()
	return end != 0 && slot.TTL > end
}

// skip notes that a target, by its number in the part, lacks a probe above its end.
func (t *exhaustiveTraversal) skip(target int) {
	t.skipped[target/64] |= 1 << (target % 64)
	t.anySkipped = true
}

// wants reports whether this pass sends a probe of a slot, and sets the slot's attempt. That is
// the lowest that was not made yet, if none was answered. A pass makes at most one attempt at
// each (target, TTL, flow).
func (t *exhaustiveTraversal) wants(slot *window.Slot) bool {
	// The first pass looks at stamps too, although none is there: that fetches the memory of
	// many slots at once, before Stamp needs it.
	for range min(t.pass+1, t.shape.Attempts) {
		switch sent := t.window.Sent(*slot); {
		case sent == 0:
			return slot.Attempt > 0 || len(t.abandoned) == 0 || !t.isAbandoned(*slot)
		case sent == window.Excluded || t.window.Answered(*slot):
			return false
		}
		slot.Attempt++
	}
	return false
}
