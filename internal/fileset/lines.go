package fileset

import (
	"errors"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/record"
)

// LineWriter writes the records of a run to one of its files. *ndjson.Writer is one.
type LineWriter interface {
	format.Writer
	// Raw writes a whole line of NDJSON of that type.
	Raw(typ string, line []byte) error
	// HandOver writes all gathered records for a reader that follows along.
	HandOver() error
}

// Lines writes the records of a run to its files.
type Lines []LineWriter

var _ format.Writer = Lines(nil)

// Each returns the writers to the single files.
func (l Lines) Each() (list []format.Writer) {
	for _, w := range l {
		list = append(list, w)
	}
	return list
}

// Write implements format.Writer.
func (l Lines) Write(r record.Record) error {
	return l.each(func(w LineWriter) error { return w.Write(r) })
}

// Raw writes a whole line of that type as it is.
func (l Lines) Raw(typ string, line []byte) error {
	return l.each(func(w LineWriter) error { return w.Raw(typ, line) })
}

// Flush implements format.Writer.
func (l Lines) Flush() error { return l.each(LineWriter.Flush) }

// HandOver writes all gathered records for a reader that follows along.
func (l Lines) HandOver() error { return l.each(LineWriter.HandOver) }

// each lets every writer do something, whichever fails.
func (l Lines) each(do func(LineWriter) error) error {
	var err error
	for _, w := range l {
		if failed := do(w); failed != nil {
			err = errors.Join(err, failed)
		}
	}
	return err
}
