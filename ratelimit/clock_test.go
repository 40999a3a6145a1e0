package ratelimit

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func kernelClock(t *testing.T, id int32) int64 {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		t.Fatal(err)
	}
	return ts.Nano()
}

func newClock(t testing.TB) *Clock {
	t.Helper()
	c, err := NewClock()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Readings of the kernel's clocks before and after those of a Clock must enclose them, within the
// constant error. That is far less than the slack here.
func TestClock(t *testing.T) {
	const slack = int64(100 * time.Microsecond)
	c := newClock(t)
	for range 100 {
		mono0, real0 := kernelClock(t, unix.CLOCK_MONOTONIC), kernelClock(t, unix.CLOCK_REALTIME)
		now := c.Now()
		mono, real := c.Read()
		mono1, real1 := kernelClock(t, unix.CLOCK_MONOTONIC), kernelClock(t, unix.CLOCK_REALTIME)
		if now < mono0-slack || mono < now || mono > mono1+slack {
			t.Fatalf("monotonic %d ≤ %d ≤ %d ≤ %d does not hold", mono0, now, mono, mono1)
		}
		if real < real0-slack || real > real1+slack {
			t.Fatalf("real %d ≤ %d ≤ %d does not hold", real0, real, real1)
		}
	}
}

func TestSleeper(t *testing.T) {
	runtime.LockOSThread() // never unlocked: the timer slack ends with the thread
	c := newClock(t)
	for _, spin := range []time.Duration{0, 20 * time.Microsecond} {
		s := NewSleeper(c, spin)
		for _, wait := range []time.Duration{-time.Hour, 0, 10 * time.Microsecond, time.Millisecond, 60 * time.Millisecond} {
			at := c.Now() + int64(wait)
			if err := s.Until(t.Context(), at); err != nil {
				t.Fatal(err)
			}
			if now := c.Now(); now < at {
				t.Errorf("woke %d ns early", at-now)
			}
		}
	}
	if slack, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0); err != nil || slack != 1 {
		t.Errorf("timer slack %d, %v; want 1", slack, err)
	}
}

func TestSleeperCancel(t *testing.T) {
	runtime.LockOSThread()
	c := newClock(t)
	s := NewSleeper(c, 0)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	// Without cancellation the wait would be an hour, and the test's own time limit would end
	// it.
	if err := s.Until(ctx, c.Now()+int64(time.Hour)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Until = %v, want the context's error", err)
	}
	if err := s.Until(ctx, c.Now()-1); err == nil {
		t.Error("Until with an ended context = nil")
	}
}

func TestClockAllocs(t *testing.T) {
	c := newClock(t)
	s := NewSleeper(c, 0)
	if n := testing.AllocsPerRun(100, func() {
		mono, _ := c.Read()
		_ = s.Until(t.Context(), mono+1000)
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

func BenchmarkClock(b *testing.B) {
	c := newClock(b)
	b.Run("Now", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.Now()
		}
	})
	b.Run("Read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.Read()
		}
	})
}
