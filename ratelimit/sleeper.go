package ratelimit

import (
	"context"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sliceNS bounds one sleep, and so how late the end of a context is seen: a
// thread in clock_nanosleep cannot be woken from Go.
const sliceNS = int64(50 * time.Millisecond)

// Sleeper puts a thread to sleep until an absolute time. Go's own timers wake
// a millisecond late; clock_nanosleep on a locked thread some 25 µs.
//
// Go is not told of the sleep, unless for a rate at which the thread also spins:
// there pauses cost more than anything. If it were, its monitor would look every 20 µs
// for a thread whose processor it could give to another goroutine, at several
// times the cost of the sleeps; so a Sleeper keeps its processor, and a
// program should have one more (runtime.GOMAXPROCS) for each. A signal, by which
// Go asks a thread to pause, ends a sleep at once.
//
// It belongs to the goroutine that made it.
type Sleeper struct {
	clock  *Clock
	spinNS int64
}

// NewSleeper returns a Sleeper for the calling goroutine, which has locked its
// thread (runtime.LockOSThread): it sets the thread's timer slack to 1 ns. For
// the last spin (0 = none; see SpinFor) before a time it spins.
func NewSleeper(clock *Clock, spin time.Duration) *Sleeper {
	// A sandbox may forbid it. Then sleeps end up to 50 µs later, which the
	// burst makes up for.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	return &Sleeper{clock: clock, spinNS: int64(spin)}
}

// Until returns nil once clock.Now() has reached at (ns), at once if it has
// already. When ctx ends it returns ctx.Err(), within 50 ms.
func (s *Sleeper) Until(ctx context.Context, at int64) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		now := s.clock.Now()
		left := at - now
		switch {
		case left <= 0:
			return nil
		case left <= s.spinNS:
			continue
		}
		ts := unix.NsecToTimespec(min(at-s.spinNS, now+sliceNS))
		if err := s.sleep(&ts); err != nil && err != unix.EINTR {
			return fmt.Errorf("sleep on the monotonic clock: %w", err)
		}
	}
}

func (s *Sleeper) sleep(until *unix.Timespec) error {
	if s.spinNS > 0 {
		return unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, until, nil)
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME,
		uintptr(unsafe.Pointer(until)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
