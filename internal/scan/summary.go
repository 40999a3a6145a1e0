package scan

import (
	"context"
	"errors"
	"time"

	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
)

// writeHead writes the first records of a run, or the resume record of a resumed run.
func (s *scan) writeHead() error {
	if s.keeper.Resumes() {
		return errors.Join(s.writer.Write(&record.Resume{
			Run: s.plan.Run, Tool: s.cfg.Tool, Argv: s.cfg.Argv, Windows: s.first, TimeUs: s.time.Now() / 1000,
			Changed: s.keeper.Changed(s.plan),
		}), s.writer.Flush())
	}
	start := &record.CycleStart{Cycle: record.Cycle{Hostname: s.plan.Hostname, Time: s.plan.StartNS / 1e9}}
	about := s.plan.Record()
	about.Vantage = s.cfg.Vantage
	about.Files = s.cfg.paths().Names()
	return errors.Join(s.writer.Write(start), s.writer.Write(about), s.writer.Flush())
}

// keep saves a checkpoint after the records of a window.
func (s *scan) keep() error {
	sum, err := s.sumOf()
	if err != nil {
		return err
	}
	sum.ElapsedS = float64(s.time.Now()-s.began) / 1e9
	return s.keeper.Mark(s.recorder.Done, sum, s.found)
}

// sumOf returns the sums of all recorded windows.
func (s *scan) sumOf() (*record.Summary, error) {
	r := s.recorder
	sum := &record.Summary{Run: s.plan.Run, Account: r.Sum}
	sum.TTLs, sum.Flows = uint64(s.plan.Shape.TTLs()), uint64(s.plan.Shape.RequestedFlows())
	seen, more := r.Assembler.Limited()
	sum.Name(more, seen, s.politeness.Limited())
	var err error
	if sum.Drops.Kernel, _, err = s.session.Live.Drops(); err != nil {
		return nil, err
	}
	if now, err := s.session.Monitor.Counters(); err == nil { // the link may be gone
		sum.Drops.Interface = now.Sub(s.session.Counters).RxDropped
	}
	return sum, nil
}

// sumUp writes the last records, closes the output, and returns the error that made the run
// incomplete.
func (s *scan) sumUp(ctx, interrupted context.Context) error {
	summary, err := s.summary()
	if err != nil {
		return err
	}
	if err := s.finishDiagnosis(ctx, interrupted, summary); err != nil {
		return err
	}
	r := s.recorder
	failure := r.Err
	if failure == nil {
		stop := &record.CycleStop{Cycle: record.Cycle{Hostname: s.plan.Hostname, Time: time.Now().Unix()}}
		failure = errors.Join(s.writer.Write(summary), s.writer.Write(stop), s.writer.Flush())
	}
	if s.keeper != nil && failure == nil { // else it stays as it is
		failure = s.keeper.End(r.Done == s.plan.Windows, r.Abandoned)
	}
	if err := s.closeFiles(); failure == nil {
		failure = err
	}
	if failure != nil { // which may be the summary's own
		summary.Complete, summary.Reason = false, record.ReasonDisk
	}
	end := observe.Finished{Summary: summary, Seed: s.plan.Seed}
	if s.keeper != nil && r.Done < s.plan.Windows {
		end.Recorded, end.Windows = r.Done, s.plan.Windows
	}
	s.observe.Event(end)
	switch {
	case failure != nil:
		return run.OutputFailed(failure)
	case !summary.Complete:
		return s.stopped(summary.Reason)
	}
	return nil
}

// summary adds up the whole run.
func (s *scan) summary() (*record.Summary, error) {
	sum, err := s.sumOf()
	if err != nil {
		return nil, err
	}
	r := s.recorder
	if !r.Left { // else it belongs to windows that another process will record
		rest := s.matcher.Unsettled()
		sum.Hear(&rest)
	}
	s.plan.AddNever(&sum.Account, r.Done)
	sum.Findings, sum.LeftOut = s.found.Findings(), s.plan.LeftOut()
	sum.Abandoned = r.Abandoned
	sum.ElapsedS = float64(s.ended-s.began) / 1e9
	sum.AutoRate = s.auto.Record()
	s.noteQueue()
	s.keeper.AddBefore(sum)
	sum.Complete, sum.Reason = true, record.ReasonDone
	if reason := run.ReasonOf(s.supervisor.Cause()); reason != "" {
		sum.Complete = sum.Skipped.Interrupted == 0 && r.Halted == 0 && r.Err == nil
		sum.Reason = reason
	}
	return sum, run.Balanced(sum)
}

// noteQueue reports probes that the queue of the link has lost. Without the queue, the
// sender meets the refusal, and tries again.
func (s *scan) noteQueue() {
	now, err := s.session.Monitor.Counters()
	if err != nil || !s.cfg.Link.Queue {
		return
	}
	if n := now.Sub(s.session.Counters).TxDropped; n > 0 {
		s.observe.Event(observe.Noticef("warning: the queue of %s dropped %d frames; probes among them count as silent",
			s.plan.Link, n))
	}
}
