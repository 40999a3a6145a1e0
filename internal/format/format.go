// Package format stub.
package format

import "github.com/masstrace/masstrace/internal/record"

type Writer interface {
	Write(record.Record) error
	Flush() error
}
