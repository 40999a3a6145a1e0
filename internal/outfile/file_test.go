package outfile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// names selects the different kinds of files.
var names = []string{"out.ndjson", "out.ndjson.gz", "out.ndjson.zst"}

// line is the line that tests write. It is so long that 300 lines fill several buffers.
var line = append(bytes.Repeat([]byte("twelve chars"), 100), '\n')

// write writes n lines.
func write(t *testing.T, f *File, n int) {
	t.Helper()
	for range n {
		if _, err := f.Write(line); err != nil {
			t.Fatal(err)
		}
	}
}

// made makes the file at path with n lines.
func made(t *testing.T, path string, n int) {
	t.Helper()
	f, err := Open(path, nil, Overwrite)
	if err != nil {
		t.Fatal(err)
	}
	write(t, f, n)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// count returns how many of the tests' lines are at the start of the file. The error is that of the
// stream after them.
func count(t *testing.T, path string) (int, error) {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	r, _, err := Decompress(in)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	n := len(all) / len(line)
	if !bytes.Equal(all, bytes.Repeat(line, n)) {
		t.Errorf("%s: not %d lines as they were written", path, n)
	}
	return n, err
}

func TestOpenFormats(t *testing.T) {
	const n = 300
	sizes := map[string]int64{}
	for _, name := range names {
		path := filepath.Join(t.TempDir(), name)
		made(t, path, n)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		sizes[name] = info.Size()
		if mode := info.Mode().Perm(); mode&0o133 != 0 {
			t.Errorf("%s: mode %v", name, mode)
		}
		if got, err := count(t, path); got != n || err != nil {
			t.Errorf("%s: %d lines, %v; want %d", name, got, err, n)
		}
		made(t, path, 1)
		if got, err := count(t, path); got != 1 || err != nil {
			t.Errorf("%s, again: %d lines, %v; want 1", name, got, err)
		}
	}
	if sizes[names[1]] > sizes[names[0]]/4 || sizes[names[2]] > sizes[names[0]]/4 {
		t.Errorf("sizes %v", sizes)
	}
}

// Opening a file that another File writes does not change it.
func TestOpenTaken(t *testing.T) {
	for _, name := range names {
		path := filepath.Join(t.TempDir(), name)
		first, err := Open(path, nil, Keep)
		if err != nil {
			t.Fatal(err)
		}
		write(t, first, 2)
		if err := first.Flush(); err != nil {
			t.Fatal(err)
		}
		link := filepath.Join(filepath.Dir(path), "another name")
		if err := os.Link(path, link); err != nil {
			t.Fatal(err)
		}
		for _, again := range []string{path, link} {
			if _, err := Open(again, nil, Overwrite); !errors.Is(err, ErrTaken) {
				t.Errorf("%s: %v, want ErrTaken", again, err)
			}
		}
		if n, _ := count(t, path); n != 2 {
			t.Errorf("%s: %d lines are left of the first, want 2", name, n)
		}
		write(t, first, 1)
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		if n, err := count(t, path); n != 3 || err != nil {
			t.Errorf("%s: %d lines of the first, %v; want 3", name, n, err)
		}
		made(t, path, 1) // Close released the lock
	}
}

// Devices and pipes are shared: they are not locked.
func TestOpenShared(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(pipe, os.O_RDWR, 0) // does not wait for a writer
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for _, path := range []string{pipe, os.DevNull} {
		for range 2 {
			f, err := Open(path, nil, Keep)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			write(t, f, 1)
		}
	}
	got := make([]byte, 2*len(line))
	if _, err := io.ReadFull(reader, got); err != nil || !bytes.Equal(got, bytes.Repeat(line, 2)) {
		t.Errorf("%d octets came through the pipe, %v", len(got), err)
	}
}

// Flushed data can be read before the file is closed, for example after its writer was killed.
func TestFlush(t *testing.T) {
	for i, want := range []error{nil, io.ErrUnexpectedEOF, io.ErrUnexpectedEOF} {
		path := filepath.Join(t.TempDir(), names[i])
		f, err := Open(path, nil, Keep)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			write(t, f, 1)
			if err := f.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := count(t, path); got != 3 || !errors.Is(err, want) {
			t.Errorf("%s: %d lines, %v; want 3, %v", names[i], got, err, want)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skipf("needs /dev/full: %v", err)
	}
	for _, name := range names {
		path := filepath.Join(t.TempDir(), name)
		if err := os.Symlink("/dev/full", path); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path, nil, Keep)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Write(line)
		if err = errors.Join(err, f.Flush(), f.Close()); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v, want ENOSPC", name, err)
		}
	}
}

func TestStdout(t *testing.T) {
	var out bytes.Buffer
	f, err := Open("-", &out, Keep)
	if err != nil {
		t.Fatal(err)
	}
	write(t, f, 2)
	if err := errors.Join(f.Flush(), f.Close()); err != nil || !bytes.Equal(out.Bytes(), bytes.Repeat(line, 2)) {
		t.Errorf("%d octets, %v", out.Len(), err)
	}

	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if f, err = Open("-", w, Keep); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(line); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("%v, want EPIPE", err)
	}
}

func TestOpenError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no", "such", "folder")
	if _, err := Open(path, nil, Keep); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want it to be os.ErrNotExist", err)
	}
}

// An existing file stays, also an empty one, unless it may be overwritten.
func TestOpenExisting(t *testing.T) {
	for _, content := range []string{"", "precious"} {
		path := filepath.Join(t.TempDir(), "out")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path, nil, Keep)
		if exists := new(ExistsError); !errors.As(err, &exists) || exists.Link || !errors.Is(err, os.ErrExist) {
			t.Errorf("%v, want an ExistsError", err)
		}
		if got, _ := os.ReadFile(path); string(got) != content {
			t.Errorf("%q is left of %q", got, content)
		}
		made(t, path, 2)
		if n, err := count(t, path); n != 2 || err != nil {
			t.Errorf("%d lines, %v", n, err)
		}
	}
}

// Open does not write through a link. The file that the link leads to stays.
func TestOpenLink(t *testing.T) {
	dir := t.TempDir()
	kept, link, nowhere := filepath.Join(dir, "kept"), filepath.Join(dir, "link"), filepath.Join(dir, "nowhere")
	made(t, kept, 1)
	if err := errors.Join(os.Symlink(kept, link), os.Symlink(filepath.Join(dir, "missing"), nowhere)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, nowhere} {
		for _, existing := range []Existing{Keep, Overwrite} {
			_, err := Open(path, nil, existing)
			if exists := new(ExistsError); !errors.As(err, &exists) || !exists.Link {
				t.Errorf("%s: %v, want an ExistsError", path, err)
			}
		}
	}
	if n, err := count(t, kept); n != 1 || err != nil {
		t.Errorf("%d lines, %v", n, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "missing")); err == nil {
		t.Error("a file was made through a link")
	}
}

// Discard removes a file that Open made, and no other file.
func TestDiscard(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	for _, existing := range []Existing{Keep, Overwrite} {
		f, err := Open(path, nil, existing)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Discard(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); (err == nil) != (existing == Overwrite) {
			t.Errorf("existing %v: %v", existing, err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := (*File)(nil).Discard(); err != nil {
		t.Error(err)
	}
}

// Absent returns the errors of Open for files that exist, and makes none.
func TestAbsent(t *testing.T) {
	dir := t.TempDir()
	there, link := filepath.Join(dir, "there"), filepath.Join(dir, "link")
	made(t, there, 1)
	if err := os.Symlink(there, link); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path     string
		existing Existing
		refused  bool
	}{
		{there, Keep, true}, {there, Overwrite, false}, {link, Keep, true}, {link, Overwrite, true},
		{filepath.Join(dir, "new"), Keep, false}, {os.DevNull, Keep, false}, {"/dev/stdout", Keep, false}, {"", Keep, false}, {"-", Keep, false},
	} {
		_, refused := errors.AsType[*ExistsError](Absent(tt.path, tt.existing))
		if refused != tt.refused {
			t.Errorf("%s, %v: refused %v", tt.path, tt.existing, refused)
		}
	}
	if names, err := os.ReadDir(dir); len(names) != 2 || err != nil {
		t.Errorf("files %v, %v", names, err)
	}
}
