package schedule

import (
	"slices"

	"github.com/masstrace/masstrace/internal/window"
)

// heldPoll is how soon, in ns, to ask again for probes that are held back, and
// heldTries for how many at once.
const (
	deferredPoll  = int64(2e6)
	deferredTries = 256
)

// mayLeave takes out of items what is held back, and returns how many are left.
func (w *exhaustiveTraversal) deferSome(items []window.Item, now int64, e *Exhaustive) (n int) {
	m := e.cfg.Politeness
	if m == nil {
		return len(items)
	}
	for _, item := range items {
		m.countDue(now)
		if m.admit(w.window.Target(int(item.Target)), item.TTL, now) == admitted {
			items[n] = item
			n++
		} else {
			w.deferred = append(w.deferred, item.Slot)
			w.abandonAt = m.deferUntil(now, 1)
		}
	}
	return n
}

// release hands out what was held back and now may leave.
func (w *exhaustiveTraversal) releaseDeferred(items []window.Item, now int64, e *Exhaustive) (n int) {
	passOver := w.sweep >= w.sweeps.count()
	for tries := min(len(w.deferred), deferredTries); tries > 0 && n < len(items); tries-- {
		if w.nextDeferred++; w.nextDeferred >= len(w.deferred) {
			w.nextDeferred = 0
		}
		switch slot := w.deferred[w.nextDeferred]; {
		case w.beyond(&slot):
			w.skip(w.part.index(slot.Target))
			w.sent = true // one more pass sees whether it still is
		case w.isNeedless(slot):
		default:
			switch e.cfg.Politeness.admit(w.window.Target(int(slot.Target)), slot.TTL, now) {
			case overRate:
				continue
			case rateLimited:
				if !passOver || now < w.abandonAt {
					continue
				}
				w.abandon(slot)
			default:
				items[n] = window.Item{Window: w.window, Slot: slot}
				n++
				w.sent, w.unstamped = true, true
			}
		}
		last := len(w.deferred) - 1
		w.deferred[w.nextDeferred] = w.deferred[last]
		w.deferred = w.deferred[:last]
	}
	return n
}

// isNeedless reports whether the attempt before one that was held back was answered
// meanwhile.
func (w *exhaustiveTraversal) isNeedless(slot window.Slot) bool {
	if slot.Attempt == 0 {
		return false
	}
	slot.Attempt--
	return w.window.Answered(slot)
}

// place returns the number of a (target, TTL, flow) of the part.
func (w *exhaustiveTraversal) number(slot window.Slot) uint64 {
	round := uint64(slot.Flow)*uint64(w.shape.TTLs()) + uint64(slot.TTL-w.shape.FirstTTL)
	return round*w.targets + uint64(w.part.index(slot.Target))
}

// giveUp has later passes make no first attempt at a place. Others that had none,
// since they lay beyond the end of their paths, may still have theirs.
func (w *exhaustiveTraversal) abandon(slot window.Slot) {
	if slot.Attempt > 0 {
		return
	}
	if len(w.abandoned) == 0 {
		n := int(w.sweeps.count()*w.targets/64) + 1
		w.abandoned = slices.Grow(w.abandoned, n)[:n]
		clear(w.abandoned)
	}
	at := w.number(slot)
	w.abandoned[at/64] |= 1 << (at % 64)
}

// isGone reports whether the first attempt at a place was given up, as some were.
func (w *exhaustiveTraversal) isAbandoned(slot window.Slot) bool {
	at := w.number(slot)
	return w.abandoned[at/64]>>(at%64)&1 != 0
}
