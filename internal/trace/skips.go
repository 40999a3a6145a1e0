package trace

import (
	"math/bits"
	"slices"

	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// skipped counts the TTLs of the closed trace t that were not probed, by cause. end is the TTL at
// which its target answered, 0 if it did not.
func (a *Assembler) skipped(t *record.Trace, end uint8) {
	for unsent := a.unsent; unsent != 0; unsent &= unsent - 1 {
		ttl := uint8(bits.TrailingZeros64(unsent))
		switch {
		case t.Met.TTL != 0 && ttl < t.Met.TTL:
			a.sum.Skipped.Known++
		case end != 0 && ttl >= end:
			a.sum.Skipped.Reached++
		case ttl <= t.End:
			a.sum.Skipped.Limited++
		case t.StopReason == record.StopGSS:
			a.sum.Skipped.Known++
		case t.StopReason == record.StopUnreach:
			a.sum.Skipped.Unreachable++
		case t.StopReason == record.StopLoop:
			a.sum.Skipped.Loop++
		default:
			a.sum.Skipped.GapLimit++
		}
	}
}

// back finds the TTL at which a backward trace began, the known interface at which it ended, and
// whether another vantage point goes on.
// There is no such interface if a TTL below it was probed all the same. That happens if some of the
// way back was given up before it was complete.
func (a *Assembler) back(t *record.Trace, w *window.Window, slot window.Slot) {
	slot.Attempt = 0
	for slot.TTL = t.FirstTTL; slot.TTL <= t.MaxTTL; slot.TTL++ {
		if w.Sent(slot) == t.Start {
			t.FirstHop = slot.TTL
		}
	}
	t.Joined = w.State(slot.Target, slot.Flow).Joined() != 0
	met := w.State(slot.Target, slot.Flow).Met()
	i := slices.IndexFunc(t.Hops, func(h record.Hop) bool { return h.TTL == met })
	if below := uint64(1)<<met - 1<<t.FirstTTL; i >= 0 && below != 0 && a.unsent&below == below {
		t.Met = record.Interface{TTL: met, Addr: t.Hops[i].Responder}
	}
}
