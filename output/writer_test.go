package output

import (
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/masstrace/masstrace/internal/outfile"
)

// count returns how many records of traces are in the file, and its error.
func count(t *testing.T, path string) (int, error) {
	t.Helper()
	r, err := OpenReader(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for n := 0; ; {
		switch record, err := r.Next(); record.(type) {
		case *TraceRecord:
			n++
		case nil:
			return n, err
		}
	}
}

// TestWriterFlushed: what was flushed can be read before the file is closed, as it
// is when the writer is killed.
func TestWriterFlushed(t *testing.T) {
	for name, want := range map[string]error{
		"out.ndjson": io.EOF, "out.gz": ErrCut, "out.zst": ErrCut,
	} {
		path := filepath.Join(t.TempDir(), name)
		file, err := outfile.Open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := NewWriter(file, testConfig)
		for range 3 {
			if err := errors.Join(w.Trace(trace16()), w.Flush()); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := count(t, path); got != 3 || err != want {
			t.Errorf("%s: %d traces, %v; want 3, %v", name, got, err, want)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// lineWriter fails if it is given anything but whole lines.
type lineWriter struct {
	t     *testing.T
	calls int
}

func (l *lineWriter) Write(b []byte) (int, error) {
	l.calls++
	if b[len(b)-1] != '\n' {
		l.t.Errorf("write %d ends in %q", l.calls, b[max(0, len(b)-10):])
	}
	return len(b), nil
}

func TestWriterWholeLines(t *testing.T) {
	l := &lineWriter{t: t}
	w := NewWriter(l, testConfig)
	for range 500 {
		if err := w.Trace(trace16()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if l.calls < 5 || l.calls > 20 {
		t.Errorf("%d writes", l.calls)
	}
}

// failer fails after some writes.
type failer struct{ left int }

var errFailed = errors.New("failed on purpose")

func (f *failer) Write(b []byte) (int, error) {
	if f.left--; f.left < 0 {
		return 0, errFailed
	}
	return len(b), nil
}

func TestWriterErrorStays(t *testing.T) {
	f := &failer{left: 1}
	w := NewWriter(f, testConfig)
	tr := trace16()
	if err := errors.Join(w.Trace(tr), w.Flush()); err != nil {
		t.Fatal(err)
	}
	if err := w.Trace(tr); err != nil {
		t.Fatal(err)
	}
	for i, err := range []error{
		w.Flush(), w.Trace(tr), w.Reply(&tr.Head, &tr.Hops[0]), w.Summary(testSummary()), w.Flush(),
	} {
		if !errors.Is(err, errFailed) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if f.left != -1 {
		t.Errorf("%d more writes after the error", -1-f.left)
	}
}
