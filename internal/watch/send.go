package watch

import (
	"context"
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/watch/board"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/sender"
)

// Times of the sender.
const (
	// tick is between two batches of a cycle. linkPoll is between two looks at a link that is
	// down, or at a paused watch.
	tick     = 20 * time.Millisecond
	linkPoll = 50 * time.Millisecond
)

// send sends cycle after cycle.
func (w *Watch) send(r *run.Run) error {
	sleeper := w.newSleeper()
	s := &cycleSender{Watch: w, run: r, sleeper: sleeper, prepared: make([]codec.Prepared, w.cycles.paths)}
	next := w.time.Clock.Now()
	for cycle := uint32(0); w.cfg.Count == 0 || cycle < w.cfg.Count; cycle++ {
		if sleeper.Until(r.Sending(), next) != nil || !s.await() {
			return nil
		}
		if err := s.cycle(cycle); err != nil {
			return err
		}
		now := w.time.Clock.Now()
		if next += int64(w.cfg.Interval); next < now { // a pause, or a machine that slept
			next = now
		}
	}
	return w.patience.Unsent()
}

// cycleSender sends the probes of a cycle.
type cycleSender struct {
	*Watch
	run      *run.Run
	sleeper  sender.Sleeper
	codec    *codec.Codec
	attempt  uint8
	prepared []codec.Prepared // by path
	order    []place
	goals    []uint8
}

// await waits while the watch is paused or the link is down, and reports whether sending goes on.
func (s *cycleSender) await() bool {
	for {
		s.mu.Lock()
		waits := s.paused
		s.mu.Unlock()
		if !waits && s.session.Up() {
			return true
		}
		if s.session.Gone() {
			s.run.Stop(sender.ErrGone)
			s.run.Finish()
		}
		if s.sleeper.Until(s.run.Sending(), s.time.Clock.Now()+int64(linkPoll)) != nil {
			return false
		}
	}
}

// cycle sends a cycle.
func (s *cycleSender) cycle(cycle uint32) (err error) {
	fresh := false
	if s.codec, s.attempt, fresh, err = s.keys.codecOf(cycle); err != nil {
		return err
	}
	if fresh {
		for i := range s.prepared {
			t, f := s.targetOf(i)
			s.codec.Prepare(&s.prepared[i], probe.AddrFrom(s.cfg.Targets[t].Addr), uint16(f))
		}
	}
	s.begin(cycle)
	perTick := s.perTick()
	for at := 0; at < len(s.order); at += perTick {
		if at > 0 && s.sleeper.Until(s.run.Sending(), s.time.Clock.Now()+int64(tick)) != nil {
			return nil
		}
		if err := s.write(s.order[at:min(at+perTick, len(s.order))]); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cycles.allSent(cycle)
	return nil
}

// targetOf returns the target and the flow of a path.
func (w *Watch) targetOf(path int) (target, flow int) { return path / w.cfg.Flows, path % w.cfg.Flows }

// begin begins a cycle, and puts its probes into order. The first cycle ascends, so that no probe
// goes far beyond a target. Later ones begin at another TTL for each path: a router that all
// paths share is not asked by all at once.
func (s *cycleSender) begin(cycle uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cycles.begin(cycle)
	s.order, s.goals = s.order[:0], s.goals[:0]
	most := 0
	for i := range s.cycles.paths {
		t, f := s.targetOf(i)
		goal := s.board.Targets[t].Flows[f].Goal(cycle, s.cfg.MaxTTL)
		s.goals = append(s.goals, goal)
		most = max(most, int(goal)-int(s.cfg.FirstTTL)+1)
	}
	for step := range most {
		for i, goal := range s.goals {
			length := int(goal) - int(s.cfg.FirstTTL) + 1
			if step >= length {
				continue
			}
			at := step
			if cycle > 0 {
				at = (step + i) % length
			}
			s.order = append(s.order, place{cycle: cycle, path: i, ttl: s.cfg.FirstTTL + uint8(at)})
		}
	}
}

// perTick returns how many probes to send each tick, so that a cycle takes half of the interval at
// most.
func (s *cycleSender) perTick() int {
	ticks := max(int(s.cfg.Interval/2/tick), 1)
	return min(max((len(s.order)+ticks-1)/ticks, s.cycles.paths), sender.MaxBatch)
}

// write sends some probes.
func (s *cycleSender) write(batch []place) error {
	var sizes [sender.MaxBatch]int
	batch = s.wanted(batch)
	port := s.session.Ports[0]
	for i, p := range batch {
		prepared := &s.prepared[p.path]
		sizes[i] = s.codec.Encode(port.Packet(i, prepared.Target.Is4()), prepared, p.ttl, s.attempt)
	}
	for from := 0; from < len(batch); {
		n, cause := s.writeSome(batch, sizes[:len(batch)], from)
		from += n
		if n > 0 {
			s.patience.Accepted()
			continue
		}
		pause, err := s.patience.Refused(s.prepared[batch[from].path].Target, cause, s.run.Sending().Err() != nil)
		switch {
		case err != nil:
			return err
		case s.run.Failed().Err() != nil || s.session.Gone():
			return nil
		case pause == 0:
			s.fail(batch[from], cause)
			from++
		default: // the next round sees the end of Failed
			_ = s.sleeper.Until(s.run.Failed(), s.time.Clock.Now()+pause)
		}
	}
	return nil
}

// wanted removes the probes that go beyond the end of their path, as known now.
func (s *cycleSender) wanted(batch []place) []place {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := batch[:0]
	for _, p := range batch {
		t, f := s.targetOf(p.path)
		if p.ttl <= s.board.Targets[t].Flows[f].Goal(p.cycle, s.cfg.MaxTTL) {
			kept = append(kept, p)
		}
	}
	return kept
}

// writeSome writes the probes from number from on. They must be known before their answers arrive,
// so the lock is held meanwhile.
func (s *cycleSender) writeSome(batch []place, sizes []int, from int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.time.Now()
	n, err := s.session.Ports[0].Send(sizes, from, len(batch))
	for _, p := range batch[from : from+n] {
		s.cycles.sent(p, now)
	}
	return n, err
}

// fail notes a probe that was given up after an error of the port.
func (s *cycleSender) fail(p place, cause error) {
	if s.patience.First(sender.Stamp(cause)) {
		s.cfg.Observer.Event(observe.Refused{Target: s.prepared[p.path].Target, Cause: cause})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, f := s.targetOf(p.path)
	s.take(&board.Sample{Target: t, Flow: f, Cycle: p.cycle, TTL: p.ttl, Outcome: board.Unsent, Sent: s.time.Now()})
}

// timers is a sender.Sleeper that uses the timers of Go: the rate needs no precision.
type timers struct{ clock *ratelimit.Clock }

// Until implements sender.Sleeper.
func (s timers) Until(ctx context.Context, at int64) error {
	left := time.Duration(at - s.clock.Now())
	if left <= 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err()
}
