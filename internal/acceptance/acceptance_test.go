package acceptance

import (
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
)

// Every method, family and network, within the time for tests: a normal run tries every third one
// of the cells.
func TestCells(t *testing.T) {
	t.Parallel()
	cells, targets := pairwiseCells(), cellTargets
	if effort.Soaking() {
		cells, targets = allCells(), soakTargets
	}
	for i, c := range cells {
		if i%3 != 0 && !effort.Soaking() {
			continue
		}
		t.Run(c.name(), func(t *testing.T) {
			t.Parallel()
			o := scan(t, &c, max(targets, c.network.targets))
			c.network.holds(t, o)
			judge(t, o)
			r := o.report
			t.Logf("%d probes, %d hops of %d targets, %d false; recall %.4f",
				r.Probes.Sent, r.Hops.Judged, r.Probes.Targets, r.Hops.False(), r.Recall.Share)
		})
	}
}

// A target that answers two of the many probes that reach it still ends the
// trace at its true distance. The codes of IPv4 and IPv6 differ, the rule for both is the same.
func TestOwnLimit(t *testing.T) {
	t.Parallel()
	n := network{
		name: "limits its unreachables",
		lab:  []string{"--preset=clean", "--set=limited-hosts=1", "--set=host-burst=2", "--set=host-rate=0.1"},
		scan: []string{"--strategy=exhaustive", "--no-stop"},
	}
	for _, f := range families {
		if f.name != "v6" && !effort.Soaking() {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			o := scan(t, &cell{"udp", f, n}, cellTargets/2)
			judge(t, o)
			limited := o.report.Probes.Fates["host-limited"]
			if limited < uint64(o.targets) || o.reached != uint64(o.targets) {
				t.Errorf("%d unreachables kept back; %d of %d traces reach their targets", limited, o.reached, o.targets)
			}
			t.Logf("%d targets reached, %d unreachables kept back, %d ends wrong",
				o.reached, limited, o.report.Ends.Traces-o.report.Ends.Right)
		})
	}
}
