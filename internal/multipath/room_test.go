package multipath

import (
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
)

// TestSearchRoom ends where the window has room for few probes, and claims no link that is not there. Without
// enough repeats, a balancer may be a per-packet one.
func TestSearchRoom(t *testing.T) {
	const some = 40 // probes: fewer show one flow alone, which a per-packet balancer cannot be told by
	searches, packets, links := effort.Count(3, 100), 0, 0
	for name, shape := range shapes {
		for _, packet := range []bool{false, true} {
			for _, room := range []int{1, 8, some, 60, 90, 150} {
				tr := newTrial(t, testConfig())
				tr.room = room
				for seed := range uint64(searches) {
					n := newNetwork(seed)
					shape(n)
					for i := range n.routers {
						n.routers[i].packet = packet && len(n.routers[i].next) > 1
					}
					tr.run(t, n, 10)
					f, notes := tr.judge(n.truth())
					links += f.links
					if f.falseLinks > 0 && room >= some {
						packets++
						t.Logf("%s, packet %v, room for %d, seed %d: %q", name, packet, room, seed, notes)
					}
				}
			}
		}
	}
	if packets > 0 {
		t.Errorf("%d searches with false links; %d true ones", packets, links)
	}
}
