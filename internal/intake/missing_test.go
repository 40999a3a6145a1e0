package intake_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/intake"
	"github.com/masstrace/masstrace/internal/target"
)

// An argument may be neither an entry nor a file that exists. It is then taken for a name, a
// wrong address, or a missing file.
func TestMissing(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range []struct{ arg, kind string }{
		{"example.com", "name"}, {"www.example.com.", "name"}, {"a-b.example.co.uk", "name"}, {"localhost", "name"}, {"http://example.com/x", "name"},
		{"10.0.0.300", "entry"}, {"10.0.0.0/33", "entry"}, {"2a00::1::2", "entry"}, {"10.0.0.1:80", "entry"}, {"[2a00::1]", "entry"}, {"[2a00::1]:80", "entry"}, {"10.0.0.9-10.0.0.1", "entry"},
		{"targets.txt", "file"}, {"list.csv.gz", "file"}, {"targets", "file"}, {"./10.0.0.300x", "file"}, {"no/such/file", "file"},
		{"/no/such/list.com", "file"}, {"a list", "file"}, {"-x", "file"}, {"none.7", "file"},
	} {
		_, err := intake.Read(t.Context(), intake.Config{Args: []string{tt.arg}})
		kind := "entry"
		if _, ok := errors.AsType[*target.NameError](err); ok {
			kind = "name"
		} else if errors.Is(err, fs.ErrNotExist) {
			kind = "file"
		}
		if err == nil || kind != tt.kind || !strings.Contains(err.Error(), tt.arg) {
			t.Errorf("%s: %s: %v; want %s", tt.arg, kind, err, tt.kind)
		}
	}
}
