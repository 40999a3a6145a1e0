package scan

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
)

// newSet is a recording that writes replies and meta records to files of their own.
func newSet(t *testing.T) (r *recording, paths []string) {
	t.Helper()
	r = newRecording(t, "out.ndjson")
	dir := filepath.Dir(r.config.Output)
	r.config.ReplyOutput, r.config.MetaOutput = filepath.Join(dir, "replies.ndjson.gz"), filepath.Join(dir, "meta.ndjson")
	return r, []string{r.config.Output, r.config.ReplyOutput, r.config.MetaOutput}
}

// checkSet wants each record in its file, and every trace once.
func (r *recording) checkSet(t *testing.T, targets int) {
	t.Helper()
	out, replies, meta := count(t, r.config.Output), count(t, r.config.ReplyOutput), count(t, r.config.MetaOutput)
	for dst, n := range out.traces {
		if n != 1 {
			t.Errorf("%v has %d traces", dst, n)
		}
	}
	type sums struct {
		traces, exts int
		replies      uint64
		targets      uint64
	}
	sumsOf := func(c counted) sums { return sums{len(c.traces), c.exts, c.replies, c.summary.Targets} }
	got := [3]sums{sumsOf(out), sumsOf(replies), sumsOf(meta)}
	want := [3]sums{{traces: targets}, {replies: meta.summary.Answered}, {exts: targets, targets: uint64(targets)}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(sums{})); diff != "" {
		t.Errorf("output, replies, meta (-want +got):\n%s", diff)
	}
}

// A run with three files continues from each checkpoint, and all its files are cut there.
func TestKilledSet(t *testing.T) {
	r, paths := newSet(t)
	history := r.run(t, r.config)
	targets := len(count(t, r.config.Output).traces)
	r.checkSet(t, targets)
	var whole [][]byte
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		whole = append(whole, text)
	}
	for i, was := range history {
		var state struct {
			Output outfile.Mark
			More   []outfile.Mark `json:"more_output"`
		}
		if err := json.Unmarshal(was.text, &state); err != nil {
			t.Fatal(err)
		}
		err := os.WriteFile(r.config.Checkpoint, was.text, 0o600)
		for j, m := range append([]outfile.Mark{state.Output}, state.More...) {
			later := []byte("written later")[:(i+j)%13]
			if m.Offset == 0 {
				later = nil // another inode than that of the mark: see TestReopen
			}
			err = errors.Join(err, os.Remove(paths[j]), os.WriteFile(paths[j], slices.Concat(whole[j][:m.Offset], later), 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
		resumed := r.config
		resumed.Checkpoint, resumed.Resume = "", r.config.Checkpoint
		r.run(t, resumed)
		if r.checkSet(t, targets); t.Failed() {
			t.Fatalf("checkpoint %d: %s", i, was.text)
		}
	}
}

// A resumed run needs the same set of files.
func TestResumeSet(t *testing.T) {
	r, _ := newSet(t)
	history := r.run(t, r.config)
	if err := os.WriteFile(r.config.Checkpoint, history[1].text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   []string // fields that differ
	}{
		{"the same", func(*Config) {}, nil},
		{"no replies", func(c *Config) { c.ReplyOutput = "" }, []string{"ReplyOutput"}},
		{"no meta", func(c *Config) { c.MetaOutput = "" }, []string{"MetaOutput"}},
		{"another compression", func(c *Config) { c.MetaOutput += ".zst" }, []string{"MetaOutput"}},
		{"one file", func(c *Config) { c.ReplyOutput, c.MetaOutput = "", "" }, []string{"ReplyOutput", "MetaOutput"}},
	} {
		c := r.config
		c.Checkpoint, c.Resume = "", r.config.Checkpoint
		tt.change(&c)
		_, err := newScan(t.Context(), &c)
		var got []string
		if differ, ok := errors.AsType[*plan.DifferError](err); ok {
			for _, d := range differ.Differences {
				got = append(got, d.Field)
			}
		} else if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
