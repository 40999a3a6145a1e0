package schedule

import (
	"sync/atomic"

	"github.com/masstrace/masstrace/permute"
	"github.com/masstrace/masstrace/window"
)

// Exhaustive sends every (target, TTL, flow) once, in an order in which
// neither a target nor a TTL comes in bursts, then, attempt by attempt, what
// was not answered. Above the distance of a target that has answered it sends
// nothing.
//
// It walks up to window.Live windows, oldest first: while one waits for its
// replies, the next ones are sent.
type Exhaustive struct {
	cfg    Config
	key    permute.Key
	walks  []*walk // oldest first
	idle   []*walk // to be used again
	more   bool    // Ready is still open
	halted bool

	decided atomic.Uint64
}

// Decided returns how many (target, TTL, flow) had their turn for a first
// attempt: they were handed out, or found to lie beyond the end of the path. It
// may be called from any goroutine.
func (e *Exhaustive) Decided() uint64 { return e.decided.Load() }

// NewExhaustive returns the strategy; one goroutine may use it.
func NewExhaustive(cfg Config) *Exhaustive {
	return &Exhaustive{cfg: cfg, key: permute.Key(cfg.Seed).Derive("window"), more: true}
}

// Next fills items with what to send now and returns how many there are. now
// is in ns since the Unix epoch; what earlier calls handed out has been
// stamped, at now or before. If n < len(items), next says when to ask again,
// Done if there will be nothing more.
func (e *Exhaustive) Next(items []window.Item, now int64) (n int, next int64) {
	e.admit()
	next = Done
	for i := 0; i < len(e.walks); {
		w := e.walks[i]
		k, wake := w.next(items[n:], now, e)
		n += k
		if w.finished {
			e.walks = append(e.walks[:i], e.walks[i+1:]...)
			e.idle = append(e.idle, w)
			continue
		}
		if n == len(items) {
			return n, now
		}
		next = min(next, wake)
		i++
	}
	if e.more {
		next = min(next, now+poll)
	}
	return n, next
}

// admit takes over windows that were opened meanwhile.
func (e *Exhaustive) admit() {
	for e.more && len(e.walks) < window.Live {
		select {
		case w, ok := <-e.cfg.Ready:
			if !ok {
				e.more = false
				return
			}
			e.walks = append(e.walks, e.newWalk(w))
		default:
			return
		}
	}
}

func (e *Exhaustive) newWalk(win *window.Window) *walk {
	w := new(walk)
	if n := len(e.idle); n > 0 {
		w, e.idle = e.idle[n-1], e.idle[:n-1]
	}
	s, part := e.cfg.Shape, e.cfg.Part
	n := part.Len(win.Len())
	*w = walk{
		window: win, part: part, targets: uint64(n),
		order: permute.New(e.key.Tweak(uint64(part.Index), win.ID), uint64(n*s.TTLs()*s.Flows)),
	}
	return w
}

// Halt gives up what was not sent yet. Next goes on until the windows that
// were begun have been closed.
func (e *Exhaustive) Halt() { e.halted = true }

// walk is the way through one window, in passes over its order.
type walk struct {
	window  *window.Window
	part    Part
	targets uint64 // of the part
	order   permute.Permutation

	pass     int
	cursor   uint64 // next place of the order in this pass
	sent     bool   // this pass sent something
	unknown  bool   // what it sent last is not stamped yet, as far as we know
	last     int64  // no probe of this window was stamped after
	finished bool
}

// next is Exhaustive.Next for one window.
func (w *walk) next(items []window.Item, now int64, e *Exhaustive) (n int, wake int64) {
	if w.unknown {
		w.last, w.unknown = now, false
	}
	if e.halted && w.pass == 0 {
		return w.finish(e, true)
	}
	for budget := scanBudget; ; {
		if w.cursor == 0 && w.pass > 0 {
			// Between passes: every reply in time must have been matched.
			deadline := w.last + int64(e.cfg.Wait)
			if e.cfg.Set.Matched() < deadline {
				return n, max(deadline, now+poll)
			}
		}
		for w.cursor < w.order.Len() {
			if n == len(items) || budget == 0 {
				return n, now
			}
			budget--
			if slot, ok := w.slot(w.order.At(w.cursor), e.cfg.NoStop); ok {
				if e.halted {
					return w.finish(e, true)
				}
				items[n] = window.Item{Window: w.window, Slot: slot}
				n++
				w.sent, w.unknown = true, true
			}
			w.cursor++
			if w.pass == 0 {
				e.decided.Add(1)
			}
		}
		if w.pass > 0 && !w.sent {
			return w.finish(e, false)
		}
		if !w.sent { // a first pass that had nothing to send
			w.last = now
		}
		w.pass, w.cursor, w.sent = w.pass+1, 0, false
		if n > 0 {
			return n, now + poll // their stamps come first
		}
	}
}

// slot returns the probe that the place q of the window needs in this pass:
// the lowest attempt that was not made yet, if none was answered. A pass makes
// at most one attempt at each place. TTLs that lay above the end of the path
// when their turn came, and no longer do, are made up for in a later pass.
func (w *walk) slot(q uint64, noStop bool) (window.Slot, bool) {
	s := w.window.Shape()
	ttls := uint64(s.TTLs())
	flow := q / (w.targets * ttls)
	q %= w.targets * ttls
	slot := window.Slot{
		Target: w.part.Target(int(q / ttls)),
		Flow:   uint16(flow),
		TTL:    s.FirstTTL + uint8(q%ttls),
	}
	if !noStop {
		if end := w.window.State(slot.Target, slot.Flow).End(); end != 0 && slot.TTL > end {
			return slot, false
		}
	}
	if w.pass == 0 {
		return slot, true
	}
	for range min(w.pass+1, s.Attempts) {
		switch sent := w.window.Sent(slot); {
		case sent == 0:
			return slot, true
		case sent == window.Excluded || w.window.Answered(slot):
			return slot, false
		}
		slot.Attempt++
	}
	return slot, false
}

// finish closes the part of the window; what was sent is still waited for.
func (w *walk) finish(e *Exhaustive, halted bool) (n int, wake int64) {
	w.window.Close(w.last+int64(e.cfg.Wait), halted)
	w.finished = true
	return 0, Done
}
