package commands

import (
	"fmt"

	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/record/schema"
)

// SchemaCmd writes the JSON Schema of the records.
type SchemaCmd struct {
	Type recordType `arg:"" optional:"" name:"type" help:"Type of a record, such as trace. Default: all types, in one document."`
}

// recordType is a type of a record.
type recordType string

// choices returns the types.
func (recordType) choices() []string { return schema.Types() }

// Run writes the schema.
func (c *SchemaCmd) Run(s streams) error {
	text, err := schema.Document(string(c.Type))
	if err != nil {
		return &plan.ConfigError{Err: err}
	}
	if _, err := s.Stdout.Write(text); err != nil {
		return fmt.Errorf("write schema: %w", err)
	}
	return nil
}
