package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/internal/window"
)

// recording is a scan from the recorder on: windows come filled, in order, and
// nothing is sent. It may be killed after any octet, by cutting its files.
type recording struct {
	dir    string
	output string
	plan   *plan
	codec  *codec.Codec
}

func newRecording(t *testing.T, name string) *recording {
	t.Helper()
	c := config("45.16.0.0/20", "2a00:16::/45")
	c.Seed, c.Key = "cut", randomHex(16)
	p, err := newPlan(&c, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.shape.Targets, p.shape.LastTTL = 5, 3
	p.windows = p.countWindows()
	cfg := p.codecConfig(&c)
	cfg.MaxTTL = p.shape.LastTTL
	r := &recording{dir: memoryDir(t), plan: p}
	r.output = filepath.Join(r.dir, name)
	if r.codec, err = codec.New(cfg); err != nil {
		t.Fatal(err)
	}
	return r
}

// memoryDir returns a folder in memory, if there can be one: what a kill leaves is
// the test's doing, and syncing a disk would be most of its time.
func memoryDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "masstrace-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (r *recording) checkpoint() string { return filepath.Join(r.dir, "checkpoint") }

// fill makes results for all targets of w: every third probe is silent.
func (r *recording) fill(w *window.Window) {
	s := window.Slot{}
	for i := range uint32(w.Len()) {
		s.Target = i
		for s.TTL = 1; s.TTL <= r.plan.shape.LastTTL; s.TTL++ {
			at := madeBegin + int64(w.Position+uint64(i))*1000
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
		}
	}
	w.Close(madeBegin, false)
}

// run records all windows from where k is, and after each calls saved with what
// the checkpoint file holds.
func (r *recording) run(k *keeper, saved func(checkpoint []byte, offset int64)) (err error) {
	first := k.firstWindow()
	k.sink, err = k.openSink(&Config{Output: r.output})
	if err != nil {
		return err
	}
	w := ndjson.NewWriter(k.sink, ndjson.Config{Kinds: record.Both, Run: "cut", Hostname: "vp"})
	if k.resumes() {
		err = w.Write(&record.Resume{Windows: first})
	} else {
		err = errors.Join(w.Write(cycleStart(time.Unix(0, madeBegin))), w.Write(&record.Run{}))
	}
	rec := &recorder{
		writer: w, failed: func(error) {}, done: first,
		assembler: trace.NewAssembler(trace.AssemblerConfig{Method: probe.UDP, Size4: 44, Size6: 64, Flows: r.codec}),
	}
	sum := func() *record.Summary {
		h := new(heard)
		h.sum.Strong, h.sum.Frames = rec.assembler.Tally.Answered, rec.assembler.Tally.Answered
		return sumOf(r.plan, first, rec.done, rec.assembler, h, nil)
	}
	rec.keep = func(*window.Window) error {
		err := k.mark(rec.done, sum())
		if saved != nil && err == nil {
			text, _ := os.ReadFile(k.path)
			saved(text, k.Offset)
		}
		return err
	}
	k.Masstrace, k.Run = checkpointVersion, "cut"
	if err := errors.Join(err, w.Flush(), k.mark(first, sum())); err != nil {
		return err
	}
	if saved != nil {
		text, _ := os.ReadFile(k.path)
		saved(text, k.Offset)
	}
	win := window.New(r.plan.shape)
	o := opener{order: r.plan.order, shape: r.plan.shape, set: window.NewSet(r.plan.shape)}
	for id := first; id < r.plan.windows; id++ {
		o.open(win, id)
		r.fill(win)
		o.set.Remove(win)
		rec.window(context.Background(), win)
		win.Reset()
	}
	total := sum()
	total.Add(&k.before)
	return errors.Join(rec.err, w.Write(total), w.Write(cycleStop(time.Unix(0, madeBegin))), w.Flush(),
		k.end(rec.done == r.plan.windows, 0), k.sink.Close())
}

// check wants every trace once, and a summary of the whole.
func (r *recording) check(t *testing.T, want record.Summary) {
	t.Helper()
	f, err := os.Open(r.output)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := read(t, f)
	seen := map[netip.Addr]bool{}
	for _, trace := range got.traces {
		if seen[trace.Dst] {
			t.Errorf("%v has two traces", trace.Dst)
		}
		seen[trace.Dst] = true
	}
	if uint64(len(seen)) != r.plan.order.Len() || len(got.exts) != len(seen) || uint64(len(got.replies)) != want.Answered {
		t.Errorf("%d targets, %d traces, %d trace-ext, %d replies of %d",
			r.plan.order.Len(), len(got.traces), len(got.exts), len(got.replies), want.Answered)
	}
	if err := got.summary.Balance(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want, got.summary); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(r.checkpoint()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the checkpoint of a whole run is still there: %v", err)
	}
}

// saved is a checkpoint that the disk held, and where its output ended.
type saved struct {
	text   []byte
	offset int64
}

// Killed after any octet that was written to the output, a run goes on from the
// checkpoint that the disk held by then, or from the one before if it was killed
// between output and checkpoint: no trace is missing, and none is there twice.
func TestKilledAnywhere(t *testing.T) {
	cuts := soak(1000, 10_000) / 3
	for _, name := range []string{"out.ndjson", "out.ndjson.gz", "out.ndjson.zst"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecording(t, name)
			var history []saved
			err := r.run(&keeper{path: r.checkpoint()}, func(text []byte, offset int64) {
				history = append(history, saved{text, offset})
			})
			if err != nil {
				t.Fatal(err)
			}
			whole, err := os.ReadFile(r.output)
			if err != nil {
				t.Fatal(err)
			}
			want := read(t, bytes.NewReader(whole)).summary
			r.check(t, want)
			from := int(history[0].offset)
			for n := range cuts + 1 {
				at := from + (len(whole)-from)*n/cuts
				state := 0
				for state+1 < len(history) && history[state+1].offset <= int64(at) {
					state++
				}
				state = max(state-n%2, 0)
				r.cut(t, whole[:at], history[state].text, n)
				r.resume(t)
				r.check(t, want)
				if t.Failed() {
					t.Fatalf("cut at %d of %d octets, %s", at, len(whole), history[state].text)
				}
			}
		})
	}
}

// cut puts on the disk what a kill would have left there.
func (r *recording) cut(t *testing.T, out, state []byte, n int) {
	t.Helper()
	err := errors.Join(os.WriteFile(r.output, out, 0o644), os.WriteFile(r.checkpoint(), state, 0o600),
		// A new checkpoint was about to be written.
		os.WriteFile(r.checkpoint()+".new", state[:n*len(state)/(n+len(state))], 0o600))
	if err != nil {
		t.Fatal(err)
	}
}

func (r *recording) resume(t *testing.T) {
	t.Helper()
	k, err := resumeKeeper(&Config{Resume: r.checkpoint()})
	if err == nil {
		err = r.run(k, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A checkpoint that is cut is none, wherever it is cut.
func TestCheckpointCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	c := &checkpoint{Masstrace: checkpointVersion, Run: "cut", Key: randomHex(16), Windows: 7, Offset: 1234, Avoid: []uint16{1, 2}}
	if err := c.save(path); err != nil {
		t.Fatal(err)
	}
	if got, err := loadCheckpoint(path); err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("%+v, %v; want %+v", got, err, c)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(bytes.TrimSpace(text)) {
		if err := os.WriteFile(path, text[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadCheckpoint(path); err == nil || !strings.Contains(err.Error(), "is no checkpoint") {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
}

// A run goes on only as it began.
func TestResumeDiffers(t *testing.T) {
	dir := t.TempDir()
	out, state := filepath.Join(dir, "out.ndjson"), filepath.Join(dir, "checkpoint")
	base := func() Config {
		c := config("45.16.0.0/16")
		c.Seed, c.Output, c.Stderr = "s", out, io.Discard
		return c
	}
	c := base()
	c.Checkpoint, c.Key = state, randomHex(16)
	s, err := newScan(&c)
	if err != nil {
		t.Fatal(err)
	}
	s.paths = &paths{source4: netip.MustParseAddr("192.0.2.1")}
	s.keeper.checkpoint = s.checkpoint()
	if err := s.keeper.save(state); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(*Config)
		want   string // in the error; empty: none
	}{
		{"nothing", func(*Config) {}, ""},
		{"no seed", func(c *Config) { c.Seed = "" }, ""},
		{"the same key", func(c *Config) { c.Key = s.cfg.Key }, ""},
		{"how it is carried out", func(c *Config) { c.Quiet, c.Interface, c.MaxRuntime = true, "eth7", time.Hour }, ""},
		{"lists in other words", func(c *Config) { c.Targets = []string{"45.16.0.0/17", "45.16.128.0/17"} }, ""},
		{"targets", func(c *Config) { c.Targets = []string{"45.17.0.0/16"} }, "what differs: the targets"},
		{"excludes", func(c *Config) { c.Exclude = []string{"45.16.9.0/24"} }, "what differs: the excludes"},
		{"seed", func(c *Config) { c.Seed = "t" }, "what differs: --seed"},
		{"key", func(c *Config) { c.Key = randomHex(16) }, "what differs: --key"},
		{"attempts", func(c *Config) { c.Attempts = 2 }, "what differs: --attempts (2, and was 1)"},
		{"rate", func(c *Config) { c.RatePPS = 20_000 }, "what differs: --rate (20000, and was 10000)"},
		{"method and port", func(c *Config) { c.Method, c.DstPort = probe.TCPSYN, 80 },
			"what differs: --dport (80, and was 33434), --method (tcp-syn, and was udp)"},
		{"compression", func(c *Config) { c.Output += ".gz" }, "what differs: --output (gz, and was )"},
		{"shard", func(c *Config) { c.Shard, c.Shards = 1, 2 }, "what differs: --shard (1 2, and was 0 0)"},
	}
	for _, tt := range tests {
		c := base()
		c.Resume = state
		tt.change(&c)
		_, err := newScan(&c)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || ClassOf(err) != Usage):
			t.Errorf("%s: %v, want %q and the class of usage", tt.name, err, tt.want)
		}
	}
	k, err := resumeKeeper(&Config{Resume: state})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.sameSource(&paths{source4: netip.MustParseAddr("192.0.2.2")}); err == nil {
		t.Error("another source was taken")
	}
	if err := k.sameSource(s.paths); err != nil {
		t.Error(err)
	}
}

func TestFlagName(t *testing.T) {
	for field, want := range map[string]string{"MinTTL": "min-ttl", "NoStop": "no-stop", "TOS": "tos", "Rate": "rate"} {
		if got := flagName(field); got != want {
			t.Errorf("%s is --%s, want --%s", field, got, want)
		}
	}
	o := (&Config{}).options()
	if _, ok := o["streams"]; ok || o["granularity4"] != "0" {
		t.Errorf("options %v", fmt.Sprint(o))
	}
}
