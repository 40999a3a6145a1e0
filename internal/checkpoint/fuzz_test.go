package checkpoint

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/findings"
	"github.com/masstrace/masstrace/internal/plan"
)

// mostAllocated is the most memory that the opening of a small checkpoint may allocate, in octets.
const mostAllocated = 64 << 20

// fields returns the paths of all fields of a JSON object, with dots between names, in order.
func fields(object map[string]any, prefix string) (paths []string) {
	for name, value := range object {
		paths = append(paths, prefix+name)
		if inner, ok := value.(map[string]any); ok {
			paths = append(paths, fields(inner, prefix+name+".")...)
		}
	}
	slices.Sort(paths)
	return paths
}

// put sets the field at a path, or removes it if the value is nil.
func put(object map[string]any, path string, value any) {
	name, rest, inner := strings.Cut(path, ".")
	if inner {
		put(object[name].(map[string]any), rest, value)
		return
	}
	if object[name] = value; value == nil {
		delete(object, name)
	}
}

// hostileValues are values that a field may be changed to; the empty one removes the field.
var hostileValues = []string{"", "0", "-1", "1", "4611686018427387904", "18446744073709551615", "1e300", `""`, `"x"`, `"\u001b[31m\n"`, "[]", "{}", "null", `"AgEBAQ=="`}

// hostile is a checkpoint of which one field is changed.
type hostile struct {
	text  []byte // of the whole checkpoint
	paths []string
	dir   string // for files
}

func newHostile(t testing.TB) *hostile {
	t.Helper()
	whole := sample()
	found, err := json.Marshal(findings.New())
	if err != nil {
		t.Fatal(err)
	}
	whole.Findings = found
	h := &hostile{dir: t.TempDir()}
	if h.text, err = json.Marshal(whole); err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(h.text, &object); err != nil {
		t.Fatal(err)
	}
	h.paths = fields(object, "")
	return h
}

// open changes one field to any JSON, or removes it, and signs the checkpoint again. Open does not
// panic and keeps to its memory. The parameters of a checkpoint that it takes are those of a run
// that can exist.
func (h *hostile) open(t *testing.T, field int, value string) {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal(h.text, &object); err != nil {
		t.Fatal(err)
	}
	var changed any
	if value != "" && json.Unmarshal([]byte(value), &changed) != nil {
		changed = value
	} else if value == "null" {
		changed = json.RawMessage(value)
	}
	put(object, h.paths[field%len(h.paths)], changed)
	if _, kept := object["digest"]; kept {
		object["digest"] = noDigest
	}
	text, err := json.MarshalIndent(object, "", "  ")
	if err == nil {
		_ = sign(text) // it fails if there is no digest
	}
	path := filepath.Join(h.dir, "checkpoint")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	k, err := Open(Config{Resume: path, Output: fileset.Paths{Output: filepath.Join(h.dir, "out")}})
	if err == nil {
		useOpened(t, k)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > mostAllocated {
		t.Fatalf("%d octets allocated for\n%s", n, text)
	}
}

// Each field is changed to each hostile value.
func TestOpenHostile(t *testing.T) {
	h := newHostile(t)
	for i, path := range h.paths {
		for _, value := range hostileValues {
			if h.open(t, i, value); t.Failed() {
				t.Fatalf("%s = %s", path, value)
			}
		}
	}
}

// FuzzOpen changes one field to anything. Since there are few seeds, most inputs are new ones.
func FuzzOpen(f *testing.F) {
	h := newHostile(f)
	for i := range h.paths {
		f.Add(uint16(i), hostileValues[i%len(hostileValues)])
	}
	f.Fuzz(func(t *testing.T, field uint16, value string) { h.open(t, int(field), value) })
}

// useOpened uses a checkpoint as a scan does before it begins.
func useOpened(t *testing.T, k *Keeper) {
	t.Helper()
	if err := k.Began().Params.Validate(); err != nil {
		t.Errorf("a run that cannot exist is resumed: %v", err)
	}
	p := &plan.Plan{Params: sample().Params, Windows: 9}
	_ = k.Agree(p) // most differ
	_ = k.SameSource(&p.Params)
	k.Changed(p)
	if found := k.Findings(); found != nil {
		found.Findings()
		if _, err := json.Marshal(found); err != nil {
			t.Errorf("findings that cannot be saved again: %v", err)
		}
	}
}
