package findings

import (
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/record"
)

// Watch returns a Writer that writes to w, and counts the traces that were written.
func Watch(w format.Writer, c *Counter) format.Writer { return watched{w, c} }

type watched struct {
	format.Writer
	counter *Counter
}

// Write implements format.Writer.
func (w watched) Write(r record.Record) error {
	if err := w.Writer.Write(r); err != nil {
		return err
	}
	if t, ok := r.(*record.Trace); ok {
		w.counter.Add(t)
	}
	return nil
}

// CounterFor returns a Counter for records of the kinds, nil if there are no traces among them.
func CounterFor(kinds record.Kinds) *Counter {
	if !kinds.Has(record.Traces) {
		return nil
	}
	return New()
}
