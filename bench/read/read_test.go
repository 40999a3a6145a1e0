package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestRead: every way reads every record.
func TestRead(t *testing.T) {
	const n = 200
	f, err := makeFiles(t.TempDir(), n)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range ways(f) {
		if err := w.measure(); err != nil {
			t.Fatalf("%s: %v", w.name, err)
		}
		want := n + 1 // the run record
		if strings.HasPrefix(w.name, "encoding/json") {
			want = w.records // a part of them
		}
		if w.records != want || w.records == 0 || w.octets == 0 {
			t.Errorf("%s: %d records, %d octets", w.name, w.records, w.octets)
		}
	}
}

// TestKept: the figures come into the file.
func TestKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "RESULTS.md")
	if err := run(50, 1, "", path); err != nil {
		t.Fatal(err)
	}
}
