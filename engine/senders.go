package engine

import (
	"context"
	"errors"
	"runtime"

	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/sender"
)

// addSenders makes a sender for each port, and the channels that bring them the
// windows. One of them sends the resets; resets is nil if there are none to send.
func (s *scan) addSenders(resets *sender.Resets, f faults) (ready []chan *window.Window) {
	bucket := ratelimit.NewShared(ratelimit.Config{RatePPS: s.plan.ratePPS, Burst: s.plan.burst}, s.time.clock.Now())
	if s.cfg.AutoRate {
		s.auto = s.newAutoRate(func(pps float64) { bucket.SetRate(s.time.clock.Now(), pps) })
	}
	newSchedule := s.plan.schedules()
	for i, port := range s.ports {
		windows := make(chan *window.Window, window.Live)
		plan := newSchedule(schedule.Config{
			Shape: s.plan.shape, Part: schedule.Part{Index: i, Count: len(s.ports)},
			Manners: s.manners, Wait: s.cfg.Wait, NoStop: s.cfg.NoStop, Seed: s.plan.seed, Ready: windows, Set: s.set,
		})
		s.schedules = append(s.schedules, plan)
		source := sender.Source(plan)
		if s.auto != nil {
			source = s.auto.source(plan)
		}
		s.senders = append(s.senders, sender.New(sender.Config{
			Codec: s.codec, Port: port, Allowed: s.guard, Shape: s.plan.shape,
			Clock: s.time.clock, Epoch: s.time.epoch, Bucket: bucket.Share(),
			Up:     func() bool { return s.monitor.State() == link.Up },
			Gone:   func() bool { return s.monitor.State() == link.Gone },
			Source: source, Resets: resets, Tap: s.copy.tap(i), Stalled: f.stalled(i),
		}))
		ready, resets = append(ready, windows), nil
	}
	return ready
}

// send runs a sender on a thread of its own, until over ends if it has resets to
// send.
func (s *scan) send(one *sender.Sender, ctx, over context.Context) error {
	s.keeper.wait(s.stop, s.cfg.Wait)
	// Not unlocked: the thread's timer slack is not for others, and ends with it.
	runtime.LockOSThread()
	spare := runtime.NumCPU() - len(s.senders) + 1
	sleeper := ratelimit.NewSleeper(s.time.clock, ratelimit.SpinFor(s.plan.ratePPS, spare))
	err := one.Run(ctx, s.stop, sleeper)
	if errors.Is(err, sender.ErrGone) {
		s.halt(err)
		return nil
	}
	if err == nil {
		one.Linger(over)
	}
	return err
}

// sent returns how many probes all senders have sent.
func (s *scan) sent() (n uint64) {
	for _, one := range s.senders {
		n += one.Stats.Sent.Load()
	}
	return n
}

// decided returns how many (target, TTL, flow) of all parts have had their turn.
func (s *scan) decided() (n uint64) {
	for _, one := range s.schedules {
		n += one.Decided()
	}
	return n
}
