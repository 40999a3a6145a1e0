package outfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A file that is only useful as a whole has its name from its end on.
func TestOpenWhole(t *testing.T) {
	for _, name := range names {
		path := filepath.Join(t.TempDir(), name)
		f, err := OpenWhole(path, nil, Keep)
		if err != nil {
			t.Fatal(err)
		}
		write(t, f, 3)
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v before its end", name, err)
		}
		if _, err := OpenWhole(path, nil, Keep); !errors.Is(err, ErrTaken) {
			t.Errorf("%s: %v, want ErrTaken", name, err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if n, err := count(t, path); n != 3 || err != nil {
			t.Errorf("%s: %d lines, %v", name, n, err)
		}
		if _, err := os.Lstat(path + FreshSuffix); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v under its other name", name, err)
		}
	}
}

// An existing file stays until its replacement is whole. It stays if the replacement is discarded.
func TestOpenWholeExisting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	made(t, path, 1)
	link := filepath.Join(filepath.Dir(path), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path     string
		existing Existing
		link     bool
	}{{path, Keep, false}, {link, Keep, true}, {link, Overwrite, true}} {
		if exists, ok := errors.AsType[*ExistsError](second(OpenWhole(tt.path, nil, tt.existing))); !ok || exists.Link != tt.link {
			t.Errorf("%s, existing %d: %+v", tt.path, tt.existing, exists)
		}
	}
	for _, whole := range []bool{false, true} {
		f, err := OpenWhole(path, nil, Overwrite)
		if err != nil {
			t.Fatal(err)
		}
		write(t, f, 2)
		if n, err := count(t, path); n != 1 || err != nil {
			t.Errorf("%d lines, %v, of the old file before the new one is whole", n, err)
		}
		if _, err := Open(path, nil, Overwrite); !errors.Is(err, ErrTaken) {
			t.Errorf("%v, want ErrTaken", err)
		}
		end, want := f.Close, 2
		if !whole {
			end, want = f.Discard, 1
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if n, err := count(t, path); n != want || err != nil {
			t.Errorf("whole %t: %d lines, %v; want %d", whole, n, err, want)
		}
		if list, _ := filepath.Glob(path + "*"); len(list) != 1 {
			t.Errorf("whole %t: %v", whole, list)
		}
	}
}

// A file that another process makes meanwhile stays.
func TestOpenWholeRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	f, err := OpenWhole(path, nil, Keep)
	if err != nil {
		t.Fatal(err)
	}
	write(t, f, 2)
	made(t, path, 1)
	if err := f.Close(); !errors.Is(err, os.ErrExist) {
		t.Errorf("%v, want an ExistsError", err)
	}
	if n, err := count(t, path); n != 1 || err != nil {
		t.Errorf("%d lines, %v", n, err)
	}
}

// A file that a killed process left under the other name is replaced. Streams have no other name.
func TestOpenWholeLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	made(t, path+FreshSuffix, 5)
	for _, path := range []string{path, os.DevNull} {
		f, err := OpenWhole(path, nil, Keep)
		if err != nil {
			t.Fatal(err)
		}
		write(t, f, 1)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := count(t, path); n != 1 || err != nil {
		t.Errorf("%d lines, %v", n, err)
	}
}

func second(_ *File, err error) error { return err }
