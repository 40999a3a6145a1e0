package scan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/checkpoint"
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/findings"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/recorder"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/internal/window"
)

// recording is a scan from the recorder on: windows come filled, in order, and nothing is
// sent. It may be killed after any octet, by cutting its files.
type recording struct {
	config Config
	codec  *codec.Codec
}

// firstStamp is when the first probe of a recording left.
const firstStamp = int64(1_700_000_000_000_000_000)

func newRecording(t *testing.T, name string) *recording {
	t.Helper()
	dir := memoryDir(t)
	c := config("45.16.0.0/20", "2a00:16::/45")
	c.Seed, c.Key, c.MaxTTL, c.Records = "cut", plan.RandomHex(16), 3, record.Both
	c.RatePPS = 0.3 // windows of six targets
	c.Output, c.Checkpoint = filepath.Join(dir, name), filepath.Join(dir, "checkpoint")
	return &recording{config: c}
}

// memoryDir returns a folder in memory, if possible. The test itself makes the state after
// a kill, and syncing a disk would take most of its time.
func memoryDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "masstrace-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// fill makes results for all targets of w: every third probe is silent.
func fill(w *window.Window) {
	s, shape := window.Slot{}, w.Shape()
	for i := range uint32(w.Len()) {
		s.Target = i
		for s.TTL = 1; s.TTL <= shape.LastTTL; s.TTL++ {
			at := firstStamp + int64(w.Position+uint64(i))*1000
			w.Stamp(s, at)
			if (uint64(s.TTL)+w.Position+uint64(i))%3 == 0 {
				continue
			}
			reply := probe.Reply{Facts: probe.Facts{
				Probe:     probe.Probe{Target: w.Target(int(i)), TTL: s.TTL},
				Responder: probe.Addr4From([4]byte{203, 0, 113, s.TTL}),
				Protocol:  probe.ProtoICMP, Kind: probe.KindTTLExceeded, Valid: probe.Strong, Stamp: at + 500,
			}}
			w.Answer(s, &reply)
			w.Heard.Frames++
			w.Heard.Strong++
		}
	}
	w.Close(firstStamp, false)
}

// saved is a checkpoint that the disk held, and where its output ended.
type saved struct {
	text   []byte
	offset int64
}

// run records all windows, or those that are left, and returns the checkpoints on the way.
func (r *recording) run(t *testing.T, c Config) (history []saved) {
	t.Helper()
	s, err := newScan(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	if r.codec, err = codec.New(s.plan.CodecConfig()); err != nil {
		t.Fatal(err)
	}
	if s.files, err = s.keeper.OpenOutput(c.paths(), func() (*fileset.Files, error) { return fileset.Create(c.paths(), nil, outfile.Keep) }); err != nil {
		t.Fatal(err)
	}
	save := func() {
		text, err := os.ReadFile(s.keeper.Path())
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(c.Output)
		if err != nil {
			t.Fatal(err)
		}
		history = append(history, saved{text, info.Size()})
	}
	s.writer = findings.Watch(s.files.Writer(ndjson.Config{Kinds: record.Both, Run: s.plan.Run, Hostname: "vp"}), s.found)
	rec := &recorder.Recorder{
		Assembler: trace.NewAssembler(s.plan.Assembler(r.codec, nil)), Writer: s.writer, Kinds: record.Both, Done: s.first,
	}
	rec.Keep = func() error {
		defer save()
		return s.keeper.Mark(rec.Done, &record.Summary{Account: rec.Sum}, s.found)
	}
	if err := errors.Join(s.writeHead(), s.keeper.Begin(s.plan, c.Key, s.files, s.found)); err != nil {
		t.Fatal(err)
	}
	save()
	w, set := window.New(s.plan.Shape), window.NewSet(s.plan.Shape)
	for id := s.first; id < s.plan.Windows; id++ {
		s.plan.OpenWindow(set, w, id)
		fill(w)
		set.Remove(w)
		rec.Window(context.Background(), w)
		w.Reset()
	}
	sum := &record.Summary{Account: rec.Sum, Complete: true, Reason: record.ReasonDone}
	sum.TTLs, sum.Flows = uint64(s.plan.Shape.TTLs()), uint64(s.plan.Shape.Flows)
	s.keeper.AddBefore(sum)
	sum.Findings = s.found.Findings()
	err = errors.Join(rec.Err, s.writer.Write(sum), s.writer.Flush(), s.keeper.End(rec.Done == s.plan.Windows, 0), s.files.Close())
	if err != nil {
		t.Fatal(err)
	}
	return history
}

// counted are the records of a file, by kind.
type counted struct {
	traces  map[netip.Addr]int
	exts    int
	replies uint64
	resumes int
	summary record.Summary
}

// count reads the records of a file that may be compressed.
func count(t *testing.T, path string) (n counted) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	unpacked, _, err := outfile.Decompress(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	n.traces = map[netip.Addr]int{}
	for line := range bytes.Lines(all) {
		var head struct {
			Type string
			Dst  netip.Addr
		}
		if err := json.Unmarshal(line, &head); err != nil {
			t.Fatalf("%v: %.80s", err, line)
		}
		switch head.Type {
		case "trace":
			n.traces[head.Dst]++
		case "trace-ext":
			n.exts++
		case "reply":
			n.replies++
		case "resume":
			n.resumes++
		case "summary":
			if err := json.Unmarshal(line, &n.summary); err != nil {
				t.Fatal(err)
			}
		}
	}
	return n
}

// check wants every trace once, and a summary of the whole.
func (r *recording) check(t *testing.T, targets int, want *record.Summary) {
	t.Helper()
	got := count(t, r.config.Output)
	for dst, n := range got.traces {
		if n != 1 {
			t.Errorf("%v has %d traces", dst, n)
		}
	}
	if len(got.traces) != targets || got.exts != targets || got.replies != got.summary.Answered {
		t.Errorf("%d targets, %d traces, %d trace-ext, %d replies of %d",
			targets, len(got.traces), got.exts, got.replies, got.summary.Answered)
	}
	if f := got.summary.Findings; f == nil || f.Traces != uint64(targets) || f.Interfaces == 0 || f.Links == 0 {
		t.Errorf("findings %+v of %d traces", f, targets)
	}
	if err := got.summary.Balance(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want, &got.summary); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(r.config.Checkpoint); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the checkpoint of a whole run is still there: %v", err)
	}
}

// A run is killed after any octet of the output. It continues from the checkpoint on the
// disk, or from the one before, if it was killed between output and checkpoint. Each trace
// is present once.
func TestKilledAnywhere(t *testing.T) {
	cuts := effort.Count(600, 10_000) / 3
	for _, name := range []string{"out.ndjson", "out.ndjson.gz", "out.ndjson.zst"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecording(t, name)
			history := r.run(t, r.config)
			if len(history) < 4 {
				t.Fatalf("only %d checkpoints", len(history))
			}
			whole, err := os.ReadFile(r.config.Output)
			if err != nil {
				t.Fatal(err)
			}
			all := count(t, r.config.Output)
			r.check(t, len(all.traces), &all.summary)
			from := int(history[0].offset)
			for n := range cuts + 1 {
				at := from + (len(whole)-from)*n/cuts
				state := 0
				for state+1 < len(history) && history[state+1].offset <= int64(at) {
					state++
				}
				state = max(state-n%2, 0)
				r.cut(t, whole[:at], history[state].text, n)
				resumed := r.config
				resumed.Checkpoint, resumed.Resume = "", r.config.Checkpoint
				r.run(t, resumed)
				r.check(t, len(all.traces), &all.summary)
				if t.Failed() {
					t.Fatalf("cut at %d of %d octets, %s", at, len(whole), history[state].text)
				}
			}
		})
	}
}

// cut makes the state of the disk after a kill.
func (r *recording) cut(t *testing.T, out, state []byte, n int) {
	t.Helper()
	err := errors.Join(os.WriteFile(r.config.Output, out, 0o644), os.WriteFile(r.config.Checkpoint, state, 0o600),
		// A new checkpoint was about to be written.
		os.WriteFile(r.config.Checkpoint+".new", state[:n*len(state)/(n+len(state))], 0o600))
	if err != nil {
		t.Fatal(err)
	}
}

// A run goes on only as it began, but for its pace.
func TestResumeDiffers(t *testing.T) {
	dir := t.TempDir()
	out, state := filepath.Join(dir, "out.ndjson"), filepath.Join(dir, "checkpoint")
	base := func() Config {
		c := config("45.16.0.0/16")
		c.Seed, c.Output = "s", out
		return c
	}
	c := base()
	c.Checkpoint, c.Key = state, plan.RandomHex(16)
	s, err := newScan(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	s.plan.Source4 = netip.MustParseAddr("192.0.2.1")
	if s.files, err = fileset.Create(c.paths(), nil, outfile.Keep); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.keeper.Begin(s.plan, c.Key, s.files, s.found), s.files.Close()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   []string // fields that differ
	}{
		{"nothing", func(*Config) {}, nil},
		{"no seed", func(c *Config) { c.Seed = "" }, nil},
		{"the same key", func(c *Config) { c.Key = s.cfg.Key }, nil},
		{"how it is carried out", func(c *Config) { c.Link.Interface, c.MaxRuntime, c.Senders = "eth7", time.Hour, 2 }, nil},
		{"the pace", func(c *Config) { c.RatePPS, c.Wait, c.PrefixRate, c.PerHopRate = 20_000, time.Minute, 3, 4 }, nil},
		{"the bandwidth", func(c *Config) { c.RatePPS, c.Bandwidth = 0, 1e6 }, nil},
		{"the bursts", func(c *Config) { c.Burst = 7 }, nil},
		{"a rate to be found", func(c *Config) { c.AutoRate = true }, nil},
		{"lists in other words", func(c *Config) { c.Targets = []string{"45.16.0.0/17", "45.16.128.0/17"} }, nil},
		{"more excludes", func(c *Config) { c.Exclude = []string{"45.16.9.0/24"} }, nil},
		{"targets", func(c *Config) { c.Targets = []string{"45.17.0.0/16"} }, []string{"Targets"}},
		{"seed", func(c *Config) { c.Seed = "t" }, []string{"Seed"}},
		{"key", func(c *Config) { c.Key = plan.RandomHex(16) }, []string{"Key"}},
		{"attempts", func(c *Config) { c.Attempts = 2 }, []string{"Attempts"}},
		{"method and port", func(c *Config) { c.Method, c.DstPort = probe.TCPSYN, 80 }, []string{"Method", "DstPort"}},
		{"compression", func(c *Config) { c.Output += ".gz" }, []string{"Output"}},
		{"shard", func(c *Config) { c.Shard, c.Shards = 1, 2 }, []string{"Shard"}},
	} {
		c := base()
		c.Resume = state
		tt.change(&c)
		_, err := newScan(t.Context(), &c)
		var got []string
		if differ := new(plan.DifferError); errors.As(err, &differ) {
			for _, d := range differ.Differences {
				got = append(got, d.Field)
			}
		} else if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: fields that differ (-want +got):\n%s", tt.name, diff)
		}
	}
	k, err := checkpoint.Open(checkpoint.Config{Resume: state, Output: c.paths()})
	if err != nil {
		t.Fatal(err)
	}
	if k.SameSource(&s.plan.Params) != nil || k.SameSource(&plan.Params{Source4: netip.MustParseAddr("192.0.2.2")}) == nil {
		t.Error("the sources of the run are not told from others")
	}
}
