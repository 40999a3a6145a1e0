package schedule

import (
	"testing"

	"github.com/masstrace/masstrace/internal/window"
)

// With any shape, every (target, TTL, flow) has one slot, and each target has one slot in a
// sweep.
func TestSweeps(t *testing.T) {
	for _, s := range []window.Shape{
		{FirstTTL: 1, LastTTL: 1, Flows: 1}, {FirstTTL: 3, LastTTL: 4, Flows: 1}, {FirstTTL: 1, LastTTL: 32, Flows: 1},
		{FirstTTL: 5, LastTTL: 63, Flows: 3}, {FirstTTL: 1, LastTTL: 6, Flows: 7}, {FirstTTL: 2, LastTTL: 2, Flows: 64},
	} {
		s.Targets, s.Attempts = 50, 1
		w, o, seen := window.New(s), newSweeps([16]byte{1}, s, 0, 9), map[window.Slot]bool{}
		for sweep := range o.count() {
			flow, diagonal := o.at(sweep)
			for target := range uint32(s.Targets) {
				slot := window.Slot{Target: target, Flow: flow, TTL: w.TTL(diagonal, target)}
				if seen[slot] || slot.TTL < s.FirstTTL || slot.TTL > s.LastTTL || int(slot.Flow) >= s.Flows {
					t.Fatalf("%+v: sweep %d has %+v", s, sweep, slot)
				}
				seen[slot] = true
			}
		}
		if len(seen) != s.Targets*s.TTLs()*s.Flows {
			t.Errorf("%+v: %d slots", s, len(seen))
		}
	}
}
