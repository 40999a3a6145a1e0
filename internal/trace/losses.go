package trace

import (
	"slices"

	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// Losses counts the probes of one TTL, all attempts: Sent = Answered + Silent().
type Losses struct {
	Sent, Answered uint64
	Failed         uint64 // never accepted by the kernel; not among Sent
	// Of the silent, each in the first that fits:
	UnderDrops  uint64 // the kernel dropped received frames while they were awaited
	RateLimited uint64 // their responder limits the rate of its answers
}

// Silent returns how many had no reply in time.
func (l *Losses) Silent() uint64 { return l.Sent - l.Answered }

// explain finds what may be the reason for the silences of t, and counts them. A
// dropped frame cannot be put to a probe: whatever was awaited then may have been
// answered by it, and says nothing of its router.
func (a *Assembler) explain(t *record.Trace, w *window.Window, target uint32) {
	for _, s := range t.Silent {
		losses := &a.ByTTL[s.TTL]
		sent := w.Sent(window.Slot{Target: target, Flow: t.FlowIndex, TTL: s.TTL, Attempt: s.Attempt})
		switch {
		case a.cfg.Faults != nil && a.cfg.Faults.Silenced(sent, int64(a.cfg.Wait)):
			losses.UnderDrops++
			if n := len(t.UnderDrops); n == 0 || t.UnderDrops[n-1] != s.TTL {
				t.UnderDrops = append(t.UnderDrops, s.TTL)
			}
		case slices.Contains(t.RateLimited, s.TTL):
			losses.RateLimited++
		}
	}
}
