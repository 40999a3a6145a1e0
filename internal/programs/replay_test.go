package programs

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/replay"
	"github.com/masstrace/masstrace/internal/scan"
)

var update = flag.Bool("update", false, "write testdata/replay anew")

const captureDir = "../../testdata/captures"

// replayConfig returns a replay of files without a key of its own.
func replayConfig(out io.Writer, records record.Kinds, files ...string) replay.Config {
	return replay.Config{
		Files: files, Stdin: strings.NewReader(""), Output: "-", Stdout: out, Records: records, Tool: "masstrace/test",
	}
}

// replayed replays files, which must be whole.
func replayed(t *testing.T, records record.Kinds, files ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := replay.Run(t.Context(), replayConfig(&out, records, files...)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// captures returns the capture files of the repository.
func captures(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*/*.pcap", "*/*.pcap.*", "*/*.pcapng", "*/*.pcapng.gz", "*/*.pcapng.zst"} {
		found, err := filepath.Glob(filepath.Join(captureDir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	if len(all) < 20 {
		t.Fatalf("only %v", all)
	}
	return all
}

// The records of all captures are those that were looked through and kept.
func TestReplayGolden(t *testing.T) {
	for _, path := range captures(t) {
		name, _ := filepath.Rel(captureDir, path)
		name = strings.ReplaceAll(name, string(filepath.Separator), "-")
		if strings.HasPrefix(name, "made-path-") && name != "made-path-ethernet.pcap" {
			continue // the same, as TestFormatsAgree finds
		}
		t.Run(name, func(t *testing.T) {
			records := record.Traces // of scans replies would be long
			if !strings.HasPrefix(name, "scans-") {
				records = record.Both
			}
			var got bytes.Buffer
			err := replay.Run(t.Context(), replayConfig(&got, records, path))
			if err != nil { // of a file that is broken on purpose
				fmt.Fprintf(&got, "%s\n", strings.ReplaceAll(err.Error(), captureDir+"/", ""))
			}
			golden := filepath.Join("../../testdata/replay", name+".ndjson")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
				t.Errorf("not as it was (-update writes it anew):\n%s", diff)
			}
		})
	}
}

// A replay of the capture of a scan gives all records of the scan.
func TestReplayScan(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	for _, tt := range []struct {
		method probe.Method
		record.Strategy
	}{
		{probe.UDP, record.Strategy{Strategy: plan.Exhaustive}},
		{probe.UDP, record.Strategy{Strategy: plan.Complete}},
		{probe.ICMP, record.Strategy{Strategy: plan.Complete}},
		{probe.TCPSYN, record.Strategy{Strategy: plan.Complete}},
		{probe.UDP, record.Strategy{Strategy: plan.Topology}},
		{probe.ICMP, record.Strategy{Strategy: plan.Topology, Stitch: true}},
		{probe.TCPACK, record.Strategy{Strategy: plan.Topology, Stitch: true, GapLimit: 2, Overlap: 1}},
	} {
		t.Run(fmt.Sprintf("%s %+v", tt.method, tt.Strategy), func(t *testing.T) {
			method := tt.method
			t.Parallel()
			dir := t.TempDir()
			var want bytes.Buffer
			c := config(samples(4)...)
			c.Method, c.Attempts, c.Flows, c.Records = method, 2, 2, record.Both
			c.Strategy = tt.Strategy
			c.Wait, c.Memory = 300*time.Millisecond, 1<<20 // some windows
			c.Capture = filepath.Join(dir, "scan.pcapng"+map[probe.Method]string{probe.ICMP: ".gz", probe.TCPSYN: ".zst"}[method])
			if method == probe.ICMP {
				c.DstPort = 0
			}
			c.Stdout, c.Seed = &want, seedOf(t)
			if err := scan.Run(t.Context(), context.Background(), c); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(c.Capture + ".key"); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("key file: %v, %v", info.Mode(), err)
			}
			got := replayed(t, record.Both, c.Capture)
			if diff := cmp.Diff(sortedRecords(t, want.Bytes()), sortedRecords(t, got)); diff != "" {
				t.Errorf("scan and replay differ:\n%s", diff)
			}
			if n := bytes.Count(got, []byte(`"type":"trace"`)); n != 2*len(c.Targets) {
				t.Errorf("%d traces", n)
			}
			if stitched := bytes.Contains(got, []byte(`"inferred":true`)); stitched != tt.Stitch {
				t.Errorf("hops inferred: %t", stitched)
			}
		})
	}
}

// sortedRecords returns the records in order, except cycle-stop, which has the time when
// it was written.
func sortedRecords(t *testing.T, text []byte) []string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, `"type":"cycle-stop"`) {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

// A scan without its key, and one whose key is given for a capture by another
// program, give the same hops.
func TestReplayKeys(t *testing.T) {
	const name = captureDir + "/scans/udp.pcapng"
	want := hopsOf(t, replayed(t, record.Traces, name), "strong")
	key, err := os.ReadFile(name + ".key")
	if err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(t.TempDir(), "foreign.pcap")
	writePcap(t, foreign, name)
	if got := hopsOf(t, replayed(t, record.Traces, foreign), "unverified"); !cmp.Equal(got, want) {
		t.Errorf("without the key:\n%s", cmp.Diff(want, got))
	}
	var out bytes.Buffer
	c := replayConfig(&out, record.Traces, foreign)
	c.Key, c.Seed, c.Method, c.DstPort = strings.TrimSpace(string(key)), "captures", probe.UDP, 33434
	c.MinTTL, c.MaxTTL, c.Flows, c.Attempts = 1, 16, 1, 1
	c.Sources = []netip.Addr{netip.MustParseAddr("20.0.1.0"), netip.MustParseAddr("2a00:1:0:1::")}
	if err := replay.Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got := hopsOf(t, out.Bytes(), "strong"); !cmp.Equal(got, want) {
		t.Errorf("with the key:\n%s", cmp.Diff(want, got))
	}
	c.Key = strings.Repeat("0", 32)
	out.Reset()
	if err := replay.Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got := hopsOf(t, out.Bytes(), "strong"); len(got) > 0 {
		t.Errorf("with a wrong key: %v", got)
	}
	c.Files = []string{name}
	if err := replay.Run(t.Context(), c); !isUsage(err) {
		t.Errorf("a wrong key for a capture of ours: %v", err)
	}
}

// hopsOf returns the hops of all traces by target, all of which must be as valid.
func hopsOf(t *testing.T, text []byte, valid string) map[string][]string {
	t.Helper()
	hops := map[string][]string{}
	for _, trace := range read(t, bytes.NewReader(text)).traces {
		name := trace.Dst.String()
		for _, h := range trace.Hops {
			hops[name] = append(hops[name], fmt.Sprintf("%d %v %s %v", h.ProbeTTL, h.Addr, h.Kind, *h.RTTNs))
			if h.Valid != valid {
				t.Errorf("%s TTL %d is %s", name, h.ProbeTTL, h.Valid)
			}
		}
	}
	return hops
}

// A capture that is cut anywhere is read up to the cut, and the error names the offset.
func TestReplayCut(t *testing.T) {
	const name = captureDir + "/scans/tcp-syn.pcapng"
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(name + ".key")
	if err != nil {
		t.Fatal(err)
	}
	most, step := 0, 389 // no multiple of a block's alignment
	if effort.Soaking() {
		step = 97
	}
	for n := 0; n < len(whole); n += step {
		path := filepath.Join(t.TempDir(), "cut.pcapng")
		var out bytes.Buffer
		err := errors.Join(os.WriteFile(path, whole[:n], 0o600), os.WriteFile(path+".key", key, 0o600))
		if err != nil {
			t.Fatal(err)
		}
		err = replay.Run(t.Context(), replayConfig(&out, record.Both, path))
		if !isPartial(err) || !errors.Is(err, pcapng.ErrCapture) {
			t.Fatalf("%d octets: %v", n, err)
		}
		if !strings.Contains(err.Error(), "offset") && !strings.Contains(err.Error(), "ends before the end of the scan") {
			t.Fatalf("%d octets: %v names no offset", n, err)
		}
		if out.Len() == 0 {
			continue
		}
		r := read(t, &out)
		if r.summary.Complete || r.summary.Reason != record.ReasonCapture || r.summary.Balance() != nil {
			t.Fatalf("%d octets: summary %+v, %v", n, r.summary, r.summary.Balance())
		}
		if len(r.replies) < most {
			t.Fatalf("%d octets: %d replies, fewer octets had %d", n, len(r.replies), most)
		}
		most = len(r.replies)
	}
	if most < 30 {
		t.Errorf("%d replies at most", most)
	}
}
