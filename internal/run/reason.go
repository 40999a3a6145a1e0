package run

import (
	"errors"

	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/sender"
)

// ReasonOf returns why the sending was stopped as records have it, "" for a nil cause.
func ReasonOf(cause error) string {
	switch {
	case cause == nil:
		return ""
	case errors.Is(cause, ErrMaxRuntime):
		return record.ReasonMaxRuntime
	case errors.Is(cause, ErrOutput):
		return record.ReasonDisk
	case errors.Is(cause, sender.ErrGone), errors.Is(cause, sender.ErrDown):
		return record.ReasonLink
	default:
		return record.ReasonSignal
	}
}
