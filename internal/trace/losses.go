package trace

import (
	"slices"

	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// explain finds the probable cause of each silent probe of t, and counts the probe under one cause.
func (a *Assembler) explain(t *record.Trace, w *window.Window, target uint32) {
	for _, s := range t.Silent {
		a.sum.ByTTL[s.TTL].Silent++
		sent := w.Sent(window.Slot{Target: target, Flow: t.FlowIndex, TTL: s.TTL, Attempt: s.Attempt})
		if drops := a.blame(sent, s.TTL, slices.Contains(t.RateLimited, s.TTL)); !drops {
			continue
		}
		if n := len(t.UnderDrops); n == 0 || t.UnderDrops[n-1] != s.TTL {
			t.UnderDrops = append(t.UnderDrops, s.TTL)
		}
	}
}

// blame counts a silent probe under its probable cause. It reports whether that is dropped frames.
// A dropped frame cannot be assigned to a probe. A probe that was awaited at that time may have
// been answered by it, so its silence is no evidence about a router.
func (a *Assembler) blame(sent int64, ttl uint8, limited bool) (drops bool) {
	all, at := &a.sum.SilentBy, &a.sum.ByTTL[ttl].SilentBy
	switch {
	case a.cfg.Faults != nil && a.cfg.Faults.Silenced(sent, int64(a.cfg.Wait)):
		all.Drops++
		at.Drops++
		return true
	case limited:
		all.RateLimited++
		at.RateLimited++
	default:
		all.Unknown++
		at.Unknown++
	}
	return false
}

// isLost returns a function that reports whether this machine may have dropped the reply to a probe, nil if
// it dropped nothing.
func (a *Assembler) isLost() func(sent int64) bool {
	if a.cfg.Faults == nil || a.cfg.Faults.Drops.IsEmpty() {
		return nil
	}
	return func(sent int64) bool { return a.cfg.Faults.Silenced(sent, int64(a.cfg.Wait)) }
}
