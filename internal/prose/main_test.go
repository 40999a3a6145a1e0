package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheck reads a small tree of files. testdata, results and pages of benchmarks are
// left out.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"README.md":          "What it is.\n",
		"a/a.go":             "// Package a is fine.\npackage a\n",
		"a/b/b.go":           "// Package b shows what nobody knows.\npackage b\n",
		"a/testdata/what.md": "What it is.\n",
		".git/what.md":       "What it is.\n",
		"bench/RESULTS.md":   "What it is.\n",
		"notes.txt":          "What it is.\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	var out strings.Builder
	if err := check(&out, true, []string{"."}); err != nil {
		t.Fatal(err)
	}
	want := `README.md:1: clause: What it is.
a/b/b.go:1: clause: Package b shows what nobody knows.
a/b/b.go:1: person: Package b shows what nobody knows.
plain English  sentences  clause  person  long  verb  none  behind  wide
README.md      1          1       0       0     0     0     0       0
a/b            1          1       1       0     0     0     0       0
all            3          2       1       0     0     0     0       0
3 findings in 3 sentences
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCheckMissingFile(t *testing.T) {
	if err := check(&strings.Builder{}, false, []string{"no such file"}); err == nil {
		t.Error("no error for a path that does not exist")
	}
}
