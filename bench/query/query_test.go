package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/record"
)

// The files have the hops and traces that their description states.
func TestFiles(t *testing.T) {
	c := &config{dir: t.TempDir()}
	if err := makeFiles(c.dir, 500); err != nil {
		t.Fatal(err)
	}
	f, err := c.files()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{f.Parquet[0], f.Lines[0]} {
		in, err := all.Open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		traces, hops := 0, 0
		for {
			r, err := in.Read()
			if err != nil {
				break // its end: the counts show a fault
			}
			if trace, ok := r.(*record.Trace); ok {
				traces, hops = traces+1, hops+len(trace.Hops)
			}
		}
		if err := in.Close(); err != nil || traces != f.Traces || hops != f.Hops || hops < 500 || f.Links == 0 {
			t.Errorf("%s: %d traces with %d hops, %v; described as %+v", path, traces, hops, err, f)
		}
	}
}

// Answers that differ, and those without a row, are errors.
func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		answers []string
		ok      bool
	}{{[]string{"1 2\n"}, true}, {[]string{"1 2\n", "1 2\n"}, true}, {[]string{"1 2\n", "1 3\n"}, false}, {[]string{""}, false}} {
		if err := (&asking{answers: tt.answers}).check(); (err == nil) != tt.ok {
			t.Errorf("%q: %v", tt.answers, err)
		}
	}
}

// Without a program there is no engine, and the error has the way to install it.
func TestNoEngine(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, _, err := (&config{modules: filepath.Join(t.TempDir(), "none")}).engine(os.TempDir()); err == nil {
		t.Error("no engine, and no error")
	}
}
