package acceptance

import (
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/record"
)

// Targets of a scan for all paths, each of which takes some 60 to 150 probes.
const (
	pathTargets     = 200
	pathSoakTargets = 4096
)

// pathScan is a scan for all paths. It must find the shares nodes and links of all that answer.
type pathScan struct {
	name         string
	lab, scan    []string
	nodes, links float64
	holds        func(t *testing.T, o *outcome)
}

// pathScans returns the scans of TestMultipathOptions. Each method and family is in one of the first.
func pathScans() []pathScan {
	multipath, hostile := []string{"--preset=multipath"}, []string{"--preset=multipath-hostile"}
	return []pathScan{
		{"loss", []string{"--preset=loss"}, nil, 0.9, 0.85, nil},
		{"multipath", multipath, nil, 0.98, 0.96, nil},
		{"every target alone", multipath, []string{"--no-borrow", "--confidence=0.99"}, 0.99, 0.98, noneBorrowed},
		{"full", multipath, []string{"--mda=full", "--senders=2"}, 0.98, 0.96, allFull},
		{"two attempts", hostile, []string{"--attempts=2", "--records=both"}, 0.85, 0.8, nil},
		{"polite", hostile, []string{"--per-hop-rate=2000", "--confidence-scope=trace"}, 0.9, 0.85, nil},
		{"hash fields", multipath, []string{"--hash-fields"}, 0.98, 0.96, rightFields},
		{"prefixes", append([]string{"--set=per-destination=0.5"}, multipath...), []string{"--hash-fields", "--per-prefix=4"}, 0.97, 0.95, byDestination},
	}
}

// Scans for all paths report no node and no link that is not there, with every method, in both
// families, and with every option.
func TestMultipathOptions(t *testing.T) {
	t.Parallel()
	targets := pathTargets
	if effort.Soaking() {
		targets = pathSoakTargets
	}
	for i, s := range pathScans() {
		for k, f := range families {
			if !effort.Soaking() && (i+i/4)%len(families) != k {
				continue
			}
			for m, method := range methods {
				if !effort.Soaking() && i%len(methods) != m {
					continue
				}
				if method == "icmp" && s.holds != nil {
					method = "udp" // the identifier of ICMP stands for both ports
				}
				c := cell{method, f, network{name: s.name, lab: s.lab, scan: append([]string{"--strategy=multipath"}, s.scan...)}}
				t.Run(c.name(), func(t *testing.T) {
					t.Parallel()
					o := scan(t, &c, targets)
					judgePaths(t, o, &s)
				})
			}
		}
	}
}

// judgePaths checks the properties of every scan for all paths.
func judgePaths(t *testing.T, o *outcome, s *pathScan) {
	t.Helper()
	r, m := o.report, o.report.Multipath
	if m == nil {
		t.Fatal("no multipath records")
	}
	for _, fault := range r.Faults {
		t.Error(fault)
	}
	judgeHops(t, "hops", &r.Hops)
	zero(t, "multipath", counts{
		"not probed": m.NotProbed, "told again": m.Again, "false nodes": m.Nodes.False(), "false links": m.Links.False(),
		"targets without a record": uint64(o.targets) - m.Targets, "probes of other targets": uint64(r.Probes.Outside),
	})
	if m.Nodes.Share < s.nodes || m.Links.Share < s.links {
		t.Errorf("found %.4f of the nodes and %.4f of the links, want %v and %v", m.Nodes.Share, m.Links.Share, s.nodes, s.links)
	}
	if err := o.summary.Balance(); err != nil || !o.summary.Complete || o.summary.Sent+r.Probes.Others != o.counters.Simulator["received"] {
		t.Errorf("summary %+v: %v; the simulator received %d", o.summary, err, o.counters.Simulator["received"])
	}
	if s.holds != nil {
		s.holds(t, o)
	}
	if t.Failed() {
		var text strings.Builder
		_ = r.Text(&text) // into memory
		t.Log(&text)
	}
	b := &m.Balancers
	t.Logf("%d targets, %d probes, %.4f of the nodes, %.4f of the links; %d balancers, %d of them borrowed",
		o.targets, r.Probes.Sent, m.Nodes.Share, m.Links.Share, b.Claimed, b.Borrowed)
}

func noneBorrowed(t *testing.T, o *outcome) {
	b := &o.report.Multipath.Balancers
	if b.Claimed == 0 || b.Borrowed != 0 || b.Even.Balancers == 0 {
		t.Errorf("%d of %d balancers are borrowed", b.Borrowed, b.Claimed)
	}
}

func allFull(t *testing.T, o *outcome) {
	if n := o.variants[record.Full]; n != o.targets {
		t.Errorf("%d of %d targets had the full algorithm", n, o.targets)
	}
}

// rightFields: nearly all hash fields are right. A field that matters leaves all flows that were
// compared at their branch once in 16 to 128 times.
func rightFields(t *testing.T, o *outcome) {
	b := &o.report.Multipath.Balancers
	if b.Examined < uint64(o.targets)/10 || b.WrongFields*20 > b.Examined {
		t.Errorf("%d of %d balancers have wrong hash fields", b.WrongFields, b.Examined)
	}
}

// byDestination: balancers by destination are found, and flows show that the destination decides.
func byDestination(t *testing.T, o *outcome) {
	rightFields(t, o)
	b := &o.report.Multipath.Balancers
	if o.kinds[record.PerDestination] == 0 || b.DestinationsFound*10 < b.Destinations*8 {
		t.Errorf("%d balancers by destination; the destination decides at %d, %d of them found",
			o.kinds[record.PerDestination], b.Destinations, b.DestinationsFound)
	}
}
