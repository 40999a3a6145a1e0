package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/matcher"
	"github.com/masstrace/masstrace/receiver"
	"github.com/masstrace/masstrace/sender"
)

// writeHead writes the records in front of all others, or, if the run goes on,
// the one that says so.
func (s *scan) writeHead() error {
	if s.keeper.resumes() {
		return errors.Join(s.writer.Write(&record.Resume{
			Tool: "masstrace/" + s.cfg.Version, Argv: s.cfg.Argv, Windows: s.first, TimeUs: s.time.Now() / 1000,
		}), s.writer.Flush())
	}
	if err := s.writer.Write(cycleStart(s.start)); err != nil {
		return err
	}
	v := s.parameters()
	run := v.runRecord()
	if err := s.writer.Write(&run); err != nil {
		return err
	}
	return s.writer.Flush()
}

// sumUp writes the records behind all others, closes the output, and says what
// kept the run from being whole.
func (s *scan) sumUp(r *recorder) error {
	summary, err := s.summary(r)
	if err != nil {
		return err
	}
	failure := r.err
	if failure == nil {
		failure = errors.Join(s.writer.Write(summary), s.writer.Write(cycleStop(time.Now())), s.writer.Flush())
	}
	for _, err := range []error{s.endCheckpoint(r, failure), s.sink.Close(), s.copy.close()} {
		if failure == nil {
			failure = err
		}
	}
	if failure != nil { // which may be the summary's own
		summary.Complete, summary.Reason = false, record.ReasonDisk
	}
	s.console.summary(summary)
	switch {
	case failure != nil:
		return outputFailed(failure)
	case !summary.Complete:
		return &Error{Partial, fmt.Errorf("not complete: %s%s", summary.Reason, s.keeper.hint())}
	}
	return nil
}

// outputFailed wraps an error of the operating system, which names the file.
func outputFailed(err error) error { return &Error{Partial, fmt.Errorf("output failed: %w", err)} }

// heard is what was received.
type heard struct {
	sum    record.Summary // of which all but the frames is empty
	lateAt [probe.MaxTTL + 1]uint64
}

// heardOf returns what was received, but for what belongs to live windows.
func heardOf(method probe.Method, m *matcher.Stats, live *matcher.Counts, f *receiver.Stats) *heard {
	h := new(heard)
	h.sum.Inbound = account.Inbound[uint64]{
		Frames:    f.Frames.Load() - (live.Late + live.Duplicates + live.Weak + live.Strong),
		Malformed: f.Malformed.Load(),
		Unrelated: f.Unrelated.Load() + m.Foreign.Load(),
		Rejected: account.Rejected[uint64]{
			Checksum: f.Checksum.Load(), Source: f.Source.Load(), Tag: f.Tag.Load(),
			Conflict: f.Conflict.Load() + m.Denied.Load(), Unsent: m.Unsent.Load(),
		},
		Late: m.Late.Load() - live.Late, Duplicates: m.Duplicates.Load() - live.Duplicates,
		Weak: m.Weak.Load() - live.Weak, Strong: m.Strong.Load() - live.Strong,
		Fragments: f.Fragments.Load(),
	}
	for ttl := range h.lateAt {
		h.lateAt[ttl] = m.LateAt[ttl].Load() - live.LateAt[ttl]
	}
	hopless := m.Hopless.Load() - live.Hopless
	if method == probe.UDP {
		h.sum.UDPReplies = hopless
	} else {
		h.sum.PureACKs = hopless
	}
	h.sum.Drops.Extensions = m.Overflow.Load() - live.Overflow
	return h
}

// sumOf adds up the counts of the windows from number first to, not including,
// done. m is nil where nothing is sent.
func sumOf(p *plan, first, done uint64, a *trace.Assembler, h *heard, m *schedule.Manners) *record.Summary {
	sum, tally := h.sum, &a.Tally
	sum.Targets = p.targetsBefore(done) - p.targetsBefore(first)
	sum.TTLs, sum.Flows = uint64(p.shape.TTLs()), uint64(p.shape.Flows)
	sum.Sent, sum.Answered, sum.Silent, sum.TxErrors = tally.Sent, tally.Answered, tally.Silent, tally.Failed
	sum.FirstSent = tally.FirstSent
	sum.Skipped = account.Skipped{
		Reached: tally.Reached, Unreachable: tally.Unreachable, Loop: tally.Loop,
		GapLimit: tally.GapLimit, Known: tally.Known, Limited: tally.Limited,
		Excluded: tally.Excluded, TxError: tally.FirstFail, Interrupted: tally.Interrupted,
	}
	sum.Weak -= tally.Doubted
	sum.Rejected.Conflict += tally.Doubted
	sum.Limits = limitedOf(a, m)
	sum.ByTTL, sum.SilentBy = byTTL(&a.ByTTL, &h.lateAt)
	return &sum
}

// limitedOf returns the routers that limit their answers, by what a saw of whole
// windows and by the trials of m, and whether there were more.
func limitedOf(a *trace.Assembler, m *schedule.Manners) (limits account.Limits) {
	seen, more := a.Limited()
	limits.Name(more, seen, m.Limited())
	return limits
}

// cycleStart and cycleStop return the first and the last record.
func cycleStart(at time.Time) *record.CycleStart {
	return &record.CycleStart{Cycle: record.Cycle{Time: at.Unix()}}
}

func cycleStop(at time.Time) *record.CycleStop {
	return &record.CycleStop{Cycle: record.Cycle{Time: at.Unix()}}
}

// addNever adds the targets of the windows from number done on, which were not
// probed, or not to the end.
func addNever(sum *record.Summary, p *plan, done uint64) {
	never := p.order.Len() - p.targetsBefore(done)
	sum.Targets += never
	sum.Skipped.Interrupted += never * p.probesPerTarget()
}

// byTTL returns the losses by TTL, and all reasons for silence.
func byTTL(losses *[probe.MaxTTL + 1]trace.Losses, lateAt *[probe.MaxTTL + 1]uint64) (list account.ByTTL, all account.SilentBy) {
	for ttl := range losses {
		l, late := &losses[ttl], lateAt[ttl]
		if ttl == 0 || l.Sent+l.Failed+late == 0 {
			continue
		}
		by := account.SilentBy{Drops: l.UnderDrops, RateLimited: l.RateLimited}
		by.Unknown = l.Silent() - by.Drops - by.RateLimited
		list[ttl] = account.TTLCounts{
			Sent: l.Sent, Answered: l.Answered, Silent: l.Silent(), SilentBy: by,
			Late: late, TxErrors: l.Failed,
		}
		all.Drops += by.Drops
		all.RateLimited += by.RateLimited
		all.Unknown += by.Unknown
	}
	return list, all
}

// summary gathers the counts of all stages.
func (s *scan) summary(r *recorder) (*record.Summary, error) {
	sum := sumOf(s.plan, s.first, r.done, r.assembler, s.heardAtEnd(r), s.manners)
	addNever(sum, s.plan, r.done)
	sum.Abandoned = r.abandoned
	sum.ElapsedS = float64(s.ended-s.began) / 1e9
	sum.AutoRate = s.auto.record()
	if err := s.addDrops(sum); err != nil {
		return nil, environment(err)
	}
	s.warnQueue()
	if k := s.keeper; k != nil {
		sum.Add(&k.before)
	}
	sum.Complete, sum.Reason = true, record.ReasonDone
	if cause := s.cause(); cause != "" {
		sum.Complete = sum.Skipped.Interrupted == 0 && r.halted == 0 && r.err == nil
		sum.Reason = cause
	}
	return sum, balanced(sum)
}

// balanced says if the counts of sum do not add up: such a one is not written.
func balanced(sum *record.Summary) error {
	if err := sum.Balance(); err != nil {
		return fmt.Errorf("the counts do not add up, which is a fault of this program: %w", err)
	}
	return nil
}

// addDrops adds what was lost before anybody looked at it.
func (s *scan) addDrops(sum *record.Summary) (err error) {
	if sum.Drops.Kernel, _, err = s.live.Drops(); err != nil {
		return err
	}
	if now, err := s.monitor.Counters(); err == nil { // the link may be gone
		sum.Drops.Interface = now.Sub(s.counters).RxDropped
	}
	return nil
}

// warnQueue says if the queue of the link has lost probes.
func (s *scan) warnQueue() {
	now, err := s.monitor.Counters()
	if err != nil || !s.cfg.Queue { // without it the sender is told, and tries again
		return
	}
	if n := now.Sub(s.counters).TxDropped; n > 0 {
		s.console.say("warning: %s dropped %d frames that its queue had taken; probes among them count as silent",
			s.paths.Name, n)
	}
}

// cause returns why the sending was stopped, empty if it was not.
func (s *scan) cause() string {
	return stopCause(s.stop)
}

// stopCause returns why stop ended, empty if it did not.
func stopCause(stop context.Context) string {
	if stop.Err() == nil {
		return ""
	}
	cause := context.Cause(stop)
	switch {
	case errors.Is(cause, errMaxRuntime):
		return record.ReasonMaxRuntime
	case errors.Is(cause, errDisk):
		return record.ReasonDisk
	case errors.Is(cause, sender.ErrGone):
		return record.ReasonLink
	default:
		return record.ReasonSignal
	}
}
