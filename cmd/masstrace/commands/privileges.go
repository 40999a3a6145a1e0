package commands

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"

	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/link"
)

// renounce returns a function that gives up every capability but keep, on all threads and
// for good. Programs call it once everything is open: sockets, captures and files stay so.
func renounce(keep ...cap.Value) func() error {
	return func() error { return link.Renounce(keep...) }
}

// filesLater returns the rights of root that a scan may need once it has begun: to write
// its checkpoints, to rename an output that is only useful as a whole, and to read the exclusions
// again.
func (c *ScanCmd) filesLater() (keep []cap.Value) {
	form, err := all.FormatOf("Output", c.Output)
	if c.Checkpoint != "" || c.Resume != "" || err == nil && form.Whole {
		keep = append(keep, cap.DAC_OVERRIDE)
	}
	if len(c.Exclude) > 0 {
		keep = append(keep, cap.DAC_READ_SEARCH)
	}
	return keep
}

// addProcessors lets Go run more goroutines at a time, one for each sender: a sender keeps
// its processor while it sleeps (ratelimit.Sleeper). It is called once.
func addProcessors(senders int) { runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + senders) }

// leastFiles is how many open files any command may need: the standard streams, the files of Go's
// runtime, one input, and the outputs. Below 8 the program cannot write a message. Two packages of
// others, of Parquet and of protocol buffers, need the poller of Go's runtime before main begins.
// Without it the runtime ends the process. No file is open by then.
const leastFiles = 16

// enoughFiles returns an error if the limit of open files is too low for any command. It belongs
// before the first file is opened.
func enoughFiles() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	if limit.Cur < leastFiles {
		return fmt.Errorf("the limit of open files (ulimit -n) is %d: at least %d are needed", limit.Cur, leastFiles)
	}
	return nil
}
