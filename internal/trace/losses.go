package trace

import (
	"slices"

	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// explain finds the probable cause of each silent probe of t, and counts the probe under one cause.
// A dropped frame cannot be assigned to a probe. A probe that was awaited at that time may have
// been answered by it, so its silence is no evidence about a router.
func (a *Assembler) explain(t *record.Trace, w *window.Window, target uint32) {
	for _, s := range t.Silent {
		all, at := &a.Account.SilentBy, &a.Account.ByTTL[s.TTL]
		at.Silent++
		sent := w.Sent(window.Slot{Target: target, Flow: t.FlowIndex, TTL: s.TTL, Attempt: s.Attempt})
		switch {
		case a.cfg.Faults != nil && a.cfg.Faults.Silenced(sent, int64(a.cfg.Wait)):
			all.Drops++
			at.SilentBy.Drops++
			if n := len(t.UnderDrops); n == 0 || t.UnderDrops[n-1] != s.TTL {
				t.UnderDrops = append(t.UnderDrops, s.TTL)
			}
		case slices.Contains(t.RateLimited, s.TTL):
			all.RateLimited++
			at.SilentBy.RateLimited++
		default:
			all.Unknown++
			at.SilentBy.Unknown++
		}
	}
}
