package outfile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A file that is cut at a mark is complete, and can be continued there.
func TestMark(t *testing.T) {
	for _, name := range names {
		path := filepath.Join(t.TempDir(), name)
		f, err := Open(path, nil, Keep)
		if err != nil {
			t.Fatal(err)
		}
		marks := []Mark{}
		for n := range 4 {
			write(t, f, n) // also tests a mark at the start, and two marks in a row
			for range 2 {
				at, err := f.Mark()
				if err != nil {
					t.Fatal(err)
				}
				marks = append(marks, at)
			}
		}
		write(t, f, 1)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := count(t, path); got != 7 || err != nil {
			t.Errorf("%s: %d lines, %v; want 7", name, got, err)
		}
		for i := len(marks) - 1; i >= 0; i-- {
			had := []int{0, 1, 3, 6}[i/2]
			checkReopened(t, path, marks[i], had)
		}
	}
}

// checkReopened cuts the file at a mark after had lines, and appends one more line.
func checkReopened(t *testing.T, path string, at Mark, had int) {
	t.Helper()
	for more := range 2 {
		f, err := Reopen(path, at)
		if err != nil {
			t.Fatal(err)
		}
		write(t, f, more)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := count(t, path); got != had+more || err != nil {
			t.Errorf("%s at %v: %d lines, %v; want %d and %d", path, at, got, err, had, more)
		}
	}
}

func TestReopenErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	if _, err := Reopen(path, Mark{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	whole := marked(t, path, 2)
	first, err := Reopen(path, whole)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Reopen(path, whole); !errors.Is(err, ErrTaken) {
		t.Errorf("a file that is written to: %v, want ErrTaken", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	stdout, err := Open("-", io.Discard, Keep)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Mark(); err == nil {
		t.Error("the standard output was marked")
	}
}

// marked makes the file at path with n lines, and returns its mark.
func marked(t *testing.T, path string, n int) Mark {
	t.Helper()
	f, err := Open(path, nil, Keep)
	if err != nil {
		t.Fatal(err)
	}
	write(t, f, n)
	m, err := f.Mark()
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return m
}

// Another file than that of the mark stays as it is, however long it is.
func TestReopenForeign(t *testing.T) {
	dir := t.TempDir()
	m := marked(t, filepath.Join(dir, "ours"), 3)
	for lines := range 6 {
		path := filepath.Join(dir, "other")
		other := bytes.Repeat([]byte("other"), lines*len(line)/5+1)
		if err := os.WriteFile(path, other, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Reopen(path, m)
		if foreign := new(ForeignError); !errors.As(err, &foreign) {
			t.Errorf("%d octets: %v, want a ForeignError", len(other), err)
		}
		if got, _ := os.ReadFile(path); !bytes.Equal(got, other) {
			t.Errorf("%d octets are left of %d", len(got), len(other))
		}
	}
}
