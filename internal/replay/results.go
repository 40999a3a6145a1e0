package replay

import (
	"errors"
	"fmt"

	"github.com/masstrace/masstrace/internal/capture"
	"github.com/masstrace/masstrace/internal/findings"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/verdict"
)

// results are the records of one run in the output of a replay.
type results struct {
	*replay
	writer format.Writer     // that of the replay, which found watches
	found  *findings.Counter // nil if no traces are written
	about  *record.Run
	host   string // name of the vantage point
	start  int64  // when the run began, or the first stamp; ns since the Unix epoch, as last
	last   int64  // stamp of an entry, the highest
	begun  bool

	own    bool         // the capture is our own: it has an end note if it is whole
	end    *capture.End // nil while the capture may be cut
	strays uint64       // packets sent that are no probes of the run
}

// newOwn returns the results of a capture of our own.
func newOwn(p *replay, v *plan.Params) results {
	r := newResults(p)
	r.about, r.host, r.start, r.own = v.Record(), v.Hostname, v.StartNS, true
	return r
}

// newResults returns results without the facts of a run.
func newResults(p *replay) results {
	found := findings.CounterFor(p.cfg.Records)
	return results{replay: p, writer: verdict.Watch(findings.Watch(p.writer, found), new(verdict.Judge)), found: found}
}

// begin writes the first records, once.
func (r *results) begin() error {
	if r.begun {
		return nil
	}
	r.begun, r.about.Files = true, r.cfg.paths().Names()
	start := &record.CycleStart{Cycle: record.Cycle{Hostname: r.host, Time: r.start / 1e9}}
	if err := errors.Join(r.writer.Write(start), r.writer.Write(r.about)); err != nil {
		return run.OutputFailed(err)
	}
	return nil
}

// note takes a note of the capture.
func (r *results) note(n *capture.Note) {
	if n.End != nil {
		r.end = n.End
	}
}

// finish writes the records after all others. fault is the error of the capture, or nil;
// hint is the consequence of a cut in a capture of masstrace.
func (r *results) finish(sum *record.Summary, fault error, hint string) error {
	if r.strays > 0 {
		r.notice("%d packets sent in the capture are no probes of its run", r.strays)
	}
	sum.Run, sum.Findings = r.about.Run, r.found.Findings()
	r.ended(sum, fault == nil)
	if err := run.Balanced(sum); err != nil {
		return err
	}
	stop := &record.CycleStop{Cycle: record.Cycle{Hostname: r.host, Time: max(r.last, r.start) / 1e9}}
	if err := errors.Join(r.writer.Write(sum), r.writer.Write(stop), r.writer.Flush()); err != nil {
		return run.OutputFailed(err)
	}
	r.cfg.Observer.Event(observe.Finished{Summary: sum})
	if fault == nil && r.own && r.end == nil {
		return fmt.Errorf("%w of run %s ends before the end of the scan%s", pcapng.ErrCapture, sum.Run, hint)
	}
	return fault
}

// ended fills in how the run ended: as the end note has it, or by the stamps.
func (r *results) ended(sum *record.Summary, whole bool) {
	if r.own && r.end != nil {
		sum.Drops.Kernel, sum.ElapsedS, sum.AutoRate = r.end.KernelDrops, r.end.ElapsedS, r.end.AutoRate
		if r.end.Cause != "" {
			sum.Reason = r.end.Cause
		}
		return
	}
	sum.ElapsedS = float64(r.last-r.start) / 1e9
	if r.own || !whole {
		sum.Complete, sum.Reason = false, record.ReasonCapture
	}
}
