package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/output"
)

// keeper keeps the checkpoint of a scan, from which another process may go on.
// The checkpoint is written behind the records of each window, when they are
// safe on the disk. A nil keeper keeps none.
type keeper struct {
	mu sync.Mutex // of the checkpoint, once the run goes on, and of its file
	checkpoint
	path    string
	resumed bool           // a process before this one began the run
	before  record.Summary // of the windows that were recorded then
	sink    *output.Sink

	// settled[ID % window.Live] is what was heard when the window was over,
	// without what belongs to later ones. The matcher's goroutine writes it
	// before it hands the window to the recorder, which reads it before it hands
	// the window on.
	settled [window.Live]*heard
}

// openKeeper returns the keeper of the scan that c asks for, nil if it asks for
// none. Of a run that goes on it sets the seed and the key.
func openKeeper(c *Config) (*keeper, error) {
	if c.Checkpoint == "" && c.Resume == "" {
		return nil, nil
	}
	if err := c.checkCuttable(); err != nil {
		return nil, err
	}
	if c.Resume != "" {
		return resumeKeeper(c)
	}
	if _, err := os.Lstat(c.Checkpoint); err == nil {
		return nil, usage("--checkpoint %s exists: go on from it with --resume, or remove it", c.Checkpoint)
	}
	return &keeper{path: c.Checkpoint}, nil
}

// checkCuttable says if the output is none that can be cut back to a checkpoint.
func (c *Config) checkCuttable() error {
	const need = "--checkpoint and --resume need a file as --output, which can be cut"
	if c.Output == "-" {
		return usage("%s: not the standard output", need)
	}
	if info, err := os.Stat(c.Output); err == nil && !info.Mode().IsRegular() {
		return usage("%s: %s is none", need, c.Output)
	}
	if c.Capture != "" {
		return usage("--checkpoint and --resume do not go with --pcap")
	}
	return nil
}

// runID returns the name of the run.
func (k *keeper) runID(start time.Time) string {
	if k.resumes() {
		return k.Run
	}
	return runID(start)
}

// resumes reports whether the run goes on.
func (k *keeper) resumes() bool { return k != nil && k.resumed }

// firstWindow returns the number of the window to begin with.
func (k *keeper) firstWindow() uint64 {
	if k == nil {
		return 0
	}
	return k.Windows
}

// avoid returns the ports that the run avoids, nil if it has not begun.
func (k *keeper) avoid() []uint16 {
	if !k.resumes() {
		return nil
	}
	return append([]uint16{}, k.Avoid...)
}

// hint says how a run that was stopped goes on.
func (k *keeper) hint() string {
	if k == nil {
		return ""
	}
	return "; go on with --resume " + k.path
}

// openSink opens the output, with a checkpoint for this process alone.
func (k *keeper) openSink(c *Config) (*output.Sink, error) {
	if k.resumes() {
		return output.Reopen(c.Output, k.Offset)
	}
	sink, err := output.Open(c.Output, c.Stdout)
	if err == nil && k != nil {
		if err = sink.Lock(); err != nil {
			return nil, errors.Join(err, sink.Close())
		}
	}
	return sink, err
}

// wait waits until no reply to a probe of the process before can be taken for
// one to the same probe of this one: it would come too early.
func (k *keeper) wait(stop context.Context, reply time.Duration) {
	if !k.resumes() {
		return
	}
	select {
	case <-time.After(reply):
	case <-stop.Done():
	}
}

// mark saves that the windows below number done are in the output; sum counts
// those of them that this process did. The output must be flushed.
func (k *keeper) mark(done uint64, sum *record.Summary) (err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.Windows = done
	k.Counters = *sum
	k.Counters.Add(&k.before)
	if k.Offset, err = k.sink.Mark(); err != nil {
		return err
	}
	return k.save(k.path)
}

// end removes the checkpoint of a run that is recorded as a whole, and says in
// that of a stopped one how many probes it has abandoned.
func (k *keeper) end(whole bool, abandoned uint64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !whole {
		k.Counters.Abandoned += abandoned
		return k.save(k.path)
	}
	if _, err := k.sink.Mark(); err != nil {
		return err
	}
	return errors.Join(os.Remove(k.path), syncDir(filepath.Dir(k.path)))
}
