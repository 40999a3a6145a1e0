package engine

import (
	"context"
	"errors"
	"io"
	"runtime"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/sender"
)

// listed is a line on its way.
type listed struct {
	codec.Line
	attempt uint8
}

// send sends line after line until the list ends, the run is stopped or ctx ends.
// bad is what is wrong with a line, which ends the list.
func (s *lineScan) send(ctx, stop context.Context) (bad, err error) {
	sleeper := ratelimit.NewSleeper(s.time.clock, ratelimit.SpinFor(s.rate, runtime.NumCPU()))
	bucket := ratelimit.New(ratelimit.Config{RatePPS: s.rate, Burst: s.burst}, s.time.clock.Now())
	var batch [sender.MaxBatch]listed
	for stop.Err() == nil {
		for s.monitor.State() != link.Up && stop.Err() == nil {
			if s.monitor.State() == link.Gone {
				s.halt(sender.ErrGone)
				return nil, nil
			}
			_ = sleeper.Until(ctx, s.time.clock.Now()+50e6) // ctx ends stop too
		}
		granted, next := bucket.Take(s.time.clock.Now(), len(batch))
		if granted == 0 {
			_ = sleeper.Until(ctx, next)
			continue
		}
		n := 0
		for n < granted && bad == nil {
			if n == 0 {
				s.fetch(stop)
				s.reread()
			}
			var ok bool
			if ok, bad = s.next(&batch[n].Line); !ok {
				break
			}
			n += s.take(&batch[n])
		}
		if err := s.write(ctx, stop, sleeper, batch[:n]); err != nil {
			return nil, err
		}
		bucket.Return(granted - n)
		if errors.Is(bad, io.EOF) {
			return nil, nil
		}
		if bad != nil {
			return bad, nil
		}
		_ = sleeper.Until(ctx, bucket.At(bucket.Batch()))
	}
	return nil, nil
}

// reread reads the exclude files again if it is asked to: what is newly excluded is
// not sent from here on.
func (s *lineScan) reread() {
	select {
	case <-s.cfg.Reread:
	default:
		return
	}
	now, err := s.cfg.readExcludes()
	more := now.Minus(s.exclude)
	if err == nil {
		s.exclude = s.exclude.Union(more)
	}
	s.console.excluded(more.Ranges(), err)
}

// fetch waits for lines of the list, or for the end of stop.
func (s *lineScan) fetch(stop context.Context) {
	if len(s.pending.lines) > 0 || s.pending.err != nil {
		return
	}
	select {
	case s.pending = <-s.fed:
	case <-stop.Done():
	}
}

// next gives the next line of the list: ok is false if there is none, for good if
// err says so, or else for now.
func (s *lineScan) next(v *codec.Line) (ok bool, err error) {
	if len(s.pending.lines) == 0 && s.pending.err == nil {
		select {
		case s.pending = <-s.fed:
		default:
		}
	}
	if len(s.pending.lines) == 0 {
		return false, s.pending.err
	}
	*v, s.pending.lines = s.pending.lines[0], s.pending.lines[1:]
	return true, nil
}

// take decides on a line: 1 if it is to be sent, else 0. A dry run may not know
// the paths.
func (s *lineScan) take(v *listed) int {
	if s.exclude.Contains(v.Target) || s.paths != nil && s.listed.Source(v.Target.Is4()).IsZero() {
		s.excluded++
		return 0
	}
	name := v.Line
	name.DstPort, name.Method = 0, 0 // the attempt tells such lines apart as well
	attempt, ok := s.repeats[0][name]
	if !ok {
		attempt = s.repeats[1][name]
	}
	if len(s.repeats[0]) >= mostRepeats {
		s.repeats[0], s.repeats[1] = s.repeats[1], s.repeats[0]
		clear(s.repeats[0])
	}
	s.repeats[0][name] = (attempt + 1) % probe.MaxAttempts
	v.attempt = attempt
	return 1
}

// write writes a batch. What the kernel accepts is in the table before anybody can
// look for it: the lock is held meanwhile.
func (s *lineScan) write(ctx, stop context.Context, sleeper *ratelimit.Sleeper, batch []listed) error {
	var sizes [sender.MaxBatch]int
	for i := range batch {
		sizes[i] = s.listed.Encode(s.ports[0].Packet(i, batch[i].Target.Is4()), &batch[i].Line, batch[i].attempt)
	}
	failures := 0
	for from := 0; from < len(batch); {
		n, err := s.writeSome(batch, sizes[:len(batch)], from)
		from += n
		switch {
		case n > 0:
			failures = 0
		case sender.IsRefused(err):
			return sender.Refused(err)
		case sender.IsTemporary(err):
			failures++
			if ctx.Err() != nil || s.monitor.State() == link.Gone || stop.Err() != nil && failures > 3 {
				s.match.count.failed += uint64(len(batch) - from)
				return nil
			}
			_ = sleeper.Until(ctx, s.time.clock.Now()+2e5)
		default:
			s.match.count.failed++ // this one, whatever is wrong with it
			from++
		}
	}
	return nil
}

func (s *lineScan) writeSome(batch []listed, sizes []int, from int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.time.Now()
	n, err := s.ports[0].Send(sizes, from, len(batch))
	for i := from; i < from+n; i++ {
		s.match.sent(&batch[i].Line, batch[i].attempt, now)
	}
	if s.copy != nil && n > 0 {
		for i := from; i < from+n; i++ {
			s.copy.sent[0].Sent(s.ports[0].Packet(i, batch[i].Target.Is4())[:sizes[i]], now)
		}
		s.copy.sent[0].Flush()
	}
	return n, err
}
