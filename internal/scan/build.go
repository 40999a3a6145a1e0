package scan

import (
	"math"
	"slices"
	"time"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/autorate"
	"github.com/masstrace/masstrace/internal/capture"
	"github.com/masstrace/masstrace/internal/findings"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/recorder"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/internal/verdict"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/matcher"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/receiver"
	"github.com/masstrace/masstrace/sender"
)

// spread is the time over which the records of windows that are over together are written. The
// slowest path of a window delays the windows after it. With records in reserve there is no pause.
const spread = 900 * time.Millisecond

// build makes the stages and the windows that go round between them.
func (s *scan) build() (err error) {
	shape := s.plan.Shape
	s.set = window.NewSet(shape)
	s.set.Sealed6 = s.cfg.Method.HasSeal6()
	s.free = make(chan *window.Window, window.Live)
	s.retired = make(chan *window.Window, window.Live)
	for range min(s.plan.Windows-s.first, window.Live) {
		s.free <- window.New(shape)
	}
	if s.receiver, err = receiver.New(s.session.Live, s.session.Codec, s.time); err != nil {
		return err
	}
	if tap := s.capture.Received(); tap != nil {
		s.receiver.Show(tap)
	}
	faults := capture.Faults{Set: &s.set.Faults, Capture: s.capture}
	s.receiver.Watch(faults, s.session.Live)
	s.politeness = s.plan.Politeness(schedule.PolitenessConfig{
		PerHopRate: s.plan.PerHopRate, PrefixRate: s.plan.PrefixRate, RatePPS: s.plan.RatePPS, Wait: s.cfg.Wait,
		Shared: s.cfg.Director != nil && s.cfg.Director.Limits != nil,
	})
	var left func() bool // nil without a checkpoint: no other process will come
	if s.keeper != nil {
		left = func() bool { return s.supervisor.Cause() != nil }
	}
	s.matcher = matcher.New(matcher.Config{
		Left:  left,
		Index: s.plan.Order.Finder(), Set: s.set, Retired: s.retired, Over: s.capture.Over(), Next: s.first,
		StopSet: s.plan.Known(), Watch: s.watch(), Heard: &s.receiver.Heard,
		Spread: int64(spread),
	})
	lines := s.files.Writer(ndjson.Config{Kinds: s.plan.Records, Run: s.plan.Run, Hostname: s.plan.Hostname})
	all := format.Tee(append(slices.Clone(s.cfg.Sinks), lines.Each()...)...)
	below := findings.Watch(format.Changed(all, s.cfg.Annotate), s.found)
	if s.cfg.Diagnose {
		s.diagnosis = &diagnosis{Writer: below}
		below = s.diagnosis
	}
	if s.judge = s.cfg.judge; s.judge == nil {
		s.judge = new(verdict.Judge)
	}
	s.writer = verdict.Watch(below, s.judge)
	s.recorder = &recorder.Recorder{
		Assembler: trace.NewAssembler(s.plan.Assembler(s.session.Codec, &s.set.Faults)),
		Writer:    s.writer, Kinds: s.plan.Records, Done: s.first,
		Failed:   func() { s.supervisor.Stop(run.ErrOutput) },
		Recorded: func(sum *account.Account) { s.observe.Event(observe.Recorded{Sum: sum}) },
	}
	if s.keeper != nil {
		s.recorder.Keep = s.keep
	}
	var resets *sender.Resets
	s.replies, resets = s.session.Paths.Refuse(s.cfg.Method, s.matcher)
	s.addSenders(resets, faults)
	return nil
}

// watch returns the function for the matcher's reports of answers, or nil if no stage needs
// them.
func (s *scan) watch() matcher.Watch {
	if s.politeness == nil {
		return nil
	}
	return s.politeness
}

// addSenders makes a sender for each port, and the channels that bring them the windows.
// One of them sends the resets; resets is nil if there are none to send.
func (s *scan) addSenders(resets *sender.Resets, faults capture.Faults) {
	s.bucket = ratelimit.NewShared(ratelimit.Config{RatePPS: s.plan.RatePPS, Burst: s.plan.Burst}, s.time.Clock.Now())
	s.askedPPS.Store(math.Float64bits(s.plan.RatePPS))
	if s.cfg.Director != nil {
		s.setRate(s.paceOf(0))
	}
	if s.plan.RateAuto {
		s.auto = autorate.New(autorate.Config{
			MaxPPS: s.plan.RatePPS, Wait: s.cfg.Wait, MinTTL: s.cfg.MinTTL, MaxTTL: s.cfg.MaxTTL, Set: s.set,
			SetRate:  s.setRate,
			Observer: s.observe,
		})
	}
	newSchedule := s.plan.Schedules()
	for i, port := range s.session.Ports {
		windows := make(chan *window.Window, window.Live)
		work := newSchedule(schedule.Config{
			Shape: s.plan.Shape, Part: schedule.Part{Index: i, Count: len(s.session.Ports)},
			Politeness: s.politeness, Wait: s.cfg.Wait, NoStop: s.plan.NoStop, Abandons: s.keeper != nil, Seed: s.plan.Seed128, Ready: windows, Set: s.set,
		})
		s.schedules = append(s.schedules, work)
		source := sender.Source(work)
		if s.auto != nil {
			source = s.auto.Source(work)
		}
		s.senders = append(s.senders, sender.New(sender.Config{
			Codec: s.session.Codec, Port: port, Allowed: s.guard, Shape: s.plan.Shape,
			Clock: s.time.Clock, Epoch: s.time.Epoch, Bucket: s.bucket.Share(),
			Up: s.session.Up, Gone: s.session.Gone, Lost: s.session.Lost,
			Source: source, Resets: resets, Tap: s.capture.Sent(i), Stalled: faults.Stalled(i),
			Refused: func(target probe.Addr, cause error) { s.observe.Event(observe.Refused{Target: target, Cause: cause}) },
		}))
		s.ready, resets = append(s.ready, windows), nil
	}
}
