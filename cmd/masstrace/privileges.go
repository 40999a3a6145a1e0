package main

import (
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/link"
)

// renounce returns a function that gives up every capability but keep, on all threads and
// for good. Programs call it once everything is open: sockets, captures and files stay so.
func renounce(keep link.Capabilities) func() error {
	return func() error { return link.Renounce(keep) }
}

// filesLater returns the rights of root that a scan may need after its start: to write its
// checkpoints, and to read its exclude files again.
func (c *ScanCmd) filesLater() (keep link.Capabilities) {
	if c.Checkpoint != "" || c.Resume != "" {
		keep |= link.Of(unix.CAP_DAC_OVERRIDE)
	}
	if len(c.Exclude) > 0 {
		keep |= link.Of(unix.CAP_DAC_READ_SEARCH)
	}
	return keep
}

// addProcessors lets Go run more goroutines at a time, one for each sender: a sender keeps
// its processor while it sleeps (ratelimit.Sleeper). It is called once.
func addProcessors(senders int) { runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + senders) }
