package merge

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// writePaths writes a shard of 2 with multipath records to some targets, whose probes are those of
// the summary. Its traces have a few of them.
func writePaths(t *testing.T, path string, shard int, targets ...byte) {
	t.Helper()
	sink, err := outfile.Open(path, nil, outfile.Overwrite)
	if err != nil {
		t.Fatal(err)
	}
	conf := testConfig
	conf.Run = string(rune('A' + shard))
	w := ndjson.NewWriter(sink, conf)
	run, sum := testRun(), testSummary()
	run.Run, run.Shard = conf.Run, [2]int{shard, 2}
	err = errors.Join(w.Write(&record.CycleStart{}), w.Write(run))
	for _, n := range targets {
		tr := trace16()
		tr.Target = probe.Addr4From([4]byte{198, 51, 100, n})
		tr.ProbeCount, tr.Answered = 16, 16
		err = errors.Join(err, w.Write(tr), w.Write(&record.Multipath{Target: tr.Target, Probes: int(sum.Sent) / len(targets)}))
	}
	if err = errors.Join(err, w.Write(sum), w.Write(&record.CycleStop{}), w.Flush(), sink.Close()); err != nil {
		t.Fatal(err)
	}
}

// Multipath records are copied, counted and compared with the summary, as traces are.
func TestMergeMultipath(t *testing.T) {
	for _, tt := range []struct {
		name   string
		second []byte // targets of the second shard
		want   string
	}{
		{"as they were", []byte{3, 4}, ""},
		{"a record is missing", []byte{3, 4, 5}, "999 probes, and the summary has 1000"}, // 1000 is not a multiple of 3
		{"a target of both", []byte{3, 2}, "there twice"},
	} {
		dir := t.TempDir()
		paths := []string{filepath.Join(dir, "a.ndjson"), filepath.Join(dir, "b.ndjson")}
		writePaths(t, paths[0], 0, 1, 2)
		writePaths(t, paths[1], 1, tt.second...)
		m, err := Prepare(t.Context(), Config{Files: paths})
		if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || !errors.Is(err, ErrContents)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if err != nil {
			continue
		}
		var out bytes.Buffer
		if err := m.Write(t.Context(), fileset.Lines{ndjson.NewWriter(&out, ndjson.Config{})}); err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(out.Bytes(), []byte(`{"type":"multipath"`)); n != 4 {
			t.Errorf("%d multipath records in %s", n, out.Bytes())
		}
	}
}
