package engine

import (
	"errors"
	"fmt"

	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/receiver"
)

// copied is what the replays of captures of our own have in common, those of scans
// and those of lists.
type copied struct {
	*replayer
	v      *parameters
	last   int64      // stamp of an entry, the highest
	end    *endOfCopy // nil while the capture may be cut
	strays uint64     // packets sent that are no probes of the run
}

// ended sets what the capture says of the end of the run.
func (c *copied) ended(sum *record.Summary) {
	if c.end == nil {
		sum.Complete, sum.Reason = false, record.ReasonCapture
		sum.ElapsedS = float64(c.last-c.v.StartNS) / 1e9
		return
	}
	sum.Drops.Kernel, sum.ElapsedS, sum.AutoRate = c.end.KernelDrops, c.end.ElapsedS, c.end.AutoRate
	if c.end.Cause != "" {
		sum.Reason = c.end.Cause
	}
}

// finish writes the records behind all others. It returns fault, or that the
// capture is cut; hint is what that means.
func (c *copied) finish(w *ndjson.Writer, sum *record.Summary, fault error, hint string) error {
	if c.strays > 0 {
		c.console.say("%d packets sent in the capture are no probes of its run", c.strays)
	}
	if err := balanced(sum); err != nil {
		return err
	}
	if err := errors.Join(w.Write(sum), w.Write(cycleStop(endsAt(c.last))), w.Flush()); err != nil {
		return outputFailed(err)
	}
	c.console.summary(sum)
	switch {
	case fault != nil:
		return fault
	case c.end == nil:
		return fmt.Errorf("%w of run %s ends before the scan did%s", receiver.ErrCapture, c.v.Run, hint)
	}
	return nil
}
