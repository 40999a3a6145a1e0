package acceptance

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/lab/internet"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/verify"
)

// The size of a run: few targets in a test, many in soak. A test has more of them if its bounds are
// shares that depend on the number of targets, or if many probes have to meet at routers. The rate
// leaves room on two cores for other tests.
const (
	cellTargets = 1_000
	testTargets = 2_000
	soakTargets = 50_000
	topRate     = 15_000 // probes per second
	leastRate   = topRate / 16
	waitTime    = "1s" // thrice the longest round trip
)

// outcome is a scan seen from all sides.
type outcome struct {
	report    *verify.Report
	summary   record.Summary
	counters  internet.Counters
	targets   int
	reached   uint64                  // traces that are
	contested uint64                  // TTLs at which several sources sent equally good replies
	withheld  uint64                  // TTLs whose reply is no hop, because too little speaks for it
	hops      map[string]int          // of traces, by target
	ends      map[string]string       // of traces, by target: reason, code and last TTL
	from      map[string][]probe.Addr // the sources of the hops of traces, by target
	variants  map[record.MDA]int      // of multipath records
	kinds     map[record.BalancerKind]int
}

// pureACKs returns how many probes were answered so, which counts as silence.
func (o *outcome) pureACKs() uint64 { return o.counters.Simulator["answer challenge-ack"] }

// scan scans that many targets of a cell. A machine that is too busy loses packets, or
// delivers them after the wait. This is not a fault of masstrace, and the scan is repeated
// at half the rate.
func scan(t *testing.T, c *cell, targets int) *outcome {
	t.Helper()
	for rate := topRate; ; rate /= 2 {
		o := scanAt(t, c, targets, rate)
		busy := o.overload()
		if busy == "" {
			return o
		}
		t.Logf("at %d probes a second, %s", rate, busy)
		if rate <= leastRate {
			t.Fatal("this machine is too busy")
		}
	}
}

// overload reports losses on this machine, as opposed to losses in the network.
func (o *outcome) overload() string {
	c, s := &o.counters, &o.summary
	lostIn := c.LostIn + s.Sent - min(o.report.Probes.Sent, s.Sent)
	late := max(s.Late, o.report.Recall.Missing.Late) // the summary has no late answers of a diagnosis
	if lostIn+c.LostDelay+c.LostOut+s.Drops.Kernel+s.Drops.Interface+late+s.TxErrors == 0 {
		return ""
	}
	return fmt.Sprintf("the simulator lost %d packets on the way in, %d under way, %d on the way out; the scan lost %d and %d, could not send %d, and %d came late",
		lostIn, c.LostDelay, c.LostOut, s.Drops.Kernel, s.Drops.Interface, s.TxErrors, late)
}

// scanAt scans at a rate and holds the results against the truth.
func scanAt(t *testing.T, c *cell, targets, rate int) *outcome {
	t.Helper()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	program := installed(t)
	args := append([]string{"lab", "--log", path("log"), "--counters", path("counters")}, c.network.lab...)
	args = append(args, "--", program, "scan", "--quiet", "--output", path("results"),
		"--method", c.method, "--seed", seed, fmt.Sprintf("--max-targets=%d", targets),
		fmt.Sprintf("--rate=%d", rate), "--wait", cmp.Or(c.network.wait, waitTime))
	args = append(append(args, c.network.scan...), c.family.prefixes...)
	if text, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
		t.Fatalf("masstrace %s: %v\n%s", strings.Join(args, " "), err, text)
	}
	o := &outcome{targets: targets}
	var err error
	o.report, err = verify.Run(t.Context(), verify.Config{Results: path("results"), Log: path("log"), Counters: path("counters"),
		Targets: c.family.prefixes})
	if err == nil {
		err = o.read(path("results"), path("counters"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// read reads the data that the report does not have.
func (o *outcome) read(results, counters string) error {
	text, err := os.ReadFile(counters)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &o.counters); err != nil {
		return err
	}
	f, err := all.Open(results, nil)
	if err != nil {
		return err
	}
	defer f.Close()
	o.ends, o.hops, o.from = make(map[string]string), make(map[string]int), make(map[string][]probe.Addr)
	o.variants, o.kinds = make(map[record.MDA]int), make(map[record.BalancerKind]int)
	for {
		rec, err := f.Read()
		switch r := rec.(type) {
		case nil:
			if err == io.EOF {
				return nil
			}
			return err
		case *record.Trace:
			o.withheld += uint64(len(r.Withheld))
			o.contested += uint64(len(r.Contested))
			o.hops[r.Target.String()] = len(r.Hops)
			for i := range r.Hops {
				o.from[r.Target.String()] = append(o.from[r.Target.String()], r.Hops[i].Responder)
			}
			o.ends[r.Target.String()] = fmt.Sprintf("%s/%d at %d", r.StopReason, r.StopData, r.End)
			if r.StopReason == record.StopCompleted {
				o.reached++
			}
		case *record.Multipath:
			o.variants[r.MDA]++
			for i := range r.Balancers {
				o.kinds[r.Balancers[i].Kind]++
			}
		case *record.Summary:
			o.summary = *r
		}
	}
}
