package ndjson

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/record"
)

// followedSample has every field.
func followedSample() *record.Followed {
	return &record.Followed{
		Run: "01JX", Targets: 40, Traced: 39,
		Probes:   record.FollowedProbes{First: 400, Routine: 900, Inquiry: 70, Unsent: 1, Answered: 1300, Silent: 60, Waiting: 5, Forgotten: 4},
		Changes:  record.FollowedChanges{All: 6, Route: 3, Balancer: 1, Unclear: 2, Paths: 11},
		Doubts:   record.FollowedDoubts{All: 20, Alternated: 4, Faded: 3, Outlived: 2, Open: 1, Weak: 9},
		Silence:  record.FollowedSilence{Limited: 8, Lost: 7, Ours: 6},
		OnChange: &record.FollowedCalls{Done: 3, Failed: 1, Dropped: 1, Left: 1},
		ElapsedS: 61.5, Reason: record.ReasonSignal,
	}
}

func followedLines(t testing.TB) []byte {
	return written(t, testConfig, func(w *Writer) {
		if err := w.Write(followedSample()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestGoldenFollowed(t *testing.T) { golden(t, "followed.ndjson", followedLines(t)) }

// A record is read as it was, and adds up.
func TestFollowed(t *testing.T) {
	line := bytes.TrimSpace(followedLines(t))
	if err := check(line); err != nil {
		t.Error(err)
	}
	got, err := Decode(line)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(record.Record(followedSample()), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := followedSample().Balance(); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct {
		change func(*record.Followed)
		want   string
	}{
		{func(f *record.Followed) { f.Probes.Answered++ }, "waiting + forgotten"},
		{func(f *record.Followed) { f.Changes.Unclear-- }, "all = route"},
		{func(f *record.Followed) { f.Changes.Paths = 5 }, "paths ≥ all"},
		{func(f *record.Followed) { f.Doubts.All = 8 }, "doubts.all"},
		{func(f *record.Followed) { f.Silence.Lost = 60 }, "silent ≥"},
		{func(f *record.Followed) { f.Targets = 38 }, "traced ≤ targets"},
	} {
		f := followedSample()
		if tt.change(f); f.Balance() == nil || !strings.Contains(f.Balance().Error(), tt.want) {
			t.Errorf("%v, want %q", f.Balance(), tt.want)
		}
	}
}
