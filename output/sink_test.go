package output

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/masstrace/masstrace/internal/outfile"
)

// fill writes n traces, and returns what a Writer to path returned last.
func fill(t *testing.T, path string, stdout io.Writer, n int) error {
	t.Helper()
	sink, err := outfile.Open(path, stdout)
	if err != nil {
		t.Fatal(err)
	}
	tr := trace16()
	w := NewWriter(sink, testConfig)
	for range n {
		if err := w.Trace(tr); err != nil {
			return errors.Join(err, sink.Close())
		}
	}
	return errors.Join(w.Flush(), sink.Close())
}

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

func TestSinkFormats(t *testing.T) {
	const n = 300 // some buffers full
	sizes := map[string]int64{}
	for _, name := range []string{"out.ndjson", "out.ndjson.gz", "out.ndjson.zst"} {
		path := filepath.Join(t.TempDir(), name)
		if err := fill(t, path, nil, n); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		sizes[name] = info.Size()
		if mode := info.Mode().Perm(); mode&0o133 != 0 {
			t.Errorf("%s: mode %v", name, mode)
		}
		if got, err := count(t, path); got != n || err != io.EOF {
			t.Errorf("%s: %d traces, %v; want %d", name, got, err, n)
		}
	}
	if sizes["out.ndjson.gz"] > sizes["out.ndjson"]/4 || sizes["out.ndjson.zst"] > sizes["out.ndjson"]/4 {
		t.Errorf("sizes %v", sizes)
	}
}

// TestSinkFlush: what was flushed can be read before the file is closed, as it
// is when the writer is killed.
func TestSinkFlush(t *testing.T) {
	for name, want := range map[string]error{
		"out.ndjson": io.EOF, "out.gz": ErrCut, "out.zst": ErrCut,
	} {
		path := filepath.Join(t.TempDir(), name)
		sink, err := outfile.Open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := NewWriter(sink, testConfig)
		for range 3 {
			if err := errors.Join(w.Trace(trace16()), w.Flush()); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := count(t, path); got != 3 || err != want {
			t.Errorf("%s: %d traces, %v; want 3, %v", name, got, err, want)
		}
		if err := sink.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSinkFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	for _, name := range []string{"out.ndjson", "out.gz", "out.zst"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.Symlink("/dev/full", path); err != nil {
			t.Fatal(err)
		}
		if err := fill(t, path, nil, 100); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v, want ENOSPC", name, err)
		}
	}
}

func TestSinkBrokenPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := fill(t, "-", w, 100); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("%v, want EPIPE", err)
	}
}

func TestSinkStdout(t *testing.T) {
	var out bytes.Buffer
	if err := fill(t, "-", &out, 2); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(out.Bytes(), []byte("\n")); n != 4 {
		t.Errorf("%d lines, want 4", n)
	}
}

func TestSinkOpenError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no", "such", "folder")
	if _, err := outfile.Open(path, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want it to be os.ErrNotExist", err)
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
