package schedule

import (
	"testing"

	"github.com/masstrace/masstrace/window"
)

// Every (target, TTL, flow) has one place, whatever the shape.
func TestOrder(t *testing.T) {
	for _, s := range []window.Shape{
		{FirstTTL: 1, LastTTL: 1, Flows: 1}, {FirstTTL: 3, LastTTL: 4, Flows: 1}, {FirstTTL: 1, LastTTL: 32, Flows: 1},
		{FirstTTL: 5, LastTTL: 63, Flows: 3}, {FirstTTL: 1, LastTTL: 6, Flows: 7}, {FirstTTL: 2, LastTTL: 2, Flows: 64},
	} {
		const targets = 50
		o, seen := newOrder([16]byte{1}, s, 0, 9), map[window.Slot]bool{}
		for round := range o.rounds() {
			for target := range uint64(targets) {
				slot := o.slot(&s, uint32(target), o.kind(round, target))
				if seen[slot] || slot.TTL < s.FirstTTL || slot.TTL > s.LastTTL || int(slot.Flow) >= s.Flows ||
					uint64(slot.Target) != target || slot.Attempt != 0 {
					t.Fatalf("%+v: round %d has %+v", s, round, slot)
				}
				seen[slot] = true
			}
		}
		if len(seen) != targets*s.TTLs()*s.Flows {
			t.Errorf("%+v: %d places", s, len(seen))
		}
	}
}

// Seeds, windows and parts have orders of their own.
func TestOrderSeeds(t *testing.T) {
	s := window.Shape{FirstTTL: 1, LastTTL: 32, Flows: 1}
	base := newOrder([16]byte{1}, s, 0, 0)
	for name, other := range map[string]order{
		"seed": newOrder([16]byte{2}, s, 0, 0), "part": newOrder([16]byte{1}, s, 1, 0), "window": newOrder([16]byte{1}, s, 0, 1),
	} {
		same := 0
		for target := range uint64(3200) {
			if base.kind(0, target) == other.kind(0, target) {
				same++
			}
		}
		if same < 50 || same > 160 { // one in 32 by chance
			t.Errorf("another %s: %d of 3200 targets begin alike", name, same)
		}
	}
}
