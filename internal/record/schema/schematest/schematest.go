// Package schematest holds the output of commands against the schemas of the records, in tests.
package schematest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/record/schema"
)

// Schema returns the compiled schema of a type of records; that of all types for "". Formats such
// as ipv4 are checked.
func Schema(typ string) (*jsonschema.Schema, error) {
	text, err := schema.Document(typ)
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("the schema of %q is not JSON: %w", typ, err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("schema.json")
}

// all has the schema of each type.
var all = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	list := map[string]*jsonschema.Schema{}
	for _, typ := range schema.Types() {
		s, err := Schema(typ)
		if err != nil {
			return nil, err
		}
		list[typ] = s
	}
	return list, nil
})

// mostLines returns the number of lines of each type that Check checks: a scan has many of the same.
func mostLines() int { return effort.Count(60, 300) }

// Check returns an error that names the first line of NDJSON that is no record of ours. The last
// line may be cut, as that of a run that was killed.
func Check(in io.Reader) error {
	schemas, err := all()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	seen, most := map[string]int{}, mostLines()
	number := 0
	for line := range bytes.Lines(text) {
		number++
		var head struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(line, &head); err != nil {
			if !bytes.HasSuffix(line, []byte("\n")) {
				return nil
			}
			return fmt.Errorf("line %d: %w", number, err)
		}
		if seen[head.Type]++; seen[head.Type] > most {
			continue
		}
		s, ok := schemas[head.Type]
		if !ok {
			return fmt.Errorf("line %d: no schema for the type %q", number, head.Type)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		if err := s.Validate(doc); err != nil {
			return fmt.Errorf("line %d: %w\n%s", number, err, line)
		}
	}
	if number == 0 {
		return errors.New("no line")
	}
	return nil
}
