package replay

import (
	"context"
	"errors"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/gather"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/receiver"
)

// identity is how a replay tells which frames are probes and which replies, and which
// probe a reply answers: by what quotations show (foreign), or by the key of the run that
// sent the probes (keyed).
type identity interface {
	// entry takes a frame.
	entry(e *pcapng.Entry) error
	// describe fills in the run record.
	describe(r *record.Run)
	// heard returns the frames that answer no probe.
	heard() account.Heard[uint64]
}

// table replays captures of whatever prober, where no window holds what belongs together:
// what is in flight is in the table of a Gatherer. All captures are one run. All on one
// goroutine.
type table struct {
	*replay
	identity
	decoder *receiver.Replay
	gather  *gather.Gatherer
	writer  *ndjson.Writer
	name    string // of the vantage point, for want of a better one
	begun   bool
	began   int64 // first stamp
	last    int64 // highest stamp
}

// run replays one file.
func (t *table) run(ctx context.Context, file *pcapng.File) error {
	return each(ctx, file, t.take)
}

// take takes the next entry of a file.
func (t *table) take(e *pcapng.Entry) error {
	if e.Frame == nil {
		return nil
	}
	if err := t.begin(e.Stamp); err != nil {
		return err
	}
	t.last = max(t.last, e.Stamp)
	_, err := t.gather.Sweep(t.last)
	if err == nil {
		err = t.entry(e)
	}
	if err != nil {
		return run.OutputFailed(err)
	}
	return nil
}

// begin writes the first records, once. The run is named after the first frame, so that
// the same captures give the same records.
func (t *table) begin(stamp int64) error {
	if t.begun {
		return nil
	}
	t.begun, t.began = true, stamp
	describe := &record.Run{
		Run: runName(stamp), Tool: t.cfg.Tool, Argv: t.cfg.Argv, Seed: t.cfg.Seed, Clock: "capture", Shard: [2]int{0, 1},
	}
	t.describe(describe)
	start := &record.CycleStart{Cycle: record.Cycle{Hostname: t.name, Time: stamp / 1e9}}
	if err := errors.Join(t.writer.Write(start), t.writer.Write(describe)); err != nil {
		return run.OutputFailed(err)
	}
	return nil
}

// finish writes what is left; whole reports that all captures were read to their ends.
func (t *table) finish(whole bool) error {
	if err := t.begin(0); err != nil {
		return err
	}
	sum := t.gather.Summary(t.heard())
	sum.Run, sum.ElapsedS, sum.Complete = runName(t.began), float64(t.last-t.began)/1e9, whole
	if !whole {
		sum.Reason = record.ReasonCapture
	}
	if err := run.Balanced(sum); err != nil {
		return err
	}
	stop := &record.CycleStop{Cycle: record.Cycle{Hostname: t.name, Time: t.last / 1e9}}
	err := errors.Join(t.gather.Finish(), t.writer.Write(sum), t.writer.Write(stop), t.writer.Flush())
	if err != nil {
		return run.OutputFailed(err)
	}
	if n := t.decoder.NotUnderstood; n > 0 {
		t.notice("%d frames are of link types that are not understood, the last one %d", n, t.decoder.LastLink)
	}
	t.cfg.Observer.Event(observe.Finished{Summary: sum})
	return nil
}
