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

// FuzzOpen changes one field of a checkpoint to any JSON, or removes it, and signs it again. Open
// does not panic and keeps to its memory. The parameters of a checkpoint that it takes are those of
// a run that can exist.
func FuzzOpen(f *testing.F) {
	whole := sample()
	found, err := json.Marshal(findings.New())
	if err != nil {
		f.Fatal(err)
	}
	whole.Findings = found
	text, err := json.Marshal(whole)
	if err != nil {
		f.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		f.Fatal(err)
	}
	paths := fields(object, "")
	values := []string{"", "0", "-1", "1", "4611686018427387904", "18446744073709551615", "1e300", `""`, `"x"`, `"\u001b[31m\n"`, "[]", "{}", "null", `"AgEBAQ=="`}
	for i := range paths {
		for _, value := range values {
			f.Add(uint16(i), value)
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, field uint16, value string) {
		var object map[string]any
		if err := json.Unmarshal(text, &object); err != nil {
			t.Fatal(err)
		}
		var changed any
		if value != "" && json.Unmarshal([]byte(value), &changed) != nil {
			changed = value
		} else if value == "null" {
			changed = json.RawMessage(value)
		}
		put(object, paths[int(field)%len(paths)], changed)
		if _, kept := object["digest"]; kept {
			object["digest"] = noDigest
		}
		hostile, err := json.MarshalIndent(object, "", "  ")
		if err == nil {
			_ = sign(hostile) // it fails if there is no digest
		}
		path := filepath.Join(dir, "checkpoint")
		if err := os.WriteFile(path, hostile, 0o600); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		k, err := Open(Config{Resume: path, Output: fileset.Paths{Output: filepath.Join(dir, "out")}})
		if err == nil {
			useOpened(t, k)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > mostAllocated {
			t.Fatalf("%d octets allocated for\n%s", n, hostile)
		}
	})
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
