package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/format/all"
)

// TestFormats: the figures of every format come into the file.
func TestFormats(t *testing.T) {
	path := filepath.Join(t.TempDir(), "RESULTS.md")
	if err := run(30, 1, "../..", path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all.Names() {
		if !strings.Contains(string(text), "\n| "+name+" ") {
			t.Errorf("no %s in\n%s", name, text)
		}
	}
	if err := run(1, 1, t.TempDir(), ""); err == nil {
		t.Error("no source, and no error")
	}
}
