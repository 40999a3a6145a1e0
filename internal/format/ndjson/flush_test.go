package ndjson

import (
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/record"
)

// Flushed records can be read before the file is closed, as after a kill of the writer.
func TestWriterFlushed(t *testing.T) {
	for name, want := range map[string]error{
		"out.ndjson": io.EOF, "out.gz": format.ErrCut, "out.zst": format.ErrCut,
	} {
		path := filepath.Join(t.TempDir(), name)
		file, err := outfile.Open(path, nil, outfile.Keep)
		if err != nil {
			t.Fatal(err)
		}
		w := NewWriter(file, testConfig)
		for range 3 {
			if err := errors.Join(w.Write(sampleUDP4().trace), w.Flush()); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := countTraces(t, path); got != 3 || err != want {
			t.Errorf("%s: %d traces, %v; want 3, %v", name, got, err, want)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// countTraces returns how many traces are in the file, and the error that ends it.
func countTraces(t *testing.T, path string) (n int, err error) {
	t.Helper()
	in, err := format.OpenInput(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	r := NewReader(in)
	for {
		rec, err := r.Read()
		if err != nil {
			return n, err
		}
		if _, ok := rec.(*record.Trace); ok {
			n++
		}
	}
}
