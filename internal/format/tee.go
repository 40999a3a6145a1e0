package format

import (
	"errors"

	"github.com/masstrace/masstrace/internal/record"
)

// Tee returns a Writer that writes every record to all of the writers. One writer is
// returned as it is.
func Tee(writers ...Writer) Writer {
	if len(writers) == 1 {
		return writers[0]
	}
	return tee(writers)
}

type tee []Writer

// Write implements Writer. It stops at the first writer that fails.
func (t tee) Write(r record.Record) error {
	for _, w := range t {
		if err := w.Write(r); err != nil {
			return err
		}
	}
	return nil
}

// Flush implements Writer. It flushes all of them, whichever fails.
func (t tee) Flush() error {
	var err error
	for _, w := range t {
		err = errors.Join(err, w.Flush())
	}
	return err
}
