package schematest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/record/schema"
)

// The goldens of all records match their schemas: those of the types, and that of all types.
func TestGoldens(t *testing.T) {
	if schema.Version != ndjson.Schema {
		t.Errorf("the schemas are of version %s, and the records of version %s", schema.Version, ndjson.Schema)
	}
	paths, _ := filepath.Glob("../../../../testdata/output/*.ndjson")
	if len(paths) == 0 {
		t.Fatal("no goldens")
	}
	whole, err := Schema("")
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]bool{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := Check(bytes.NewReader(text)); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for line := range bytes.Lines(text) {
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
			if err != nil {
				t.Fatal(err)
			}
			if err := whole.Validate(doc); err != nil {
				t.Errorf("%s, by the schema of all: %v", path, err)
			}
			types[doc.(map[string]any)["type"].(string)] = true
		}
	}
	for _, typ := range schema.Types() {
		if !types[typ] {
			t.Errorf("no golden has a record of type %s", typ)
		}
	}
}

// Records that are wrong match no schema.
func TestWrong(t *testing.T) {
	const cycle = `{"type":"cycle-start","list_name":"default","id":1,"hostname":"vp","start_time":1}`
	for _, tt := range []struct{ name, line string }{
		{"a field too many", strings.Replace(cycle, `"id"`, `"more":1,"id"`, 1)},
		{"a field too few", strings.Replace(cycle, `"id":1,`, ``, 1)},
		{"another type", strings.Replace(cycle, `"id":1`, `"id":"1"`, 1)},
		{"an unknown record", strings.Replace(cycle, "cycle-start", "cycle", 1)},
		{"no address", `{"type":"trace-ext","run":"R","dst":"x","userid":0,"reached":true,"no_reply":[],"loss":{"sent":0,"answered":0},"path_hash":"0000000000000000"}`},
		{"a field too many inside", `{"type":"trace-ext","run":"R","dst":"192.0.2.1","userid":0,"reached":true,"no_reply":[],"loss":{"sent":0,"answered":0,"x":1},"path_hash":"0000000000000000"}`},
		{"nothing", ""},
	} {
		if tt.line != "" {
			tt.line += "\n"
		}
		if err := Check(strings.NewReader(tt.line)); err == nil {
			t.Errorf("%s is no error", tt.name)
		}
	}
	if err := Check(strings.NewReader(cycle + "\n" + cycle[:20])); err != nil {
		t.Errorf("a cut line: %v", err)
	}
}

// Each document is JSON with a head, and there is none of another type.
func TestDocuments(t *testing.T) {
	for _, typ := range append(schema.Types(), "") {
		text, err := schema.Document(typ)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Schema string         `json:"$schema"`
			ID     string         `json:"$id"`
			Defs   map[string]any `json:"$defs"`
		}
		if err := json.Unmarshal(text, &doc); err != nil || !strings.Contains(doc.Schema, "2020-12") || !strings.HasSuffix(doc.ID, "1"+strings.TrimSuffix("/"+typ, "/")) {
			t.Errorf("%q: %v, %+v", typ, err, doc)
		}
		if typ == "" && len(doc.Defs) != len(schema.Types()) {
			t.Errorf("%d definitions", len(doc.Defs))
		}
	}
	if _, err := schema.Document("hop"); err == nil {
		t.Error("a schema of no record")
	}
}
