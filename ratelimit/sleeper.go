package ratelimit

import (
	"context"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sliceNS limits one sleep, and so the delay until the end of a context is noticed: Go cannot wake
// a thread in clock_nanosleep.
const sliceNS = int64(50 * time.Millisecond)

// Sleeper puts a thread to sleep until an absolute time. Go's own timers are a millisecond late;
// clock_nanosleep on a locked thread is some 25 µs late.
//
// The Go scheduler does not see the sleep. Otherwise its monitor would check every 20 µs whether it
// can give the thread's processor to another goroutine. That costs several times as much as the
// sleeps. So a sleeping thread keeps its processor, and a program should have one more
// (runtime.GOMAXPROCS) for each Sleeper. If Go asks a thread to pause, its signal ends the sleep at
// once. A Sleeper that also spins is an exception: at its rates, pauses cost the most, so the
// scheduler does see its sleeps.
//
// A Sleeper belongs to the goroutine that made it.
type Sleeper struct {
	clock  *Clock
	spinNS int64
}

// NewSleeper returns a Sleeper for the calling goroutine, which must have locked its thread
// (runtime.LockOSThread). It sets the thread's timer slack to 1 ns. For the last part of a wait,
// spin long (0 = none; see SpinFor), the Sleeper spins.
func NewSleeper(clock *Clock, spin time.Duration) *Sleeper {
	// A sandbox may forbid this. Then sleeps end up to 50 µs later, which the burst makes up
	// for.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	return &Sleeper{clock: clock, spinNS: int64(spin)}
}

// Until returns nil when clock.Now() has reached at (ns), at once if it already has. When ctx ends,
// it returns ctx.Err() within 50 ms.
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
