package ndjson

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// A Reader takes the schemas of earlier versions, and ends at a newer one.
func TestSchema(t *testing.T) {
	for _, tt := range []struct {
		schema string
		ok     bool
	}{
		{`"1"`, true}, {`"1.7"`, true}, {`"0"`, true}, {`""`, true}, {`"2"`, false}, {`"2.0"`, false},
		{`"99999999999999999999"`, false}, {`"-1"`, false}, {`"next"`, false},
	} {
		line := `{"type":"run","schema":` + tt.schema + `,"run":"R"}`
		r := NewReader(strings.NewReader(line + "\n" + `{"type":"summary","run":"R"}` + "\n"))
		records := 0
		var err error
		for err == nil {
			if _, err = r.Read(); err == nil {
				records++
			}
		}
		newer, refused := errors.AsType[*SchemaError](err)
		if refused == tt.ok || tt.ok && (records != 2 || err != io.EOF) || !tt.ok && records != 0 {
			t.Errorf("schema %s: %d records, %v", tt.schema, records, err)
		}
		if refused && (!strings.Contains(err.Error(), tt.schema) || `"`+newer.Schema+`"` != tt.schema) {
			t.Errorf("schema %s: %v", tt.schema, err)
		}
		if _, again := r.Read(); again != err {
			t.Errorf("schema %s: %v, then %v", tt.schema, err, again)
		}
		if _, err := Decode([]byte(line)); (err == nil) != tt.ok {
			t.Errorf("Decode of schema %s: %v", tt.schema, err)
		}
	}
}
