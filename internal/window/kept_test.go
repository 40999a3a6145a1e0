package window

import (
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

// A full window has room for repeats when it refuses new flows.
func TestOnDemandKeepsRoom(t *testing.T) {
	shape := Shape{Targets: 100, FirstTTL: 1, LastTTL: 30, Flows: probe.BaseFlows, Attempts: 4, OnDemand: 80}
	w := New(shape)
	flows, repeats := 0, 0
	for target := range uint32(100) {
		w.Append(hopOf(int(target), false))
		for ttl := uint8(1); ttl <= 30; ttl++ {
			if w.Reserve(Slot{Target: target, TTL: ttl}) {
				flows++
			}
		}
	}
	for target := range uint32(100) {
		for ttl := uint8(1); ttl <= 30; ttl++ {
			if w.Reserve(Slot{Target: target, TTL: ttl, Attempt: firstRepeat}) {
				repeats++
			}
		}
	}
	all := shape.slots() / unit
	if repeats != all/keptParts || flows != all-repeats {
		t.Errorf("room for %d (target, TTL), and repeats at %d, of %d", flows, repeats, all)
	}
}
