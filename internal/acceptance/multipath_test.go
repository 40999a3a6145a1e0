package acceptance

import (
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
)

// Scans for all paths report no node and no link that does not exist, and nearly all that do. In a normal
// run, TestMultipathOptions has the networks of the presets for all paths.
func TestMultipath(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		preset       string
		nodes, links float64 // least shares found
	}{
		{"default", 0.95, 0.91}, // routers near the few targets limit their answers
		{"multipath", 0.99, 0.97},
		{"multipath-hostile", 0.95, 0.92},
		{"nat", 0.99, 0.98},
	} {
		if strings.HasPrefix(tt.preset, "multipath") && !effort.Soaking() {
			continue
		}
		t.Run(tt.preset, func(t *testing.T) {
			t.Parallel()
			c := cell{"udp", families[0], network{name: tt.preset, lab: []string{"--preset", tt.preset}, scan: []string{"--strategy", "multipath"}}}
			o := scan(t, &c, effort.Count(256, 4096))
			m := o.report.Multipath
			if m == nil || m.Targets != uint64(o.targets) {
				t.Fatalf("multipath records: %+v", m)
			}
			zero(t, "multipath", counts{
				"false nodes": m.Nodes.False(), "false links": m.Links.False(), "beyond the end": m.Nodes.Beyond,
				"not probed": m.NotProbed, "second records": m.Again,
			})
			if m.Nodes.Share < tt.nodes || m.Links.Share < tt.links {
				t.Errorf("found %.4f of the nodes and %.4f of the links", m.Nodes.Share, m.Links.Share)
			}
			for _, fault := range o.report.Faults {
				t.Error(fault)
			}
			if t.Failed() {
				var text strings.Builder
				_ = o.report.Text(&text) // into memory
				t.Logf("%s", &text)
			}
			t.Logf("%d probes, %.4f of the nodes, %.4f of the links", o.summary.Sent, m.Nodes.Share, m.Links.Share)
		})
	}
}
