package acceptance

import (
	"slices"
	"testing"
)

// Strategies that leave probes out say nothing false either, end traces where the
// answers say, and account for what they left out.
func TestStrategies(t *testing.T) {
	t.Parallel()
	strategies := []string{"complete", "topology"}
	at := 0
	for _, n := range networks() {
		if !slices.Contains([]string{"clean", "loss", "delayed", "loops"}, n.name) {
			continue
		}
		for _, s := range strategies {
			c := cell{methods[at%len(methods)], families[at/2%len(families)], n}
			c.network.scan = append(slices.Clip(n.scan), "--strategy="+s)
			at++
			t.Run(s+" "+c.name(), func(t *testing.T) {
				t.Parallel()
				o := scan(t, &c, testTargets)
				n.holds(t, o)
				judge(t, o)
				t.Logf("%d probes, %d hops of %d targets", o.summary.Sent, o.report.Hops.Judged, o.targets)
			})
		}
	}
}

// Complete traces have the hops of exhaustive ones, with fewer probes, and end for
// the same reasons.
func TestComplete(t *testing.T) {
	t.Parallel()
	for _, preset := range []string{"clean", "loops"} {
		t.Run(preset, func(t *testing.T) {
			t.Parallel()
			run := func(strategy string) *outcome {
				return scan(t, &cell{"udp", families[0], network{
					name: preset, lab: []string{"--preset=" + preset}, scan: []string{"--strategy=" + strategy},
				}}, testTargets)
			}
			all, some := run("exhaustive"), run("complete")
			judge(t, some)
			have, want := some.report.Hops.Judged, all.report.Hops.Judged
			if preset == "loops" {
				want = 0 // exhaustive traces go round and round; what lies before is in the recall
			}
			if float64(have) < 0.995*float64(want) {
				t.Errorf("%d hops, %d with all probes", have, want)
			}
			if some.reached != all.reached {
				t.Errorf("%d traces reach their targets, %d with all probes", some.reached, all.reached)
			}
			if sum := &some.summary; float64(sum.Sent) > 0.55*float64(sum.Targets*sum.TTLs) {
				t.Errorf("%d probes for %d targets", sum.Sent, sum.Targets)
			}
		})
	}
}
