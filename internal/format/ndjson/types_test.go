package ndjson

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// jsonType names the type of a JSON value.
func jsonType(v any) string {
	switch v.(type) {
	case bool:
		return "bool"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "list"
	case map[string]any:
		return "object"
	}
	return "null"
}

// Tools such as polars, pandas and ClickHouse make one column of all fields with a name, whatever
// the record. So a top-level name has one type over all records.
func TestOneNameOneType(t *testing.T) {
	var files []string
	for _, folder := range []string{"output", "replay"} {
		some, err := filepath.Glob(filepath.Join("..", "..", "..", "testdata", folder, "*.ndjson"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, some...)
	}
	type use struct{ typ, record, file string }
	uses, seen := map[string]use{}, map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			if line[0] != '{' { // the error that a replay ended with
				continue
			}
			var fields map[string]any
			if err := json.Unmarshal(line, &fields); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			record, _ := fields["type"].(string)
			seen[record] = true
			for name, v := range fields {
				now := use{jsonType(v), record, filepath.Base(file)}
				if was, ok := uses[name]; ok && was.typ != now.typ {
					t.Errorf("%q is a %s in the %s record of %s, and a %s in the %s record of %s",
						name, was.typ, was.record, was.file, now.typ, now.record, now.file)
				} else {
					uses[name] = now
				}
			}
		}
	}
	for _, typ := range types {
		if !seen[typ] {
			t.Errorf("no golden file has a record of type %s", typ)
		}
	}
	if !slices.Contains(types[:], TypeSummary) || len(uses) < 100 {
		t.Errorf("only %d names", len(uses))
	}
}
