package schedule

import (
	"math/bits"
	"slices"

	"github.com/masstrace/masstrace/internal/window"
)

// heldPoll is how soon, in ns, to ask again for probes that are held back, and
// heldTries for how many at once.
const (
	heldPoll  = int64(2e6)
	heldTries = 256
)

// mayLeave takes out of items what is held back, and returns how many are left.
func (w *walk) mayLeave(items []window.Item, now int64, e *Exhaustive) (n int) {
	m := e.cfg.Manners
	if m == nil {
		return len(items)
	}
	for _, item := range items {
		m.plan(now)
		if m.ask(w.window.Target(int(item.Target)), item.TTL, now) == granted {
			items[n] = item
			n++
		} else {
			w.held = append(w.held, item.Slot)
			w.until = m.until(now, 1)
		}
	}
	return n
}

// release hands out what was held back and now may leave.
func (w *walk) release(items []window.Item, now int64, e *Exhaustive) (n int) {
	passOver := w.round >= w.order.rounds()
	for tries := min(len(w.held), heldTries); tries > 0 && n < len(items); tries-- {
		if w.turn++; w.turn >= len(w.held) {
			w.turn = 0
		}
		switch slot := w.held[w.turn]; {
		case w.beyond(&slot):
			w.leave(w.part.index(slot.Target))
			w.sent = true // one more pass sees whether it still is
		case w.isNeedless(slot):
		default:
			switch e.cfg.Manners.ask(w.window.Target(int(slot.Target)), slot.TTL, now) {
			case later:
				continue
			case scarce:
				if !passOver || now < w.until {
					continue
				}
				w.giveUp(slot)
			default:
				items[n] = window.Item{Window: w.window, Slot: slot}
				n++
				w.sent, w.unknown = true, true
			}
		}
		last := len(w.held) - 1
		w.held[w.turn] = w.held[last]
		w.held = w.held[:last]
	}
	return n
}

// isNeedless reports whether the attempt before one that was held back was answered
// meanwhile.
func (w *walk) isNeedless(slot window.Slot) bool {
	if slot.Attempt == 0 {
		return false
	}
	slot.Attempt--
	return w.window.Answered(slot)
}

// place returns the number of a (target, TTL, flow) of the part.
func (w *walk) place(slot window.Slot) uint64 {
	round := uint64(slot.Flow)*uint64(w.shape.TTLs()) + uint64(slot.TTL-w.shape.FirstTTL)
	return round*w.targets + uint64(w.part.index(slot.Target))
}

// giveUp has later passes make no first attempt at a place. Others that had none,
// since they lay beyond the end of their paths, may still have theirs.
func (w *walk) giveUp(slot window.Slot) {
	if slot.Attempt > 0 {
		return
	}
	if len(w.gone) == 0 {
		n := int(w.order.rounds()*w.targets/64) + 1
		w.gone = slices.Grow(w.gone, n)[:n]
		clear(w.gone)
	}
	at := w.place(slot)
	w.gone[at/64] |= 1 << (at % 64)
}

// isGone reports whether the first attempt at a place was given up, as some were.
func (w *walk) isGone(slot window.Slot) bool {
	at := w.place(slot)
	return w.gone[at/64]>>(at%64)&1 != 0
}

// release returns a TTL of a path that was held back and now may be sent.
func (t *tour) release(m *memory, p *Path, a *Adaptive) (step Step, ok bool) {
	end := p.State.End()
	for held := m.held; held != 0; held &= held - 1 {
		ttl := uint8(bits.TrailingZeros64(held))
		if end != 0 && ttl > end {
			m.held &^= 1 << ttl // not needed any more
		} else if a.cfg.Manners.ask(p.Target(), ttl, p.now) == granted {
			return Step(ttl), true
		}
	}
	return Enough, false
}

// giveUp gives up what is held back of a path, if its time is over and a router
// would not answer it anyway.
func (t *tour) giveUp(m *memory, p *Path, a *Adaptive) bool {
	if p.now < t.until {
		return false
	}
	for held := m.held; held != 0; held &= held - 1 {
		if !a.cfg.Manners.isScarce(p.Target(), uint8(bits.TrailingZeros64(held))) {
			return false
		}
	}
	m.gone = true
	return true
}
