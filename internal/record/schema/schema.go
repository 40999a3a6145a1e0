// Package schema holds the JSON Schema (draft 2020-12) of the records as NDJSON: a file for each
// type. A field that a record has, and its schema does not, is a fault.
package schema

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

//go:embed *.json
var files embed.FS

// types are the types of records, in the order of a file.
var types = []string{"cycle-start", "run", "trace", "trace-ext", "multipath", "reply", "change", "resume", "summary", "follow-summary", "cycle-stop"}

// Types returns the types of records.
func Types() []string { return slices.Clone(types) }

// Version is the version of the records that the schemas are about (ndjson.Schema).
const Version = "1"

// head begins every document. Its name identifies a document and need not be reachable.
const (
	draft = "https://json-schema.org/draft/2020-12/schema"
	base  = "https://github.com/masstrace/masstrace/schema/" + Version
)

// Document returns the schema of the records of one type. For "" it returns one document with the
// schemas of all types below $defs, which a record of any of them matches.
func Document(typ string) ([]byte, error) {
	if typ == "" {
		return whole()
	}
	if !slices.Contains(types, typ) {
		return nil, fmt.Errorf("there is no record of type %q: the types are %s", typ, strings.Join(types, ", "))
	}
	text, err := files.ReadFile(typ + ".json")
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf("{\n  \"$schema\": %q,\n  \"$id\": %q,", draft, base+"/"+typ)
	return append([]byte(head), bytes.TrimPrefix(text, []byte("{"))...), nil
}

// whole returns the document of all types.
func whole() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"$schema":%q,"$id":%q,"title":"masstrace records","description":%q,"oneOf":[`,
		draft, base, "One line of NDJSON. The field type gives the kind of the record.")
	for i, typ := range types {
		fmt.Fprintf(&b, `%s{"$ref":"#/$defs/%s"}`, comma(i), typ)
	}
	b.WriteString(`],"$defs":{`)
	for i, typ := range types {
		text, err := files.ReadFile(typ + ".json")
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%s%q:%s", comma(i), typ, text)
	}
	b.WriteString("}}")
	var out bytes.Buffer
	if err := json.Indent(&out, b.Bytes(), "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// comma returns the text before the i-th element of a list.
func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}
