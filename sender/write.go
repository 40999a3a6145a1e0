package sender

import (
	"context"
	"errors"
	"fmt"

	"github.com/masstrace/masstrace/internal/probe"
)

// write writes the first n frames and returns how many the kernel accepted. It gives up frames
// that the kernel refuses for good, and those that are left when the run ends.
//
// The kernel answers ENOBUFS both if a queue is full and if an egress filter drops a frame. A full
// queue accepts no frame. So if the kernel accepts the frames after a refused one, the refused one
// is set aside, tried again after the others, and given up if it is refused again and again.
func (s *Sender) write(ctx, stop context.Context, n int) (accepted int, err error) {
	from := 0
	s.aside = s.aside[:0]
	defer func() {
		s.giveUp(from, n, errEnded)
		for _, i := range s.aside {
			s.giveUp(i, i+1, errEnded)
		}
	}()
	for from < n {
		sent, cause := s.offer(from, n)
		if sent > 0 {
			from, accepted = from+sent, accepted+sent
			continue
		}
		after, passed, err := s.pass(from, n, cause)
		if err != nil {
			return accepted, err
		}
		if passed > 0 {
			for ; from < after; from++ {
				s.aside = append(s.aside, from)
			}
			from, accepted = from+passed, accepted+passed
			continue
		}
		pause, err := s.patience.Refused(s.target(from), cause, stop.Err() != nil)
		switch {
		case err != nil:
			return accepted, err
		case pause == 0:
			s.giveUp(from, from+1, cause)
			from++
		case !s.pause(ctx, stop, pause):
			return accepted, nil
		case s.recheck():
			n = s.build(from, n)
		}
	}
	late, err := s.tryAside(ctx, stop)
	return accepted + late, err
}

// offer stamps and writes the frames in [from, to), and counts those that the kernel accepted.
func (s *Sender) offer(from, to int) (sent int, err error) {
	now := s.cfg.Clock.Now() + s.cfg.Epoch
	s.stamp(from, to, now)
	if sent, err = s.post(from, to); sent == 0 {
		return 0, err
	}
	s.patience.Accepted()
	s.timed(now, sent)
	s.Stats.Sent.Add(uint64(sent))
	s.show(from, from+sent, now)
	return sent, nil
}

// pass offers the frames after the one at from, if the kernel refused that one for now. It returns
// how many the kernel accepted, from number after on. It looks at some other targets only: a full
// queue refuses all of them.
func (s *Sender) pass(from, to int, cause error) (after, passed int, err error) {
	if !isBusy(cause) || s.patience.barred.has(s.target(from)) {
		return from, 0, nil
	}
	looks, last := 0, s.target(from)
	for after = from + 1; after < to && looks < mostLooks; after++ {
		if s.target(after) == last {
			continue
		}
		looks, last = looks+1, s.target(after)
		passed, err = s.offer(after, to)
		if passed > 0 || errors.Is(err, errPort) {
			return after, passed, err
		}
	}
	return from, 0, nil
}

// tryAside tries the frames that were set aside. It gives up those that the kernel refuses for too
// long.
func (s *Sender) tryAside(ctx, stop context.Context) (accepted int, err error) {
	tries := max(mostAside/(1+s.patience.filtered), fewestAside)
	for try := 0; len(s.aside) > 0; try++ {
		if stop.Err() != nil && try >= stubborn || !s.pause(ctx, stop, queueFull) {
			return accepted, nil
		}
		rebuild, left := s.recheck(), s.aside[:0]
		for _, i := range s.aside {
			if rebuild && s.build(i, i+1) == i {
				continue // excluded meanwhile
			}
			sent, cause := s.offer(i, i+1)
			accepted += sent
			switch {
			case sent > 0:
				s.patience.filtered = 0
			case IsTemporary(cause) && try < tries:
				left = append(left, i)
			default:
				s.patience.barred.add(s.target(i))
				s.patience.filtered++
				s.giveUp(i, i+1, cause)
			}
		}
		s.aside = left
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

// target returns the target of the i-th frame.
func (s *Sender) target(i int) probe.Addr {
	return s.items[i].Window.Target(int(s.items[i].Target))
}

// show passes the frames that left at ns to the tap.
func (s *Sender) show(from, to int, ns int64) {
	if s.cfg.Tap == nil || from == to {
		return
	}
	for i := from; i < to; i++ {
		s.cfg.Tap.Sent(s.cfg.Port.Packet(i, s.target(i).Is4())[:s.sizes[i]], ns)
	}
	s.cfg.Tap.Flush()
}

// pause waits until refused frames may be tried again. It returns false if they must be given up,
// because the run or the link ended.
func (s *Sender) pause(ctx, stop context.Context, pause int64) bool {
	s.Stats.Retries.Add(1)
	if s.sleeper.Until(ctx, s.cfg.Clock.Now()+pause) != nil {
		return false
	}
	s.waitForLink(ctx, stop)
	return ctx.Err() == nil && !s.cfg.Gone()
}

// stamp stores the time at which the items leave.
func (s *Sender) stamp(from, to int, ns int64) {
	for i := range s.items[from:to] {
		item := &s.items[from+i]
		item.Window.Stamp(item.Slot, ns)
	}
}

// giveUp stamps items by the cause of their failure, and counts them.
func (s *Sender) giveUp(from, to int, cause error) {
	if from == to {
		return
	}
	stamp := Stamp(cause)
	s.stamp(from, to, stamp)
	s.Stats.Errors.Add(uint64(to - from))
	if s.patience.First(stamp) && s.cfg.Refused != nil {
		s.cfg.Refused(s.target(from), cause)
	}
}
