package output

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/masstrace/masstrace/internal/outfile"
)

// A file cut at a mark is whole, and what is appended there goes on from it.
func TestMark(t *testing.T) {
	for _, name := range []string{"out.ndjson", "out.ndjson.gz", "out.ndjson.zst"} {
		path := filepath.Join(t.TempDir(), name)
		sink, err := outfile.Open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := NewWriter(sink, testConfig)
		marks := []int64{}
		for n := range 4 {
			for range n { // the first mark has nothing before it, nor has a second in a row
				if err := w.Trace(trace16()); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if err := w.Flush(); err != nil {
					t.Fatal(err)
				}
				at, err := sink.Mark()
				if err != nil {
					t.Fatal(err)
				}
				marks = append(marks, at)
			}
		}
		if err := errors.Join(w.Trace(trace16()), w.Flush(), sink.Close()); err != nil {
			t.Fatal(err)
		}
		if got, err := count(t, path); got != 7 || err != io.EOF {
			t.Errorf("%s: %d traces, %v; want 7", name, got, err)
		}
		for i := len(marks) - 1; i >= 0; i-- {
			had := []int{0, 1, 3, 6}[i/2]
			checkReopened(t, path, marks[i], had)
		}
	}
}

// checkReopened cuts the file at a mark, which had traces before it, and appends
// one more.
func checkReopened(t *testing.T, path string, at int64, had int) {
	t.Helper()
	for more := range 2 {
		sink, err := outfile.Reopen(path, at)
		if err != nil {
			t.Fatal(err)
		}
		w := NewWriter(sink, testConfig)
		for range more {
			err = errors.Join(err, w.Trace(trace16()))
		}
		if err := errors.Join(err, w.Flush(), sink.Close()); err != nil {
			t.Fatal(err)
		}
		if got, err := count(t, path); got != had+more || err != io.EOF {
			t.Errorf("%s at %d: %d traces, %v; want %d and %d", path, at, got, err, had, more)
		}
	}
}

func TestReopenErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.ndjson")
	if _, err := outfile.Reopen(path, 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := fill(t, path, nil, 1); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := outfile.Reopen(path, info.Size()+1); err == nil {
		t.Error("a file that is too short was taken")
	}
	first, err := outfile.Reopen(path, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := outfile.Reopen(path, 0); !errors.Is(err, outfile.ErrTaken) {
		t.Errorf("a file that is written to: %v, want ErrTaken", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := count(t, path); got != 1 || err != io.EOF {
		t.Errorf("%d traces, %v; want 1: a refusal changes nothing", got, err)
	}
	stdout, err := outfile.Open("-", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Mark(); err == nil {
		t.Error("the standard output was marked")
	}
}
