package verdict

import (
	"fmt"
	"testing"

	"github.com/masstrace/masstrace/internal/record"
)

// lossy is paths to other prefixes through one router, each with a last router of its own, of which
// every n-th has a silent probe at each TTL.
func lossy(paths, n int) (all []path) {
	for i := range paths {
		own := fmt.Sprintf("10.1.%d.%d", i/200, i%200)
		p := toHost(fmt.Sprintf("198.18.%d.9", i), own)
		if i%n == 0 {
			p.hops = p.hops[2:]
			p.silent = []uint8{1, 2}
		}
		all = append(all, p)
	}
	return all
}

// ours is the paths, with all silence under our own losses.
func ours(paths []path) []path {
	for i := range paths {
		paths[i].change = func(t *record.Trace) {
			for _, s := range t.Silent {
				t.UnderDrops = append(t.UnderDrops, s.TTL)
			}
		}
	}
	return paths
}

// One silent probe behind a router that leads to the last ones is no evidence where replies are lost, and
// neither is the silence of all routers.
func TestLosses(t *testing.T) {
	end := until("192.0.2.9", "10.0.0.1", "10.0.0.2")
	for _, tt := range []struct {
		name   string
		before []path
		path   path
		want   record.Verdict
	}{
		{"no loss", lossy(200, 1000), end, record.VerdictNoPath},
		{"loss of 1 %", lossy(200, 100), end, record.VerdictNoPath},
		{"few silent by chance", lossy(200, 50), end, record.VerdictUndecided},
		{"our own losses", ours(lossy(200, 10)), end, record.VerdictNoPath},
		{"loss of 10 %", lossy(200, 10), end, record.VerdictUndecided},
		{"two silent probes", lossy(200, 10), end.again(), record.VerdictNoPath},
		{"too few traces", lossy(50, 1000), end, record.VerdictUndecided},
		{"a router further away", lossy(200, 10), until("192.0.2.9", "10.0.0.1"), record.VerdictUndecided},
		{"a router further away, too few traces", lossy(50, 1000), until("192.0.2.9", "10.0.0.1"), record.VerdictNoPath},
		{"no router, no other trace", nil, until("192.0.2.9"), record.VerdictNoPath},
		{"no router, no loss", lossy(200, 1000), until("192.0.2.9"), record.VerdictNoPath},
		{"no router, loss of 10 %", lossy(200, 10), until("192.0.2.9"), record.VerdictUndecided},
		{"no router, too few traces", lossy(50, 1000), until("192.0.2.9"), record.VerdictUndecided},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var j Judge
			for _, p := range tt.before {
				j.Trace(p.trace())
			}
			got := tt.path.trace()
			j.Trace(got)
			if got.Judged.Verdict != tt.want {
				t.Errorf("%s %s, want %s", got.Judged.Verdict, got.Judged.Basis, tt.want)
			}
		})
	}
}
