package schedule

import (
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// target24 returns a target in the /24 with that number.
func target24(i int) probe.Addr { return probe.Addr4From([4]byte{198, 51, byte(i), 1}) }

// answerAt makes the router of each TTL answer probes for the target of w.
func answerAt(w *window.Window, known *window.StopSet, target uint32, ttls ...uint8) {
	for _, ttl := range ttls {
		f := &probe.Facts{Probe: probe.Probe{Target: w.Target(int(target)), TTL: ttl}, Kind: probe.KindTTLExceeded,
			Valid: probe.Strong, Responder: routerAt(ttl)}
		slot := window.Slot{Target: target, TTL: ttl}
		w.Stamp(slot, 1)
		w.Answer(slot, &probe.Reply{Facts: *f})
		w.Learn(target, f, known)
	}
}

// The way back ends behind three known interfaces. At common ones it ends behind two, for as many paths
// as the stop set has a debt for. No path repays twice.
func TestTopologyRepays(t *testing.T) {
	const first, overlap = 10, 3
	for _, tt := range []struct {
		name     string
		prefixes int // that met the interfaces before
		known    bool
		back     []uint8 // TTLs at which the path is known
		want     []bool  // for one path after the other
	}{
		{"two at common interfaces", 3, true, []uint8{10, 9}, []bool{true, true, false, false}},
		{"two at known interfaces", 2, true, []uint8{10, 9}, []bool{false, true, true, false}}, // these make them common
		{"one at a common interface", 3, true, []uint8{10}, []bool{false, false, false, false}},
		{"three", 2, true, []uint8{10, 9, 8}, []bool{true, true, true, true}},
		{"without the stop set", 3, false, []uint8{10, 9}, []bool{false, false, false, false}},
	} {
		w := window.New(window.Shape{Targets: 8, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1})
		known := window.NewStopSet(1 << 10)
		for i := range 8 {
			w.Append(target24(i))
		}
		for i := range tt.prefixes {
			answerAt(w, known, uint32(i), 10, 9, 8) // three debts of seven eighths: two probes
		}
		c := StrategyConfig{GapLimit: 3, Overlap: overlap}
		if tt.known {
			c.Known = known
		}
		topology := NewTopology(c)
		for i, want := range tt.want {
			p := newPath(w, new(window.Faults), 1000)
			p.slot.Target = uint32(tt.prefixes + i)
			answerAt(w, known, p.slot.Target, tt.back...)
			p.State = w.State(p.slot.Target, 0)
			for range 3 {
				if got := topology.isKnown(&p, first); got != want {
					t.Errorf("%s: path %d: known %t, want %t", tt.name, i, got, want)
				}
			}
		}
	}
}
