package merge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// shardOf has the changes of a test in the file of shard i of 3.
type shardOf struct {
	run     func(*record.Run)
	summary func(*record.Summary) // nil in the pointer's place leaves it out
	killed  bool
	again   bool // a second run record
}

// writeShard writes the file of a shard with i+1 traces.
func writeShard(t *testing.T, path string, i int, change shardOf) {
	t.Helper()
	sink, err := outfile.Open(path, nil, outfile.Overwrite)
	if err != nil {
		t.Fatal(err)
	}
	conf := testConfig
	conf.Run = string(rune('A' + i))
	w := ndjson.NewWriter(sink, conf)
	run, sum := testRun(), testSummary()
	run.Shard = [2]int{i, 3}
	run.KeyID, run.Argv, run.RatePPS, run.Source = conf.Run, nil, float64(1000*(i+1)), "192.0.2."+conf.Run
	sum.ElapsedS = float64(10 + i)
	if change.run != nil {
		change.run(run)
	}
	if change.summary != nil {
		change.summary(sum)
	}
	err = errors.Join(w.Write(&record.CycleStart{Cycle: record.Cycle{Time: int64(1000 + i)}}), w.Write(run))
	if change.again {
		err = errors.Join(err, w.Write(run))
	}
	for n := range i + 1 {
		tr := trace16()
		tr.Target = probe.Addr4From([4]byte{198, 51, byte(i), byte(n)})
		tr.ProbeCount, tr.Answered = int(sum.Sent)/(i+1), int(sum.Answered)/(i+1)
		if n == 0 {
			tr.ProbeCount, tr.Answered = tr.ProbeCount+int(sum.Sent)%(i+1), tr.Answered+int(sum.Answered)%(i+1)
		}
		err = errors.Join(err, w.Write(tr))
	}
	if !change.killed {
		err = errors.Join(err, w.Write(sum), w.Write(&record.CycleStop{Cycle: record.Cycle{Time: int64(2000 + i)}}))
	}
	if err := errors.Join(err, w.Flush(), sink.Close()); err != nil {
		t.Fatal(err)
	}
}

var shardNames = []string{"a.ndjson", "b.ndjson.gz", "c.ndjson.zst"}

// writeShards writes three, in as many formats.
func writeShards(t *testing.T) (paths []string) {
	t.Helper()
	dir := t.TempDir()
	for i, name := range shardNames {
		paths = append(paths, filepath.Join(dir, name))
		writeShard(t, paths[i], i, shardOf{})
	}
	return paths
}

func TestMerge(t *testing.T) {
	paths := writeShards(t)
	slices.Reverse(paths)
	m, err := Prepare(t.Context(), Config{Files: paths})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := m.Write(t.Context(), fileset.Lines{ndjson.NewWriter(&out, ndjson.Config{})}); err != nil {
		t.Fatal(err)
	}
	r := ndjson.NewReader(&out)
	var order []string
	var sum *record.Summary
	var start, stop int64
	for {
		typ, line, err := r.ReadLine()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var named struct{ Run string }
		if err := json.Unmarshal(line, &named); err != nil {
			t.Fatal(err)
		}
		order = append(order, strings.TrimSpace(typ+" "+named.Run))
		rec, err := ndjson.Decode(line)
		if err != nil {
			t.Fatal(err)
		}
		switch rec := rec.(type) {
		case *record.CycleStart:
			start = rec.Time
		case *record.CycleStop:
			stop = rec.Time
		case *record.Summary:
			sum = rec
		}
	}
	want := "cycle-start,run A,trace,trace-ext A,run B,trace,trace-ext B,trace,trace-ext B," +
		"run C,trace,trace-ext C,trace,trace-ext C,trace,trace-ext C,summary A,cycle-stop"
	if got := strings.Join(order, ","); got != want {
		t.Errorf("records\n%s, want\n%s", got, want)
	}
	one := testSummary()
	if err := sum.Balance(); err != nil {
		t.Error(err)
	}
	if sum.Targets != 3*one.Targets || sum.Sent != 3*one.Sent || sum.TTLs != one.TTLs || sum.ElapsedS != 12 ||
		!sum.Complete || sum.Reason != record.ReasonDone || strings.Join(sum.Merged, "") != "ABC" {
		t.Errorf("summary %+v", sum)
	}
	// The six traces are of the same path: its interfaces and links do not add up. The lists are
	// the same too.
	want16 := &record.Findings{Traces: 6, Ends: map[string]uint64{"NONE": 6}, Interfaces: 16, Links: 15}
	if diff := cmp.Diff(want16, sum.Findings); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(one.LeftOut, sum.LeftOut); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
	if start != 1000 || stop != 2002 {
		t.Errorf("from %d to %d, want 1000 to 2002", start, stop)
	}
}

func TestMergeRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change shardOf // of the second file
		want   string
	}{
		{"seed", shardOf{run: func(r *record.Run) { r.Seed = "43" }}, "a.ndjson and b.ndjson.gz differ in seed"},
		{"targets and attempts", shardOf{run: func(r *record.Run) { r.TargetsSHA256, r.Attempts = "cc", 3 }}, "differ in attempts, targets_sha256"},
		{"port left out", shardOf{run: func(r *record.Run) { r.DstPort = 0 }}, "differ in dport"},
		{"targets per prefix", shardOf{run: func(r *record.Run) { r.PerPrefix = 2 }}, "differ in per_prefix"},
		{"the same shard", shardOf{run: func(r *record.Run) { r.Shard[0] = 0 }}, "a.ndjson and b.ndjson.gz are both shard 1 of 3"},
		{"another number of shards", shardOf{run: func(r *record.Run) { r.Shard[1] = 4 }}, "b.ndjson.gz of 4"},
		{"killed", shardOf{killed: true}, "b.ndjson.gz: not the shards of one scan: it has no summary"},
		{"merged", shardOf{again: true}, "b.ndjson.gz: has several run records"},
		{"not balanced", shardOf{summary: func(s *record.Summary) { s.Sent++ }}, "b.ndjson.gz: summary: sent"},
	}
	for _, tt := range tests {
		paths := writeShards(t)
		writeShard(t, paths[1], 1, tt.change)
		_, err := Prepare(t.Context(), Config{Files: paths, Missing: AllowMissing})
		dir := filepath.Dir(paths[0]) + string(filepath.Separator)
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), dir, ""), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// Missing shards are named, or tolerated.
func TestMergeMissing(t *testing.T) {
	paths := writeShards(t)[1:2]
	if _, err := Prepare(t.Context(), Config{Files: paths}); !errors.Is(err, ErrShards) || !strings.Contains(err.Error(), "missing: 1, 3") {
		t.Errorf("%v, want shards 1 and 3 to be missing", err)
	}
	m, err := Prepare(t.Context(), Config{Files: paths, Missing: AllowMissing})
	if err != nil || m.Summary.Complete || m.Summary.Reason != record.ReasonShards || m.Summary.Targets != testSummary().Targets {
		t.Errorf("%+v, %v; want one shard, not complete", m, err)
	}
}

// Files may claim any number of shards: the error names a few, and takes no longer.
func TestMergeManyMissing(t *testing.T) {
	for _, tt := range []struct {
		shards [3][2]int
		want   string // "" for a merge that nothing lacks
	}{
		{[3][2]int{{0, 3}, {1, 3}, {2, 3}}, ""},
		{[3][2]int{{0, 5}, {2, 5}, {4, 5}}, "of 5 shards these are missing: 2, 4"},
		{[3][2]int{{0, 13}, {1, 13}, {12, 13}}, "missing: 3, 4, 5, 6, 7, 8, 9, 10, 11, 12"},
		{[3][2]int{{0, 14}, {1, 14}, {13, 14}}, "missing: 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, and 1 more"},
		{[3][2]int{{0, 1e12}, {5, 1e12}, {1e12 - 1, 1e12}},
			"of 1000000000000 shards these are missing: 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, and 999999999987 more"},
		{[3][2]int{{0, math.MaxInt}, {1, math.MaxInt}, {2, math.MaxInt}}, "missing: 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, and 9223372036854775794 more"},
		{[3][2]int{{0, 3}, {1, 3}, {3, 3}}, "is shard 4 of 3"},
		{[3][2]int{{-1, 3}, {1, 3}, {2, 3}}, "is shard 0 of 3"},
		{[3][2]int{{0, 3}, {2, 3}, {2, 3}}, "are both shard 3 of 3"},
	} {
		paths := writeShards(t)
		for i := range paths {
			writeShard(t, paths[i], i, shardOf{run: func(r *record.Run) { r.Shard = tt.shards[i] }})
		}
		_, err := Prepare(t.Context(), Config{Files: paths})
		if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, ErrShards) || !strings.HasSuffix(err.Error(), tt.want)) {
			t.Errorf("%v: %v, want %q", tt.shards, err, tt.want)
		}
	}
}

// endsAfter is a context that ends when it was asked some times.
type endsAfter struct {
	context.Context
	left int
}

func (e *endsAfter) Err() error {
	if e.left--; e.left < 0 {
		return context.Canceled
	}
	return nil
}

// A merge ends with its context, at any line.
func TestMergeInterrupted(t *testing.T) {
	paths := writeShards(t)
	for n := 0; ; n++ {
		ctx := &endsAfter{t.Context(), n}
		m, err := Prepare(ctx, Config{Files: paths})
		if err == nil {
			err = m.Write(ctx, fileset.Lines{ndjson.NewWriter(io.Discard, ndjson.Config{})})
		}
		if err == nil {
			if n < 50 { // each line is read twice
				t.Errorf("%d looks at the context", n)
			}
			return
		}
		if !errors.Is(err, context.Canceled) || errors.Is(err, ErrShards) {
			t.Fatalf("after %d looks: %v", n, err)
		}
	}
}

// A file that is cut is named, wherever it is cut.
func TestMergeCut(t *testing.T) {
	paths := writeShards(t)
	for i, path := range paths {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, len(whole) / 3, len(whole) / 2, len(whole) - 30} {
			if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Prepare(t.Context(), Config{Files: paths}); err == nil || !strings.Contains(err.Error(), shardNames[i]) {
				t.Errorf("%s cut at %d: %v", shardNames[i], n, err)
			}
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
