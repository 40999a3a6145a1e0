package ndjson

import (
	"fmt"
	"strconv"
	"strings"
)

// SchemaError means that a file has a newer schema than the reader.
type SchemaError struct{ Schema string }

// Error implements error.
func (e *SchemaError) Error() string {
	return fmt.Sprintf("the records have schema %q, and this version of masstrace reads schema %s and earlier ones: use a newer version", e.Schema, Schema)
}

// checkSchema returns a *SchemaError if schema is newer than Schema, or is not the number of one.
// Files of other tools have none.
func checkSchema(schema string) error {
	if schema == "" {
		return nil
	}
	major, _, _ := strings.Cut(schema, ".")
	ours, _ := strconv.Atoi(Schema)
	if n, err := strconv.Atoi(major); err != nil || n < 0 || n > ours {
		return &SchemaError{schema}
	}
	return nil
}
