package schedule

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/window"
)

// Adaptive sends the probes that a Strategy chooses, path by path. Each path that is ready has
// one probe, then it waits until all other ready paths had theirs. So neither a target nor a
// router sees a burst if the window holds many targets. When a path has its next turn, the answer
// to its probe has mostly arrived.
//
// When the strategy has enough of a path, the schedule waits for the answers to its probes and
// asks again. If the strategy still has enough, each unanswered probe has its next attempt, and
// so on (see adaptiveTraversal.visit).
//
// It traverses up to window.Live windows, oldest first, as Exhaustive does.
type Adaptive struct {
	cfg        Config
	strategy   Strategy
	seed       uint64
	traversals traversals[*adaptiveTraversal]
	halted     bool
	lastIdle   int64 // when there was last nothing to send

	newlyDecided uint64 // since decided was last updated
	decided      atomic.Uint64
}

// idleSpan is for how long after a call without probes the schedule counts as idle, in ns.
const idleSpan = int64(20e6)

// NewAdaptive returns a schedule of the probes that s chooses. One goroutine may use it.
func NewAdaptive(cfg Config, s Strategy) *Adaptive {
	a := &Adaptive{cfg: cfg, strategy: s, seed: binary.LittleEndian.Uint64(cfg.Seed[:])}
	a.traversals = traversals[*adaptiveTraversal]{
		ready: cfg.Ready,
		fresh: func() *adaptiveTraversal { return &adaptiveTraversal{schedule: a} },
	}
	return a
}

// Decided implements Schedule.
func (a *Adaptive) Decided() uint64 { return a.decided.Load() }

// Next implements Schedule.
func (a *Adaptive) Next(items []window.Item, now int64) (n int, next int64) {
	n, next = a.traversals.next(items, now)
	if n < len(items) && next > now {
		a.lastIdle = now
	}
	if a.newlyDecided != 0 {
		a.decided.Add(a.newlyDecided)
		a.newlyDecided = 0
	}
	window.Fetch(items[:n]) // for the stamps
	return n, next
}

// Halt implements Schedule.
func (a *Adaptive) Halt() {
	a.halted = true
	a.traversals.wakeAll()
}

// adaptiveTraversal is the traversal of an Adaptive. It takes paths from the queue, and visits
// each of them.
type adaptiveTraversal struct {
	schedule *Adaptive
	window   *window.Window
	targets  uint32     // of the part
	paths    []progress // by flow, then by target
	undone   int        // paths that are not done
	queue    queue

	prefetched []uint32 // taken from the queue, to be visited next
	prefetch   [prefetchLen]uint32

	unstamped bool  // the sender may not have stamped the latest probes yet
	lastSent  int64 // no probe of this window was stamped later
	abandonAt int64 // when deferred probes are given up that a router would not answer
	path      Path  // the path under visit, as the strategy sees it
}

// begin implements traversal.
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

// next implements traversal.
func (t *adaptiveTraversal) next(items []window.Item, now int64) (n int, wake int64) {
	if t.unstamped {
		t.lastSent, t.unstamped = now, false
	}
	if t.schedule.halted {
		return t.close(t.undone > 0)
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
		action, at := t.visit(i, now)
		t.paths[i].waiting = action == wait
		switch action {
		case send:
			items[n] = window.Item{Window: t.window, Slot: t.path.slot}
			n++
			t.unstamped = true
			t.queue.pushReady(i)
		case wait:
			t.queue.wakeAt(i, at)
		case finish:
			t.undone--
		}
	}
	if n > 0 {
		return n, now + poll // their stamps come first
	}
	return t.close(false)
}

// close closes the part of the window.
func (t *adaptiveTraversal) close(halted bool) (n int, wake int64) {
	t.schedule.cfg.closeWindow(t.window, t.lastSent+int64(t.schedule.cfg.Wait), halted)
	return 0, Done
}

// prefetchLen is how many paths are taken from the queue at once.
const prefetchLen = 32

// pop takes the path that has been ready longest.
func (t *adaptiveTraversal) pop() (i uint32, ok bool) {
	if len(t.prefetched) == 0 && !t.prefetchPaths() {
		return 0, false
	}
	i, t.prefetched = t.prefetched[0], t.prefetched[1:]
	return i, true
}

// prefetchPaths takes the next paths from the queue. It reads the stamps that waiting paths
// will need, so that the processor fetches all of them from memory at once.
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
		if p := &t.paths[i]; p.waiting && p.ttl != 0 {
			t.window.Sent(p.latest(t.slotOf(i)))
		}
	}
	return n > 0
}

// slotOf returns a slot with the target and the flow of a path.
func (t *adaptiveTraversal) slotOf(i uint32) (slot window.Slot) {
	for i >= t.targets { // mostly there is one flow: a division would take longer
		i -= t.targets
		slot.Flow++
	}
	slot.Target = t.schedule.cfg.Part.Target(int(i))
	return slot
}
