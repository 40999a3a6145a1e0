package format

import "github.com/masstrace/masstrace/internal/record"

// Changed returns a Writer that hands each record to change, and then to w. A nil change is none.
func Changed(w Writer, change func(record.Record)) Writer {
	if change == nil {
		return w
	}
	return changed{w, change}
}

type changed struct {
	Writer
	change func(record.Record)
}

// Write implements Writer.
func (c changed) Write(r record.Record) error {
	c.change(r)
	return c.Writer.Write(r)
}
