package schedule

import (
	"slices"

	"github.com/masstrace/masstrace/internal/window"
)

// Deferred probes of an exhaustiveTraversal. visit.go has those of an adaptiveTraversal.
const (
	deferredPoll  = int64(2e6) // between two tries to release deferred probes, ns
	deferredTries = 256        // deferred probes tried at once
)

// deferSome removes from items the probes that Politeness does not admit, and returns how many
// are left.
func (t *exhaustiveTraversal) deferSome(items []window.Item, now int64) (n int) {
	politeness := t.schedule.cfg.Politeness
	if politeness == nil {
		return len(items)
	}
	for _, item := range items {
		politeness.countDue(now)
		if politeness.admit(t.window.Target(int(item.Target)), item.TTL, now) == admitted {
			items[n] = item
			n++
		} else {
			t.deferred = append(t.deferred, item.Slot)
			t.abandonAt = politeness.deferUntil(now, 1)
		}
	}
	return n
}

// releaseDeferred fills items with deferred probes that are admitted now. It drops those that
// are not needed any more, and after the pass those that a router would not answer.
func (t *exhaustiveTraversal) releaseDeferred(items []window.Item, now int64) (n int) {
	passOver := t.sweep >= t.sweeps.count()
	for tries := min(len(t.deferred), deferredTries); tries > 0 && n < len(items); tries-- {
		if t.nextDeferred++; t.nextDeferred >= len(t.deferred) {
			t.nextDeferred = 0
		}
		switch slot := t.deferred[t.nextDeferred]; {
		case t.beyond(&slot):
			t.skip(t.part.index(slot.Target))
			t.sent = true // one more pass checks whether it still is
		case t.isNeedless(slot):
		default:
			switch t.schedule.cfg.Politeness.admit(t.window.Target(int(slot.Target)), slot.TTL, now) {
			case overRate:
				continue
			case rateLimited:
				if !passOver || now < t.abandonAt {
					continue
				}
				t.abandon(slot)
			default:
				items[n] = window.Item{Window: t.window, Slot: slot}
				n++
				t.sent, t.unstamped = true, true
			}
		}
		last := len(t.deferred) - 1
		t.deferred[t.nextDeferred] = t.deferred[last]
		t.deferred = t.deferred[:last]
	}
	return n
}

// isNeedless reports whether the attempt before a deferred one was answered meanwhile.
func (t *exhaustiveTraversal) isNeedless(slot window.Slot) bool {
	if slot.Attempt == 0 {
		return false
	}
	slot.Attempt--
	return t.window.Answered(slot)
}

// abandon gives up the first attempt of a slot, so that later passes do not make it. Slots that
// had none because they lay beyond the end of their paths may still have theirs.
func (t *exhaustiveTraversal) abandon(slot window.Slot) {
	if slot.Attempt > 0 {
		return
	}
	if len(t.abandoned) == 0 {
		n := int(t.sweeps.count()*t.targets/64) + 1
		t.abandoned = slices.Grow(t.abandoned, n)[:n]
		clear(t.abandoned)
	}
	at := t.number(slot)
	t.abandoned[at/64] |= 1 << (at % 64)
}

// isAbandoned reports whether the first attempt of a slot was given up. It needs t.abandoned.
func (t *exhaustiveTraversal) isAbandoned(slot window.Slot) bool {
	at := t.number(slot)
	return t.abandoned[at/64]>>(at%64)&1 != 0
}

// number returns the number of a (target, TTL, flow) in the part, from 0.
func (t *exhaustiveTraversal) number(slot window.Slot) uint64 {
	ttl := uint64(slot.Flow)*uint64(t.shape.TTLs()) + uint64(slot.TTL-t.shape.FirstTTL)
	return ttl*t.targets + uint64(t.part.index(slot.Target))
}
