package schedule

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/masstrace/masstrace/internal/multipath"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// Multipath sends the probes that find all the paths to each target. A multipath.Search decides
// which probes a target needs. The schedule does the rest, as Adaptive does for a Strategy: the
// order of targets, the waiting, the windows. Windows take turns. In a window, each target that is
// ready has one probe, then it waits until all other ready targets had theirs. A target with many
// probes to send has up to four, so that targets with many paths are not the last ones by far.
//
// Several probes of a target are under way at once: all those that its search needs for certain.
// When the search has enough, the schedule waits for late answers, and tells the search all
// answers once more. It may then go on.
type Multipath struct {
	cfg        Config
	search     *multipath.Config
	seed       uint64
	traversals traversals[*multipathTraversal]
	searches   []*multipath.Search // to be used again
	halted     bool

	decided atomic.Uint64
}

// abreast is how many windows take turns. A search needs many rounds, so that a window which begins late
// ends late. Each window has about a second of probes: these last as long as the longest searches, and the
// small windows at the beginning of a scan are among them.
const abreast = 8

// usualSlots is how many probes a target has room for on average: eight flows at each TTL of most
// paths, and those of some balancers.
const usualSlots = 208

// MultipathShape returns the shape of windows of strategy multipath with a configuration: flows are
// allocated where they are needed, and two attempts repeat answered probes. A search that borrows
// nothing, or counts flows at each node, needs more room.
func MultipathShape(s window.Shape, search *multipath.Config) window.Shape {
	slots := usualSlots
	if !search.Borrow {
		slots += usualSlots
	}
	if search.IsFull() {
		slots += usualSlots
	}
	slots = slots * search.Rule().Flows(1) / usualFlows
	s.Flows, s.Attempts, s.OnDemand = probe.BaseFlows, probe.MaxAttempts, min(slots, window.MaxOnDemand)
	return s
}

// usualFlows is how many flows the stopping rule at 95 % takes at a node with one next hop.
const usualFlows = 6

// MultipathOctets is the memory that Multipath keeps for a target on average: its search, its probes
// under way and its link in the queue.
const MultipathOctets = 3 << 10

// NewMultipath returns a schedule of the probes that searches with a configuration choose. One
// goroutine may use it.
func NewMultipath(cfg Config, search *multipath.Config) *Multipath {
	m := &Multipath{cfg: cfg, search: search, seed: binary.LittleEndian.Uint64(cfg.Seed[:])}
	m.traversals = traversals[*multipathTraversal]{
		ready: cfg.Ready, abreast: abreast,
		fresh: func() *multipathTraversal { return &multipathTraversal{schedule: m} },
	}
	return m
}

// Decided implements Schedule. A target counts as a whole, when its search is over.
func (m *Multipath) Decided() uint64 { return m.decided.Load() }

// Next implements Schedule.
func (m *Multipath) Next(items []window.Item, now int64) (n int, next int64) {
	return m.traversals.next(items, now)
}

// Halt implements Schedule.
func (m *Multipath) Halt() {
	m.halted = true
	m.traversals.wakeAll()
}

// take returns a search for a target.
func (m *Multipath) take() *multipath.Search {
	n := len(m.searches)
	if n == 0 {
		return multipath.New(m.search)
	}
	s := m.searches[n-1]
	m.searches = m.searches[:n-1]
	return s
}

// hunt is the search for all paths to one target, with its probes under way.
type hunt struct {
	search   *multipath.Search // nil before the first visit, and after the last one
	pending  []window.Slot     // handed to the sender, and neither answered nor silent
	deferred bool              // the last of pending was not admitted yet by Politeness
	turn     uint8             // probes sent while the other targets wait
	settled  bool              // the search was told all answers after its last probe
	farthest uint8             // the highest TTL of an answer
	late     int64             // until when an answer to a silent probe may come; 0 if none is silent
	longest  int64             // the longest RTT of an answer, ns; 0: none came
	latest   window.Slot       // the probe that was sent last; TTL 0 if none was
}

// multipathTraversal is the traversal of a Multipath.
type multipathTraversal struct {
	schedule *Multipath
	window   *window.Window
	hunts    []hunt // by target of the part
	undone   int
	queue    queue

	unstamped bool  // the sender may not have stamped the latest probes yet
	lastSent  int64 // no probe of this window was stamped later
	longest   int64 // the longest RTT of the targets that are done, ns
	abandonAt int64 // when deferred probes are given up that a router would not answer
	now       int64 // of the visit
	slot      window.Slot
}

// begin implements traversal.
func (t *multipathTraversal) begin(w *window.Window, now int64) {
	cfg := &t.schedule.cfg
	n := cfg.Part.Len(w.Len())
	if cap(t.hunts) < n {
		t.hunts = append(t.hunts[:cap(t.hunts)], make([]hunt, n-cap(t.hunts))...)
	}
	t.hunts = t.hunts[:n]
	t.queue.reset(n, now, max(int64(cfg.Wait)/(ticks/2), poll))
	t.window, t.undone, t.lastSent, t.unstamped, t.abandonAt, t.longest = w, n, now, false, 0, 0
}

// next implements traversal.
func (t *multipathTraversal) next(items []window.Item, now int64) (n int, wake int64) {
	if t.unstamped {
		t.lastSent, t.unstamped = now, false
	}
	if t.schedule.halted {
		return t.close(t.undone > 0)
	}
	t.queue.advance(now)
	t.now = now
	for budget := scanBudget; t.undone > 0; budget-- {
		if n == len(items) || budget == 0 {
			return n, now
		}
		i, ok := t.queue.popReady()
		if !ok {
			return n, max(t.queue.nextWake(), now+poll)
		}
		switch action, at := t.visit(i); action {
		case send:
			items[n] = window.Item{Window: t.window, Slot: t.slot}
			n++
			t.unstamped = true
			if t.hunts[i].goesOn() {
				t.queue.pushFirst(i)
			} else {
				t.queue.pushReady(i)
			}
		case wait:
			t.queue.wakeAt(i, at)
		case finish:
			t.finish(i)
		}
	}
	if n > 0 {
		return n, now + poll // their stamps come first
	}
	return t.close(false)
}

// close closes the part of the window.
func (t *multipathTraversal) close(halted bool) (n int, wake int64) {
	for i := range t.hunts {
		t.longest = max(t.longest, t.hunts[i].longest)
		t.hunts[i].release(t.schedule)
	}
	t.schedule.cfg.closeWindow(t.window, t.lastSent+t.lateness(t.longest), halted)
	return 0, Done
}

// finish ends the search of a target.
func (t *multipathTraversal) finish(i uint32) {
	t.longest = max(t.longest, t.hunts[i].longest)
	t.hunts[i].release(t.schedule)
	t.schedule.decided.Add(uint64(t.window.Shape().TTLs()))
	t.undone--
}

// goesOn reports whether the target, which sent a probe, has another one before the other targets
// have theirs.
func (h *hunt) goesOn() bool {
	h.turn++
	if int(h.turn) < min(mostTurn, 1+h.search.Queued()/perTurn) {
		return true
	}
	h.turn = 0
	return false
}

const (
	// perTurn is how many probes a target needs for each further one that it may send at once.
	perTurn = 8
	// mostTurn is how many probes a target may send at once.
	mostTurn = 4
)

// release gives the search of a target back.
func (h *hunt) release(m *Multipath) {
	if h.search != nil {
		m.searches = append(m.searches, h.search)
	}
	*h = hunt{pending: h.pending[:0]}
}

// visit makes one step of the search of a target. at belongs to wait: it is the time of the next
// visit.
func (t *multipathTraversal) visit(i uint32) (result action, at int64) {
	h, target := &t.hunts[i], t.schedule.cfg.Part.Target(int(i))
	if h.search == nil {
		h.search = t.schedule.take()
		h.search.Begin(t.window.Target(int(target)), t.schedule.seed^(t.window.Position+uint64(target)))
	}
	if t.isExcluded(h) {
		return finish, 0
	}
	oldest := t.collect(h)
	if h.deferred {
		return t.retryDeferred(h)
	}
	for {
		p, step := h.search.Next()
		switch step {
		case multipath.Await:
			return wait, t.now + t.pause(oldest)
		case multipath.Done:
			return t.end(h, target)
		}
		h.settled = false
		t.slot = window.Slot{Target: target, Flow: p.Flow, TTL: p.TTL, Attempt: p.Attempt}
		if !t.window.Reserve(t.slot) {
			h.search.Refuse(p)
			continue
		}
		h.pending = append(h.pending, t.slot)
		return t.admit(h)
	}
}

// isExcluded reports whether the sender refused the latest probe because its target is excluded. It
// would refuse all others too.
func (t *multipathTraversal) isExcluded(h *hunt) bool {
	return h.latest.TTL != 0 && t.window.Sent(h.latest) == window.Excluded
}

// admit sends the last of the pending probes, or defers it.
func (t *multipathTraversal) admit(h *hunt) (result action, at int64) {
	politeness := t.schedule.cfg.Politeness
	if !h.deferred {
		politeness.countDue(t.now)
	}
	if politeness.admit(t.window.Target(int(t.slot.Target)), t.slot.TTL, t.now) == admitted {
		h.deferred, h.latest = false, t.slot
		return send, 0
	}
	if !h.deferred {
		h.deferred = true
		t.abandonAt = politeness.deferUntil(t.now, 2)
	}
	return wait, t.now + revisit
}

// retryDeferred sends a deferred probe if it is admitted now. If its time is over and its router
// would not answer, the search must do without it.
func (t *multipathTraversal) retryDeferred(h *hunt) (result action, at int64) {
	last := len(h.pending) - 1
	t.slot = h.pending[last]
	target := t.window.Target(int(t.slot.Target))
	if t.now >= t.abandonAt && t.schedule.cfg.Politeness.isLimited(target, t.slot.TTL) {
		h.pending, h.deferred = h.pending[:last], false
		h.search.Silence(probeOf(t.slot), true)
		return wait, t.now + poll
	}
	return t.admit(h)
}

// collect tells the search the answers that came, and the silence. It returns when the oldest of
// the probes was sent that are still under way.
func (t *multipathTraversal) collect(h *hunt) (oldest int64) {
	left, matched := h.pending[:0], t.schedule.cfg.Set.Matched()
	oldest = t.now
	for k, slot := range h.pending {
		sent := t.window.Sent(slot)
		switch {
		case h.deferred && k == len(h.pending)-1 || sent == 0:
			left = append(left, slot)
		case sent < 0:
			h.search.Silence(probeOf(slot), false)
		default:
			if e, standing := t.window.Best(slot); h.tell(slot, e, standing) {
				h.longest, h.farthest = max(h.longest, e.Stamp-sent), max(h.farthest, slot.TTL)
				continue
			}
			if over := sent + h.patience(slot.TTL); t.now < over || matched < over {
				left, oldest = append(left, slot), min(oldest, sent)
				continue
			}
			target := t.window.Target(int(slot.Target))
			h.search.Silence(probeOf(slot), t.schedule.cfg.Politeness.isLimited(target, slot.TTL))
			h.late = max(h.late, sent+t.lateness(h.longest))
		}
	}
	h.pending = left
	return oldest
}

// tell tells the search the best reply to a probe, if it is a hop, and reports whether it is.
func (h *hunt) tell(slot window.Slot, e *window.Entry, standing window.Standing) bool {
	if e == nil || standing == window.Withheld {
		return false
	}
	h.search.Answer(probeOf(slot), multipath.AnswerOf(&e.Facts, standing == window.Steers))
	return true
}

// end waits for late answers to silent probes, and tells the search all answers. The target is done
// if the search still has enough.
func (t *multipathTraversal) end(h *hunt, target uint32) (result action, at int64) {
	if h.settled {
		return finish, 0
	}
	if t.schedule.cfg.Set.Matched() < h.late {
		return wait, max(h.late, t.now+poll)
	}
	h.settled = true
	if h.latest.TTL == 0 {
		return finish, 0
	}
	for slot, sent := range t.window.Probes(target) {
		h.tell(slot, sent.Best, sent.Standing)
	}
	return wait, t.now + poll
}

// patience returns how long to await an answer at a TTL before the search goes on without it, in ns. An
// answer that comes later still counts. Routers beyond the farthest that answered may take longer.
func (h *hunt) patience(ttl uint8) int64 {
	least := leastPatience
	switch {
	case h.longest == 0:
		return patience
	case ttl > h.farthest:
		least *= 2
	}
	return min(patience, max(scaled(h.longest, steadyRTTs), least))
}

// pause returns how long not to visit a target that awaits the answer to a probe sent at that time,
// in ns. The delay must be small beside the time that was waited, because each step of a search
// waits for the one before it.
func (t *multipathTraversal) pause(sent int64) int64 {
	return max((t.now-sent)/pauseParts, revisit)
}

// lateness returns how long after a probe its answer may come, in ns, if the longest RTT of other
// answers is longest, or 0.
func (t *multipathTraversal) lateness(longest int64) int64 {
	most := int64(t.schedule.cfg.Wait)
	if longest == 0 {
		return most
	}
	return min(most, max(scaled(longest, lateRTTs), leastLateness))
}

const (
	// pauseParts is the part of the time waited that a pause takes.
	pauseParts = 8
	// steadyRTTs is how many times the longest RTT to the routers of a path an answer rarely
	// exceeds. A search goes on after it. lateRTTs is for the end of a search: no answer counts
	// after it.
	steadyRTTs = 1.5
	lateRTTs   = 3
	// leastLateness covers answers that a busy router delays, in ns.
	leastLateness = int64(600 * time.Millisecond)
)

// probeOf returns the probe of a slot.
func probeOf(s window.Slot) multipath.Probe {
	return multipath.Probe{Flow: s.Flow, TTL: s.TTL, Attempt: s.Attempt}
}
