package outfile

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// in returns the names of the files in a folder.
func in(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		found = append(found, e.Name())
	}
	return found
}

func TestReplace(t *testing.T) {
	tests := []struct {
		name   string
		before map[string]string // files, by name
	}{
		{name: "none before"},
		{name: "one before", before: map[string]string{"state": "old and longer"}},
		{name: "after a crash", before: map[string]string{"state": "old", "state.masstrace-new": "half of"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range tt.before {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			path := filepath.Join(dir, "state")
			if err := Replace(path, 0o600, []byte("new")); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			info, statErr := os.Stat(path)
			if err := errors.Join(err, statErr); err != nil {
				t.Fatal(err)
			}
			if string(got) != "new" || info.Mode().Perm() != 0o600 || !slices.Equal(in(t, dir), []string{"state"}) {
				t.Errorf("%q, %v; files %q", got, info.Mode(), in(t, dir))
			}
		})
	}
}

// If the new file cannot replace the old one, the new file is removed.
func TestReplaceError(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Replace(path, 0o600, []byte("new")); err == nil {
		t.Error("a folder was replaced")
	}
	if !slices.Equal(in(t, dir), []string{"state"}) {
		t.Errorf("files %q", in(t, dir))
	}
	if err := Replace(filepath.Join(dir, "no", "folder"), 0o600, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want it to be os.ErrNotExist", err)
	}
}

func TestWriteNewAndRemove(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if err := WriteNew(path, 0o600, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := WriteNew(path, 0o600, []byte("second")); !errors.Is(err, os.ErrExist) {
		t.Errorf("%v, want it to be os.ErrExist", err)
	}
	if got, err := os.ReadFile(path); string(got) != "first" || err != nil {
		t.Errorf("%q, %v: the first file is not as it was", got, err)
	}
	if err := Remove(path); err != nil || len(in(t, dir)) != 0 {
		t.Errorf("%v; files %q", err, in(t, dir))
	}
	if err := Remove(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want it to be os.ErrNotExist", err)
	}
}
