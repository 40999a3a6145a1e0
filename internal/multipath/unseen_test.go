package multipath

import (
	"slices"
	"testing"

	"github.com/masstrace/masstrace/internal/record"
)

// TestDescribeTurnsUnseen finds a per-packet balancer by a flow that turns after it, and that was lost at
// the balancer. All flows meet one node there. If several flows are silent there, another branch may be
// the reason, and the router in front of them is the balancer.
func TestDescribeTurnsUnseen(t *testing.T) {
	for _, tt := range []struct {
		name   string
		silent []int // flows, at the balancer
		ttl    uint8 // of the balancer found
		kind   record.BalancerKind
	}{
		{"a flow is lost", []int{1}, 2, record.PerPacket},
		{"half of the flows are silent", []int{1, 2, 3, 4, 5, 6}, 1, record.PerPacket},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var paths []path
			for f := range 12 {
				p := path{1, 2, byte(3 + f%2), 5, theTarget}
				if slices.Contains(tt.silent, f) {
					p[1] = 0
				}
				paths = append(paths, p)
			}
			seen := observations(paths)
			for f := range uint16(12) {
				answer := func(attempt uint8, last byte) {
					seen = append(seen, Observation{Probe: Probe{f, 3, attempt}, Sent: int64(attempt)*1e6 + int64(f), Answered: true, Answer: Answer{From: ip(last), Steers: true}})
				}
				switch {
				case f == 1:
					answer(second, 3)
					answer(third, 4)
				default:
					answer(second, paths[f][2])
				}
			}
			tr := newTrial(t, testConfig())
			tr.out.Target = ip(theTarget)
			tr.d.Describe(&tr.out, tr.cfg, seen, false)
			if b := tr.out.Balancers; len(b) != 1 || b[0].TTL != tt.ttl || b[0].Kind != tt.kind {
				t.Errorf("balancers %+v, want one of kind %v at TTL %d", b, tt.kind, tt.ttl)
			}
		})
	}
}
