package replay

import (
	"errors"
	"fmt"

	"github.com/masstrace/masstrace/internal/capture"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
)

// copied is the part that the replays of captures of our own share: those of scans and
// those of lists.
type copied struct {
	*replay
	params *plan.Params
	writer *ndjson.Writer
	last   int64        // stamp of an entry, the highest
	end    *capture.End // nil while the capture may be cut
	strays uint64       // packets sent that are no probes of the run
}

func newCopied(p *replay, v *plan.Params) copied {
	w := ndjson.NewWriter(p.file, ndjson.Config{Kinds: p.cfg.Records, Run: v.Run, Hostname: v.Hostname})
	return copied{replay: p, params: v, writer: w}
}

// begin writes the first records.
func (c *copied) begin() error {
	start := &record.CycleStart{Cycle: record.Cycle{Hostname: c.params.Hostname, Time: seconds(c.params.StartNS)}}
	if err := errors.Join(c.writer.Write(start), c.writer.Write(c.params.Record())); err != nil {
		return run.OutputFailed(err)
	}
	return nil
}

// ended fills in what the capture has of the end of the run.
func (c *copied) ended(sum *record.Summary) {
	sum.Run = c.params.Run
	if c.end == nil {
		sum.Complete, sum.Reason = false, record.ReasonCapture
		sum.ElapsedS = float64(c.last-c.params.StartNS) / 1e9
		return
	}
	sum.Drops.Kernel, sum.ElapsedS, sum.AutoRate = c.end.KernelDrops, c.end.ElapsedS, c.end.AutoRate
	if c.end.Cause != "" {
		sum.Reason = c.end.Cause
	}
}

// finish writes the records after all others. It returns fault, or that the capture is
// cut; hint is what that means.
func (c *copied) finish(sum *record.Summary, fault error, hint string) error {
	if c.strays > 0 {
		c.notice("%d packets sent in the capture are no probes of its run", c.strays)
	}
	if err := run.Balanced(sum); err != nil {
		return err
	}
	stop := &record.CycleStop{Cycle: record.Cycle{Hostname: c.params.Hostname, Time: seconds(c.last)}}
	if err := errors.Join(c.writer.Write(sum), c.writer.Write(stop), c.writer.Flush()); err != nil {
		return run.OutputFailed(err)
	}
	c.cfg.Observer.Event(observe.Finished{Summary: sum})
	switch {
	case fault != nil:
		return fault
	case c.end == nil:
		return fmt.Errorf("%w of run %s ends before the scan did%s", pcapng.ErrCapture, c.params.Run, hint)
	}
	return nil
}
