package list

import (
	"context"
	"errors"
	"io"
	"runtime"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/sender"
)

// listed is a line on its way.
type listed struct {
	codec.Line
	attempt uint8
}

// linkPoll is the interval between checks whether the link is up again, in ns.
const linkPoll = 50e6

// send sends line after line until the list ends or the sending is stopped. A line that is
// wrong ends the list, and stays in l.bad.
func (l *list) send(r *run.Run) error {
	runtime.LockOSThread() // ends with its goroutine
	sleeper := l.newSleeper(ratelimit.SpinFor(l.params.RatePPS, runtime.NumCPU()))
	bucket := ratelimit.New(ratelimit.Config{RatePPS: l.params.RatePPS, Burst: l.params.Burst}, l.time.Clock.Now())
	var batch [sender.MaxBatch]listed
	for r.Sending().Err() == nil {
		if !l.awaitLink(r, sleeper) {
			return nil
		}
		granted, next := bucket.Take(l.time.Clock.Now(), len(batch))
		if granted == 0 {
			if sleeper.Until(r.Failed(), next) != nil {
				return nil
			}
			continue
		}
		n, end := l.fill(r.Sending(), batch[:granted])
		if err := l.write(r, sleeper, batch[:n]); err != nil {
			return err
		}
		bucket.Return(granted - n)
		if end != nil {
			if !errors.Is(end, io.EOF) {
				l.bad = end
			}
			return l.patience.Unsent()
		}
		if sleeper.Until(r.Failed(), bucket.At(bucket.Batch())) != nil {
			return nil
		}
	}
	return nil
}

// awaitLink waits while the link is down, and reports whether sending continues.
func (l *list) awaitLink(r *run.Run, sleeper sender.Sleeper) bool {
	for !l.session.Up() {
		if l.session.Gone() {
			r.Stop(sender.ErrGone)
		}
		if r.Sending().Err() != nil || sleeper.Until(r.Failed(), l.time.Clock.Now()+linkPoll) != nil {
			return false
		}
	}
	return true
}

// fill fills a batch with lines to send. It returns their number, and the end or the error
// of the list, if any.
func (l *list) fill(stop context.Context, batch []listed) (n int, end error) {
	l.fetch(stop)
	l.reread()
	for n < len(batch) && end == nil {
		var ok bool
		if ok, end = l.next(&batch[n].Line); !ok {
			break
		}
		if end = l.leave(&batch[n].Line); end != nil {
			break
		}
		if l.take(&batch[n]) {
			n++
		}
	}
	return n, end
}

// reread reads the exclude files again on request. Newly excluded addresses are not sent
// from then on.
func (l *list) reread() {
	select {
	case <-l.cfg.Reread:
	default:
		return
	}
	if len(l.cfg.Exclude) == 0 {
		l.observe.Event(observe.Excluded{None: true})
		return
	}
	now, err := l.cfg.lists().ReadExclude()
	more := now.Minus(l.exclude)
	if err == nil {
		l.exclude = l.exclude.Union(more)
	}
	l.observe.Event(observe.Excluded{Ranges: more.Ranges(), Err: err})
}

// fetch waits for lines of the list, or for the end of stop.
func (l *list) fetch(stop context.Context) {
	if len(l.pending.lines) > 0 || l.pending.err != nil {
		return
	}
	select {
	case l.pending = <-l.fed:
	case <-stop.Done():
	}
}

// next returns the next line of the list. If ok is false, there is no line: for good if err
// is not nil, else at the moment.
func (l *list) next(v *codec.Line) (ok bool, err error) {
	if len(l.pending.lines) == 0 && l.pending.err == nil {
		select {
		case l.pending = <-l.fed:
		default:
		}
	}
	if len(l.pending.lines) == 0 {
		return false, l.pending.err
	}
	*v, l.pending.lines = l.pending.lines[0], l.pending.lines[1:]
	return true, nil
}

// leftOut counts lines that were not sent.
type leftOut struct{ excluded, noRoute uint64 }

// leave returns an error if a line does not leave as the others do.
func (l *list) leave(v *codec.Line) error {
	if l.exclude.Contains(v.Target) {
		return nil
	}
	target := v.Target.Netip()
	if l.other != "" && l.codec.Source(target.Is4()).IsZero() {
		return l.way.Elsewhere(target, l.other)
	}
	return l.strays.Check(target)
}

// take reports whether a line must be sent, and finds its attempt. A dry run
// may not know the sources.
func (l *list) take(v *listed) bool {
	switch {
	case l.exclude.Contains(v.Target):
		l.leftOut.excluded++
		return false
	case l.codec.Source(v.Target.Is4()).IsZero():
		l.leftOut.noRoute++
		l.failed.NoRoute++
		return false
	}
	name := v.Line
	name.DstPort, name.Method = 0, 0 // the attempt separates such lines
	attempt, ok := l.repeats[0][name]
	if !ok {
		attempt = l.repeats[1][name]
	}
	if len(l.repeats[0]) >= mostRepeats {
		l.repeats[0], l.repeats[1] = l.repeats[1], l.repeats[0]
		clear(l.repeats[0])
	}
	l.repeats[0][name] = (attempt + 1) % probe.MaxAttempts
	v.attempt = attempt
	return true
}

// write writes a batch.
func (l *list) write(r *run.Run, sleeper sender.Sleeper, batch []listed) error {
	var sizes [sender.MaxBatch]int
	port := l.session.Ports[0]
	for i := range batch {
		sizes[i] = l.codec.Encode(port.Packet(i, batch[i].Target.Is4()), &batch[i].Line, batch[i].attempt)
	}
	for from := 0; from < len(batch); {
		n, cause := l.writeSome(batch, sizes[:len(batch)], from)
		from += n
		if n > 0 {
			l.patience.Accepted()
			continue
		}
		pause, err := l.patience.Refused(batch[from].Target, cause, r.Sending().Err() != nil)
		switch {
		case err != nil:
			return err
		case r.Failed().Err() != nil || l.session.Gone():
			l.fail(batch[from:], sender.ErrGone)
			return nil
		case pause == 0:
			l.fail(batch[from:from+1], cause)
			from++
		default: // the next round sees the end of r.Failed
			_ = sleeper.Until(r.Failed(), l.time.Clock.Now()+pause)
		}
	}
	return nil
}

// fail counts probes that were given up after an error of the port, and reports the first for each
// cause.
func (l *list) fail(given []listed, cause error) {
	stamp := sender.Stamp(cause)
	for range given {
		window.CountFailed(&l.failed, stamp)
	}
	if l.patience.First(stamp) {
		l.observe.Event(observe.Refused{Target: given[0].Target, Cause: cause})
	}
}

// writeSome writes the probes from number from on. A probe that the kernel accepts must be
// in the table before its reply arrives. So the lock is held meanwhile.
func (l *list) writeSome(batch []listed, sizes []int, from int) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, port := l.time.Now(), l.session.Ports[0]
	n, err := port.Send(sizes, from, len(batch))
	for i := from; i < from+n; i++ {
		l.gather.Probe(&batch[i].Line, batch[i].attempt, now)
	}
	if tap := l.capture.Sent(0); tap != nil && n > 0 {
		for i := from; i < from+n; i++ {
			tap.Sent(port.Packet(i, batch[i].Target.Is4())[:sizes[i]], now)
		}
		tap.Flush()
	}
	return n, err
}
