package sender

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// Stamp returns the stamp of a probe that was given up after an error of Port.Send: one of the
// constants of package window.
func Stamp(cause error) int64 {
	is := func(errs ...error) bool {
		return slices.ContainsFunc(errs, func(e error) bool { return errors.Is(cause, e) })
	}
	switch {
	case isBusy(cause):
		return window.NoBuffers
	case isDown(cause):
		return window.LinkDown
	case is(unix.EHOSTUNREACH, unix.ENETUNREACH):
		return window.NoRoute
	case is(unix.EMSGSIZE):
		return window.TooBig
	case is(errEnded, ErrGone):
		return window.RunEnded
	default:
		return window.Failed
	}
}

// Patience decides how long frames are tried that the kernel refuses. The zero value is ready to
// use, from one goroutine.
type Patience struct {
	barred   barred // targets whose frames were given up
	filtered int    // frames given up since a frame was accepted that had been set aside
	tried    int64  // pauses for one frame, ns
	refusing int64  // pauses since the kernel accepted a frame, ns
	sent     bool   // the kernel accepted a frame
	cause    error  // of the last refusal
	reported uint64 // failed stamps that First was asked about: bit −stamp
}

// Accepted must be called when the kernel has accepted a frame.
func (p *Patience) Accepted() { p.tried, p.refusing, p.sent = 0, 0, true }

// First reports whether no frame was given up with that stamp of package window before. The end of a
// run is no cause to report.
func (p *Patience) First(stamp int64) bool {
	bit := uint64(1) << -stamp
	if stamp == window.RunEnded || p.reported&bit != 0 {
		return false
	}
	p.reported |= bit
	return true
}

// Unsent returns ErrStuck if the kernel refused every frame.
func (p *Patience) Unsent() error {
	if p.sent || p.cause == nil {
		return nil
	}
	return stuck(p.cause)
}

// Refused decides about a frame to target that the kernel refused with cause. The caller tries it
// again after pause, in ns; if pause is 0, it gives up the frame. With an error, the run fails. A
// run that was stopped tries a few times only.
func (p *Patience) Refused(target probe.Addr, cause error, stopped bool) (pause int64, err error) {
	p.cause = cause
	pause = queueFull
	if isDown(cause) {
		pause = linkPoll
	}
	switch {
	case errors.Is(cause, errPort):
		return 0, cause
	case IsRefused(cause):
		return 0, Refused(cause)
	case !IsTemporary(cause), p.barred.has(target), stopped && p.tried >= stubborn*pause:
		return 0, nil
	case p.refusing >= mostRefusing:
		return 0, stuck(cause)
	case p.tried >= mostFull:
		p.barred.add(target)
		p.tried = 0
		return 0, nil
	}
	p.tried, p.refusing = p.tried+pause, p.refusing+pause
	return pause, nil
}

// barred remembers targets to which the kernel refuses frames: the last ones.
type barred struct {
	targets [256]probe.Addr
	next    int
}

func (b *barred) add(a probe.Addr) {
	if b.has(a) {
		return
	}
	b.targets[b.next] = a
	b.next = (b.next + 1) % len(b.targets)
}

func (b *barred) has(a probe.Addr) bool { return slices.Contains(b.targets[:], a) }
