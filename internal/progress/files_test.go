package progress

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// files makes files of some sizes.
func filesOf(t *testing.T, sizes ...int) (paths []string) {
	t.Helper()
	for i, n := range sizes {
		path := filepath.Join(t.TempDir(), string(rune('a'+i)))
		if err := os.WriteFile(path, make([]byte, n), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// read opens a file and reads so many octets.
func readSome(t *testing.T, path string, n int64) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := io.CopyN(io.Discard, f, n); err != nil {
		t.Fatal(err)
	}
	return f
}

// The position in the files is found twice over, also if a file was read between two looks.
func TestFiles(t *testing.T) {
	paths := filesOf(t, 1000, 10, 2000)
	f := NewFiles(paths, 2)
	check := func(done, size int64) {
		t.Helper()
		if gotDone, gotSize := f.Read(); gotDone != done || gotSize != size {
			t.Errorf("Read = %d, %d; want %d, %d", gotDone, gotSize, done, size)
		}
	}
	check(0, 0)
	for pass := range int64(2) {
		before := pass * 3010
		first := readSome(t, paths[0], 400)
		check(before+400, 6020)
		first.Close()
		check(before+1000, 6020)
		third := readSome(t, paths[2], 500)
		check(before+1510, 6020)
		third.Close()
		check(before+3010, 6020)
	}
}

// Files that are open side by side count together. No progress is taken back.
func TestFilesSideBySide(t *testing.T) {
	paths := filesOf(t, 1000, 1000)
	f := NewFiles(paths, 1)
	readSome(t, paths[0], 100)
	second := readSome(t, paths[1], 300)
	if done, size := f.Read(); done != 400 || size != 2000 {
		t.Errorf("Read = %d, %d", done, size)
	}
	if _, err := second.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if done, _ := f.Read(); done != 400 {
		t.Errorf("after a step back Read = %d", done)
	}
}

// The size is not known with a folder, with a file that is missing, or with a pipe.
func TestFilesUnknown(t *testing.T) {
	paths := filesOf(t, 1000)
	f := NewFiles(append(paths, t.TempDir(), filepath.Join(t.TempDir(), "none")), 1)
	readSome(t, paths[0], 100)
	if done, size := f.Read(); done != 100 || size != 0 {
		t.Errorf("Read = %d, %d", done, size)
	}
}

// A state has the speed, the share and the time that is left.
func TestReading(t *testing.T) {
	var r Reading
	r.Add(&Work{Name: "merge", Elapsed: time.Second, Done: 10e6, Size: 40e6})
	s := r.Add(&Work{Name: "merge", Elapsed: 2 * time.Second, Done: 30e6, Size: 40e6, Records: 5000})
	if s.Share != 0.75 || s.End != "ETA 1s" || len(s.Facts) != 2 {
		t.Fatalf("%+v", s)
	}
	read := s.Facts[0]
	if read.Value != "30.0 MB" || read.Words != "of 40.0 MB, 15.0 MB/s" || len(read.Trend) != 2 || read.Trend[0] != 0.5 || read.Trend[1] != 1 {
		t.Errorf("%+v", read)
	}
	if got, want := s.Line(), "2s  75.0% read 30.0 MB records 5,000 ETA 1s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if s := r.Add(&Work{Name: "merge", Elapsed: 3 * time.Second}); s.Share != -1 || s.End != "" || strings.Contains(s.Line(), "%") {
		t.Errorf("without positions: %+v", s)
	}
}
