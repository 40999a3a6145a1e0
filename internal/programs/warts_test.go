//go:build !race

package programs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/format/warts"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// A file of scamper reads as sc_warts2json shows it, for each of its methods.
func TestScamperWarts(t *testing.T) {
	needTool(t, "scamper")
	needTool(t, "sc_warts2json")
	t.Parallel()
	for name, args := range map[string]string{
		"udp-paris": "-P udp-paris", "icmp-paris": "-P icmp-paris", "tcp": "-P tcp -d 80", "tcp-ack": "-P tcp-ack -d 80",
		"udp": "-P udp", "icmp": "-P icmp", "pmtud": "-P udp-paris -M", "all attempts": "-P udp-paris -Q",
		"last ditch": "-P icmp-paris -T -G 2", "user": "-P udp-paris -U 77 -s 20999 -t 12", "doubletree": "-P udp-paris -f 4 -Z local",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "theirs.warts")
			all := []string{"-p", "1000", "-O", "warts", "-o", path, "-C", "5", "-l", "some list", "-M", "vp1"}
			targets := samples(effort.Count(1, 8))
			for _, target := range targets {
				all = append(all, "-I", fmt.Sprintf("trace %s -q 2 -w 1 -g 2 -m %d %s", args, peersTTL, target))
			}
			if out, err := exec.CommandContext(t.Context(), "scamper", all...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := allOf(t, warts.NewReader(bytes.NewReader(content)))
			want := allOf(t, ndjson.NewReader(bytes.NewReader(asJSON(t, content))))
			if n := len(tracesOf(got)); n != len(targets) {
				t.Errorf("%d traces to %d targets", n, len(targets))
			}
			for _, trace := range tracesOf(got) { // fields that JSON lacks
				trace.GapLimit = 0
				if trace.FirstHop != 0 && name != "doubletree" || name == "doubletree" && trace.FirstHop != 4 {
					t.Errorf("%v began at TTL %d", trace.Target, trace.FirstHop)
				}
				trace.FirstHop, trace.Met = 0, record.Interface{}
				trace.Hops = slices.DeleteFunc(trace.Hops, func(h record.Hop) bool { return h.TTL < trace.FirstTTL })
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-sc_warts2json +ours):\n%s", diff)
			}
		})
	}
}

// scamper's tools accept our scans, and sc_warts2json shows the same traces.
func TestWartsOfScan(t *testing.T) {
	needTool(t, "sc_warts2json")
	t.Parallel()
	for _, method := range []probe.Method{probe.UDP, probe.ICMP, probe.TCPSYN, probe.TCPACK} {
		t.Run(method.String(), func(t *testing.T) {
			t.Parallel()
			c := config(samples(effort.Count(4, 32))...)
			c.Method, c.MaxTTL, c.Attempts, c.Flows = method, peersTTL, 2, 2
			if c.DstPort = 80; method == probe.ICMP {
				c.DstPort = 0
			}
			records := allOf(t, ndjson.NewReader(scanned(t, c)))
			var file bytes.Buffer
			w := warts.NewWriter(format.Output{Out: &file})
			for _, rec := range records {
				if err := w.Write(rec); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			ours, theirs := tracesOf(records), tracesOf(allOf(t, ndjson.NewReader(bytes.NewReader(asJSON(t, file.Bytes())))))
			again := tracesOf(allOf(t, warts.NewReader(bytes.NewReader(file.Bytes()))))
			if len(ours) != len(theirs) || len(ours) != len(again) || len(ours) == 0 {
				t.Fatalf("%d traces, %d by sc_warts2json, %d read again", len(ours), len(theirs), len(again))
			}
			for i := range ours {
				if diff := cmp.Diff(facts(ours[i]), facts(theirs[i])); diff != "" {
					t.Errorf("trace %d (-ours +sc_warts2json):\n%s", i, diff)
				}
				if diff := cmp.Diff(facts(ours[i]), facts(again[i])); diff != "" {
					t.Errorf("trace %d (-ours +again):\n%s", i, diff)
				}
			}
			acceptedBy(t, file.Bytes())
		})
	}
}

// acceptedBy runs scamper's other tools with a file. They must not have a warning.
func acceptedBy(t *testing.T, file []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ours.warts")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"sc_wartsdump", path}, {"sc_warts2text", path}, {"sc_analysis_dump", path},
		{"sc_tracediff", "-a", "-m", "dstuserid", path, path}, {"sc_wartscat", "-o", path + ".joined", path},
	} {
		if out, err := output(t, args, nil); err != nil || len(out) == 0 && args[0] != "sc_wartscat" {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// output runs a program with an input, and returns its output. A warning is an error.
func output(t *testing.T, args []string, in []byte) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	var out, warnings bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &warnings
	err := cmd.Run()
	if warnings.Len() > 0 {
		err = errors.Join(err, errors.New(warnings.String()))
	}
	return out.Bytes(), err
}

// asJSON returns the output of sc_warts2json for a file.
func asJSON(t *testing.T, file []byte) []byte {
	t.Helper()
	out, err := output(t, []string{"sc_warts2json"}, file)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func allOf(t *testing.T, r format.Reader) (all []record.Record) {
	t.Helper()
	for {
		rec, err := r.Read()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rec)
	}
}

func tracesOf(all []record.Record) (traces []*record.Trace) {
	for _, rec := range all {
		if trace, ok := rec.(*record.Trace); ok {
			traces = append(traces, trace)
		}
	}
	return traces
}

// facts returns the findings of a trace, in µs.
func facts(t *record.Trace) []string {
	all := []string{fmt.Sprint(t.Target, t.Source, t.FlowIndex, t.Flow.Value, t.Start/1e3, t.StopReason, t.StopData, t.End, t.ProbeCount)}
	for i := range t.Hops {
		h := &t.Hops[i]
		all = append(all, fmt.Sprint(h.TTL, h.Attempt, h.Source(), h.Sent/1e3, h.RTT/1e3, h.Protocol, h.Type, h.Code,
			h.TCPFlags, h.HasQuote, h.QuotedTTL, h.QuotedSize, h.ReplyTTL, h.ReplySize, slices.Clone(h.Ext)))
	}
	return all
}

// tracelb returns a file of scamper with all paths to some targets, and the same as JSON. On a busy
// machine this scamper now and then writes an object that its own sc_warts2json refuses: then it runs
// again.
func tracelb(t *testing.T, args string, targets []string) (content, text []byte) {
	t.Helper()
	var err error
	for range 3 {
		path := filepath.Join(t.TempDir(), "theirs.warts")
		all := []string{"-p", "1000", "-O", "warts", "-o", path}
		for _, target := range targets {
			all = append(all, "-I", fmt.Sprintf("tracelb %s -w 1 -W 15 -q 1 -g 2 %s", args, target))
		}
		if out, err := exec.CommandContext(t.Context(), "scamper", all...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if content, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		if text, err = output(t, []string{"sc_warts2json"}, content); err == nil {
			return content, text
		}
	}
	t.Fatal(err)
	return nil, nil
}

// A file of scamper with all paths to some targets reads as sc_warts2json shows it. The JSON has no
// answers behind the last node of a path, and does not count silent flows.
func TestScamperTracelb(t *testing.T) {
	needTool(t, "scamper")
	needTool(t, "sc_warts2json")
	t.Parallel()
	targets := []string{"45.48.0.9", "45.64.0.9", "2a00:30::9"}
	for name, args := range map[string]string{
		"udp-sport": "-P udp-sport", "udp-dport": "-P udp-dport", "icmp-echo": "-P icmp-echo", "tcp-sport": "-P tcp-sport -d 80", "tcp-ack-sport": "-P tcp-ack-sport -d 80",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content, text := tracelb(t, args, targets)
			got := multipathsOf(allOf(t, warts.NewReader(bytes.NewReader(content))))
			want := multipathsOf(allOf(t, ndjson.NewReader(bytes.NewReader(text))))
			if len(got) != len(targets) || len(want) != len(targets) {
				t.Fatalf("%d records, %d of sc_warts2json, of %d targets", len(got), len(want), len(targets))
			}
			links := 0
			for i := range want {
				links += len(want[i].Links)
				compareMultipath(t, got[i], want[i])
			}
			if links == 0 {
				t.Error("no links")
			}
		})
	}
}

func multipathsOf(all []record.Record) (list []*record.Multipath) {
	for _, r := range all {
		if m, ok := r.(*record.Multipath); ok {
			list = append(list, m)
		}
	}
	return list
}

// compareMultipath reports nodes and links of the JSON that the record does not have.
func compareMultipath(t *testing.T, got, json *record.Multipath) {
	t.Helper()
	if got.Target != json.Target || got.Source != json.Source || got.Method != json.Method || got.Start != json.Start || got.Probes != json.Probes {
		t.Errorf("%+v, sc_warts2json has %+v", got, json)
	}
	for _, n := range json.Nodes {
		if !slices.ContainsFunc(got.Nodes, func(o record.Node) bool { return o.TTL == n.TTL && o.Addr == n.Addr }) {
			t.Errorf("%v: no node %+v in %+v", got.Target, n, got.Nodes)
		}
	}
	for _, l := range json.Links {
		if !l.Near.IsZero() && !l.Far.IsZero() && !slices.Contains(got.Links, l) {
			t.Errorf("%v: no link %+v in %+v", got.Target, l, got.Links)
		}
	}
	if len(got.Balancers) < len(json.Balancers) {
		t.Errorf("%v: balancers %+v, sc_warts2json has %+v", got.Target, got.Balancers, json.Balancers)
	}
}
