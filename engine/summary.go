package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/masstrace/masstrace/matcher"
	"github.com/masstrace/masstrace/output"
	"github.com/masstrace/masstrace/probe"
	"github.com/masstrace/masstrace/receiver"
	"github.com/masstrace/masstrace/sender"
	"github.com/masstrace/masstrace/trace"
)

// writeHead writes the records in front of all others.
func (s *scan) writeHead() error {
	if err := s.writer.CycleStart(s.start); err != nil {
		return err
	}
	c, p := s.cfg, s.plan
	run := output.Run{
		Tool: "masstrace/" + c.Version, Argv: c.Argv, Seed: c.Seed, KeyID: keyID(p.key),
		RatePPS: p.ratePPS, RateAuto: c.AutoRate, Burst: p.burst, TTL: [2]uint8{c.MinTTL, c.MaxTTL},
		Flows: c.Flows, Attempts: c.Attempts, Protocol: c.Method.String(), DstPort: c.DstPort,
		TOS: c.TOS, WaitS: c.Wait.Seconds(), Link: s.paths.Name, IO: s.io, Senders: len(s.ports), Clock: "CLOCK_REALTIME/kernel",
		TargetsSHA256: p.include.Digest(), ExcludeSHA256: p.exclude.Digest(),
		Shard: [2]int{int(c.Shard), int(max(c.Shards, 1))},
	}
	if p.has4 {
		run.Source = s.paths.source4.String()
		if p.has6 {
			run.Source6 = s.paths.source6.String()
		}
	} else {
		run.Source = s.paths.source6.String()
	}
	if err := s.writer.Run(&run); err != nil {
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
		failure = errors.Join(s.writer.Summary(summary), s.writer.CycleStop(time.Now()), s.writer.Flush())
	}
	for _, err := range []error{s.sink.Close(), s.copy.close()} {
		if failure == nil {
			failure = err
		}
	}
	if failure != nil { // which may be the summary's own
		summary.Complete, summary.Reason = false, output.ReasonDisk
	}
	if !s.cfg.Quiet {
		_ = summary.Text(s.cfg.Stderr) // lost where nobody reads it, as the status is
	}
	switch {
	case failure != nil:
		return outputFailed(failure)
	case !summary.Complete:
		return &Error{Partial, fmt.Errorf("not complete: %s", summary.Reason)}
	}
	return nil
}

// outputFailed wraps an error of the operating system, which names the file.
func outputFailed(err error) error { return &Error{Partial, fmt.Errorf("output failed: %w", err)} }

// sumOf adds up the counts of all stages of a scan, of whose windows so many were
// opened.
func sumOf(p *plan, taken uint64, a *trace.Assembler, m *matcher.Stats, f *receiver.Stats, method probe.Method) *output.Summary {
	tally := &a.Tally
	never := uint64(0) // targets in windows that were not opened
	if opened := taken * uint64(p.shape.Targets); opened < p.order.Len() {
		never = p.order.Len() - opened
	}
	sum := &output.Summary{
		Targets: p.order.Len(), TTLs: uint64(p.shape.TTLs()), Flows: uint64(p.shape.Flows),
		Sent: tally.Sent, Answered: tally.Answered, Silent: tally.Silent, TxErrors: tally.Failed,
		FirstSent: tally.FirstSent,
		Skipped: output.Skipped{
			Reached: tally.Reached, Excluded: tally.Excluded, TxError: tally.FirstFail,
			Interrupted: tally.Interrupted + never*p.probesPerTarget(),
		},
		Frames: output.Frames{
			Received:  f.Frames.Load(),
			Malformed: f.Malformed.Load(),
			Unrelated: f.Unrelated.Load() + m.Foreign.Load(),
			Rejected: output.Rejected{
				Checksum: f.Checksum.Load(), Source: f.Source.Load(), Tag: f.Tag.Load(),
				Conflict: f.Conflict.Load() + m.Denied.Load() + tally.Doubted, Unsent: m.Unsent.Load(),
			},
			Late: m.Late.Load(), Duplicates: m.Duplicates.Load(),
			Weak: m.Weak.Load() - tally.Doubted, Strong: m.Strong.Load(),
			Fragments: f.Fragments.Load(),
		},
		Complete: true, Reason: output.ReasonDone,
	}
	if method == probe.UDP {
		sum.UDPReplies = m.Hopless.Load()
	} else {
		sum.PureACKs = m.Hopless.Load()
	}
	sum.Drops.Extensions = m.Overflow.Load()
	sum.ByTTL, sum.SilentBy = byTTL(&a.ByTTL, m)
	return sum
}

// byTTL returns the losses by TTL, and all reasons for silence.
func byTTL(losses *[probe.MaxTTL + 1]trace.Losses, m *matcher.Stats) (list []output.ByTTL, all output.SilentBy) {
	for ttl := range losses {
		l, late := &losses[ttl], m.LateAt[ttl].Load()
		if ttl == 0 || l.Sent+l.Failed+late == 0 {
			continue
		}
		by := output.SilentBy{Drops: l.UnderDrops, RateLimited: l.RateLimited}
		by.Unknown = l.Silent() - by.Drops - by.RateLimited
		list = append(list, output.ByTTL{
			TTL: uint8(ttl), Sent: l.Sent, Answered: l.Answered, Silent: l.Silent(), SilentBy: by,
			Late: late, TxErrors: l.Failed,
		})
		all.Drops += by.Drops
		all.RateLimited += by.RateLimited
		all.Unknown += by.Unknown
	}
	return list, all
}

// summary gathers the counts of all stages.
func (s *scan) summary(r *recorder) (*output.Summary, error) {
	sum := sumOf(s.plan, s.taken, r.assembler, &s.matcher.Stats, &s.receiver.Stats, s.cfg.Method)
	sum.ElapsedS = float64(s.ended-s.began) / 1e9
	sum.AutoRate = s.auto.record()
	var err error
	if sum.Drops.Kernel, _, err = s.live.Drops(); err != nil {
		return nil, environment(err)
	}
	if now, err := s.monitor.Counters(); err == nil { // the link may be gone
		link := now.Sub(s.counters)
		sum.Drops.Interface = link.RxDropped
		if s.cfg.Queue && link.TxDropped > 0 { // without, the sender is told, and tries again
			s.console.say("warning: %s dropped %d frames that its queue had taken; probes among them count as silent",
				s.paths.Name, link.TxDropped)
		}
	}
	if cause := s.cause(); cause != "" {
		sum.Complete = sum.Skipped.Interrupted == 0 && r.halted == 0 && r.err == nil
		sum.Reason = cause
	}
	if err := sum.Balance(); err != nil {
		return nil, fmt.Errorf("the counts do not add up, which is a fault of this program: %w", err)
	}
	return sum, nil
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
		return output.ReasonMaxRuntime
	case errors.Is(cause, errDisk):
		return output.ReasonDisk
	case errors.Is(cause, sender.ErrGone):
		return output.ReasonLink
	default:
		return output.ReasonSignal
	}
}
