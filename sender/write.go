package sender

import (
	"context"
	"errors"
	"fmt"

	"github.com/masstrace/masstrace/internal/window"
)

// write writes the first n frames and returns how many the kernel accepted. It does not accept a
// frame that fails for good, and those that are left when the run ends.
func (s *Sender) write(ctx, stop context.Context, n int) (accepted int, err error) {
	from := 0
	defer func() { s.giveUp(from, n) }()
	failures, first := 0, int64(0) // failures of one frame, and when it was first tried, ns
	for from < n {
		now := s.cfg.Clock.Now() + s.cfg.Epoch
		s.stamp(from, n, now)
		sent, err := s.post(from, n)
		if errors.Is(err, errPort) {
			return accepted, err
		}
		s.timed(now, sent)
		s.Stats.Sent.Add(uint64(sent))
		s.show(from, from+sent, now)
		from, accepted = from+sent, accepted+sent
		if failures == 0 {
			first = now
		}
		switch {
		case sent > 0:
			failures = 0
		case IsTemporary(err) && (now-first < mostFull || failures <= stubborn):
			failures++
			s.Stats.Retries.Add(1)
			down, ok := s.again(ctx, stop, failures, err)
			if !ok {
				return accepted, nil
			}
			first += down
			if s.recheck() {
				n = s.build(from, n)
			}
		case IsRefused(err):
			return accepted, Refused(err)
		default:
			s.giveUp(from, from+1) // give up this frame alone
			from++
			failures = 0
		}
	}
	return accepted, nil
}

// post passes the frames in [from, to) to the port and checks the port's contract. Without
// errPort, sent is between 0 and to-from, and err is not nil if sent is 0.
func (s *Sender) post(from, to int) (sent int, err error) {
	sent, err = s.cfg.Port.Send(s.sizes[:to], from, to)
	if sent < 0 || sent > to-from || sent == 0 && err == nil {
		return 0, fmt.Errorf("send: %w: accepted %d of %d (%v)", errPort, sent, to-from, err)
	}
	return sent, err
}

// timed reports a batch, stamped at ns, that took long to leave.
func (s *Sender) timed(ns int64, sent int) {
	if s.cfg.Stalled == nil || sent == 0 {
		return
	}
	if left := s.cfg.Clock.Now() + s.cfg.Epoch; left-ns > MaxStall {
		s.cfg.Stalled(ns, left)
	}
}

// show passes the frames that left at ns to the tap.
func (s *Sender) show(from, to int, ns int64) {
	if s.cfg.Tap == nil || from == to {
		return
	}
	for i := from; i < to; i++ {
		is4 := s.items[i].Window.Target(int(s.items[i].Target)).Is4()
		s.cfg.Tap.Sent(s.cfg.Port.Packet(i, is4)[:s.sizes[i]], ns)
	}
	s.cfg.Tap.Flush()
}

// again waits until frames that failed with err may be tried again. It returns how long the link
// was down, in ns. If ok is false, the frames must be given up.
func (s *Sender) again(ctx, stop context.Context, failures int, err error) (down int64, ok bool) {
	if stop.Err() != nil && failures > stubborn {
		return 0, false
	}
	pause := int64(queueFull)
	if isDown(err) {
		pause = linkPoll
	}
	if s.sleeper.Until(ctx, s.cfg.Clock.Now()+pause) != nil {
		return 0, false
	}
	down = s.waitForLink(ctx, stop)
	return down, ctx.Err() == nil && !s.cfg.Gone()
}

// stamp stores the time at which the items leave.
func (s *Sender) stamp(from, to int, ns int64) {
	for i := range s.items[from:to] {
		item := &s.items[from+i]
		item.Window.Stamp(item.Slot, ns)
	}
}

// giveUp stamps items as Failed.
func (s *Sender) giveUp(from, to int) {
	if from == to {
		return
	}
	s.stamp(from, to, window.Failed)
	s.Stats.Errors.Add(uint64(to - from))
}
