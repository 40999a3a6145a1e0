package masstrace

import (
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/sender"
)

// ConfigError is that a configuration makes no sense. Field is the field that is to blame,
// "" for none in particular; Err is what is wrong with it.
type ConfigError = plan.ConfigError

// IncompleteError is that a run began and did not finish: it was stopped, a stage of it
// failed, or a capture is not whole. What sinks and files have got is valid. Err is why.
type IncompleteError = run.Incomplete

// Errors that can be told by errors.Is.
var (
	// ErrPermission is that packet sockets are not allowed to this process.
	ErrPermission = link.ErrPermission
	// ErrRefused is that the kernel refuses to send: a firewall forbids it.
	ErrRefused = sender.ErrRefused
	// ErrCapture is that a capture file is cut, corrupt, or not a capture.
	ErrCapture = pcapng.ErrCapture
	// ErrKilled is that the context ended before the run was over.
	ErrKilled = run.ErrKilled
)
