package engine

import (
	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/link"
)

// Privileges says what becomes of the process's capabilities once everything is
// open that needs them.
type Privileges int

// What becomes of capabilities.
const (
	// Renounced is for good, on all threads of the process.
	Renounced Privileges = iota
	// Kept is for a process that does other things besides.
	Kept
)

// renounce gives up what is not needed any more: all but keep. Sockets, captures
// and files that are open stay so.
func (p Privileges) renounce(keep link.Capabilities) error {
	if p == Kept {
		return nil
	}
	return link.Renounce(keep)
}

// filesLater returns the rights of root that a scan may need once it has begun: to
// write its checkpoints, and to read again what is excluded.
func (c *Config) filesLater() (keep link.Capabilities) {
	if c.Checkpoint != "" || c.Resume != "" {
		keep |= link.Of(unix.CAP_DAC_OVERRIDE)
	}
	if len(c.Exclude) > 0 {
		keep |= link.Of(unix.CAP_DAC_READ_SEARCH)
	}
	return keep
}
