package engine

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/masstrace/masstrace/internal/outfile"
)

// A capture that another run writes stays as it is, and so does its key.
func TestOpenCopyTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.pcapng")
	first, err := outfile.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	_, err = first.Write([]byte("frames"))
	if err := errors.Join(err, os.WriteFile(path+keySuffix, []byte("key of the first"), 0o600)); err != nil {
		t.Fatal(err)
	}
	c, err := new(session).openCopy(&Config{Capture: path, Key: "00"}, nil, nil)
	if c != nil || !errors.Is(err, outfile.ErrTaken) {
		t.Errorf("%v, %v; want ErrTaken", c, err)
	}
	for name, want := range map[string]string{path: "frames", path + keySuffix: "key of the first"} {
		if got, err := os.ReadFile(name); string(got) != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
}
