package masstrace

import (
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/sender"
)

// ConfigError means that a configuration makes no sense. Field is the name of the wrong field, or ""
// if no single field is wrong. Err is the fault.
type ConfigError = plan.ConfigError

// IncompleteError means that a run began and did not finish: it was stopped, a stage of it failed,
// or a capture is not complete. The data in sinks and files is valid. Err is the cause. Checkpoint is
// always empty.
type IncompleteError = run.Incomplete

// Errors for errors.Is.
var (
	// ErrPermission means that this process may not open packet sockets.
	ErrPermission = link.ErrPermission
	// ErrRefused means that the kernel refuses to send, for example because of a firewall.
	ErrRefused = sender.ErrRefused
	// ErrStuck means that the kernel accepts no probe, because of a full queue or a filter.
	ErrStuck = sender.ErrStuck
	// ErrCapture means that a capture file is cut or corrupt, or that a file is not a capture.
	ErrCapture = pcapng.ErrCapture
	// ErrKilled means that the context ended before the run.
	ErrKilled = run.ErrKilled
)
