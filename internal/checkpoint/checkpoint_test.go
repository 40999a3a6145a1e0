package checkpoint

import (
	"bytes"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/window"
)

// sample returns the state of a run.
func sample() *state {
	return &state{
		Masstrace: version, Tool: "masstrace/test", Key: strings.Repeat("ab", 16),
		Params: plan.Params{
			Masstrace: plan.ParamsVersion, Run: "cut", Seed: "s", Method: "udp", Avoid: []uint16{1, 2},
			Source4: netip.MustParseAddr("192.0.2.1"), Shape: window.Shape{Targets: 7, FirstTTL: 1, LastTTL: 9, Flows: 1, Attempts: 1},
		},
		Exclude: "10.0.0.0/8\n", Since: "45.0.0.0/24\n", Windows: 7, Output: outfile.Mark{Offset: 1234, Tail: "ab"},
	}
}

var netipEqual = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

// A checkpoint that is cut at any byte is refused.
func TestCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	want := sample()
	if err := want.save(path); err != nil {
		t.Fatal(err)
	}
	got, err := load(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, netipEqual); diff != "" {
		t.Error(diff)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v: the key is for its owner alone", info.Mode(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(bytes.TrimSpace(text)) {
		if err := os.WriteFile(path, text[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := load(path); err == nil || !strings.Contains(err.Error(), "is not a checkpoint") {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
}

// A file that is not a checkpoint, and a checkpoint of another version, are refused with a
// clear message.
func TestLoadErrors(t *testing.T) {
	for name, change := range map[string]func(*state){
		"of version 1":          func(s *state) { s.Masstrace = 1 },
		"does not hold":         func(s *state) { s.Counters.Sent = 5 },
		"cannot have 0 targets": func(s *state) { s.Params.Shape.Targets = 0 },
		"not a checkpoint: ":    func(s *state) { s.Exclude = "nonsense" },
	} {
		path := filepath.Join(t.TempDir(), "checkpoint")
		s := sample()
		change(s)
		if err := s.save(path); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(Config{Resume: path, Output: fileset.Paths{Output: filepath.Join(t.TempDir(), "out")}}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := Open(Config{Resume: "/nonexistent", Output: fileset.Paths{Output: "out"}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// A checkpoint of which one byte was changed is refused, with any meaning of that byte. So is one
// with a field more.
func TestTampered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	if err := sample().save(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(changed []byte) {
		t.Helper()
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := load(path); err == nil {
			t.Fatalf("accepted:\n%s", changed)
		}
	}
	for i := range text {
		changed := bytes.Clone(text)
		changed[i] ^= 1
		refused(changed)
	}
	for _, edit := range [][2]string{
		{`"windows": 7`, `"windows": 8`}, {`"offset": 1234`, `"offset": 0`}, {`"seed": "s"`, `"seed": "t"`},
		{`"digest"`, `"old": 1, "digest"`}, {`"digest"`, `"Digest"`}, {"  ", " "},
	} {
		changed := strings.Replace(string(text), edit[0], edit[1], 1)
		if changed == string(text) {
			t.Fatalf("%s is not in\n%s", edit[0], text)
		}
		refused([]byte(changed))
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := load(path); err != nil {
		t.Errorf("as it was: %v", err)
	}
	if err := os.Truncate(path, mostOctets+1); err != nil {
		t.Fatal(err)
	}
	if _, err := load(path); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a huge file: %v", err)
	}
}

// A checkpoint needs an output that can be cut.
func TestOutputs(t *testing.T) {
	dir := t.TempDir()
	existing := filepath.Join(dir, "existing")
	if err := sample().save(existing); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Checkpoint: existing, Output: fileset.Paths{Output: filepath.Join(dir, "out")}}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a checkpoint that exists: %v", err)
	}
	for _, tt := range []struct {
		name, checkpoint, output, capture string
		field                             string // that is refused; "" for none
	}{
		{"a new file", filepath.Join(dir, "new"), filepath.Join(dir, "out"), "", ""},
		{"the standard output", filepath.Join(dir, "new"), "-", "", "Output"},
		{"a device", filepath.Join(dir, "new"), "/dev/null", "", "Output"},
		{"a folder", filepath.Join(dir, "new"), dir, "", "Output"},
		{"with a capture", filepath.Join(dir, "new"), filepath.Join(dir, "out"), "capture", "Capture"},
	} {
		_, err := Open(Config{Checkpoint: tt.checkpoint, Output: fileset.Paths{Output: tt.output}, Capture: tt.capture})
		refused := new(plan.ConfigError)
		if errors.As(err, &refused); refused.Field != tt.field || (err == nil) != (tt.field == "") {
			t.Errorf("%s: %v, want %q to be refused", tt.name, err, tt.field)
		}
	}
}

// A scan without a checkpoint has a keeper that keeps nothing.
func TestNil(t *testing.T) {
	k, err := Open(Config{Output: fileset.Paths{Output: "-"}, Capture: "capture"})
	if k != nil || err != nil {
		t.Fatalf("Open = %v, %v", k, err)
	}
	opened := false
	if _, err := k.OpenOutput(fileset.Paths{Output: "-"}, func() (*fileset.Files, error) { opened = true; return nil, nil }); err != nil || !opened {
		t.Errorf("OpenOutput = %v", err)
	}
	if k.Resumes() || k.FirstWindow() != 0 || k.Path() != "" || k.Began().Params != nil ||
		errors.Join(k.Agree(nil), k.SameSource(nil), k.Begin(nil, "", nil, nil)) != nil {
		t.Error("a nil keeper keeps something")
	}
	k.Wait(t.Context(), 1<<62)
	k.AddBefore(nil)
}

// A format that is useless without its end cannot be continued, and its refusal names the way. The
// others can.
func TestWholeOutputs(t *testing.T) {
	for _, name := range all.Writers() {
		f, err := all.WriterOf(name)
		if err != nil {
			t.Fatal(err)
		}
		output := filepath.Join(t.TempDir(), "out"+f.Endings[0])
		_, err = Open(Config{Checkpoint: filepath.Join(t.TempDir(), "state"), Output: fileset.Paths{Output: output}})
		if refused := err != nil; refused != f.Whole {
			t.Errorf("%s: %v", output, err)
		}
		if err != nil && !strings.Contains(err.Error(), "x.ndjson.zst") {
			t.Errorf("%s: %v", output, err)
		}
	}
}
