package outfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A file cut at a mark is whole, and data that is appended there continues it.
func TestMark(t *testing.T) {
	for _, name := range names {
		path := filepath.Join(t.TempDir(), name)
		f, err := Open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		marks := []int64{}
		for n := range 4 {
			write(t, f, n) // the first mark has nothing before it, nor has a second in a row
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

// checkReopened cuts the file at a mark, which had lines before it, and appends
// one more.
func checkReopened(t *testing.T, path string, at int64, had int) {
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
			t.Errorf("%s at %d: %d lines, %v; want %d and %d", path, at, got, err, had, more)
		}
	}
}

func TestReopenErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	if _, err := Reopen(path, 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	made(t, path, 1)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Reopen(path, info.Size()+1); err == nil {
		t.Error("a file that is too short was taken")
	}
	first, err := Reopen(path, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Reopen(path, 0); !errors.Is(err, ErrTaken) {
		t.Errorf("a file that is written to: %v, want ErrTaken", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := count(t, path); got != 1 || err != nil {
		t.Errorf("%d lines, %v; want 1: a refusal changes nothing", got, err)
	}
	stdout, err := Open("-", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Mark(); err == nil {
		t.Error("the standard output was marked")
	}
}
