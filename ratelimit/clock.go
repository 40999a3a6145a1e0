package ratelimit

import (
	"fmt"
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// Clock reads CLOCK_MONOTONIC and CLOCK_REALTIME in one step, at the cost of one time.Now. That
// uses the vDSO, while each clock_gettime of x/sys/unix is a system call.
//
// Pacing runs on the monotonic clock. Packet stamps are CLOCK_REALTIME, which may be stepped
// between a probe and its reply. real − mono, read with each batch, converts both stamps to the
// monotonic clock. There their difference is an RTT:
//
//	sentMono = sentReal − (real − mono)
//
// A Clock is safe for concurrent use. A package that needs to fake it declares an interface of the
// methods that it uses.
type Clock struct {
	base   time.Time
	origin int64 // CLOCK_MONOTONIC at base
}

// NewClock returns a Clock whose Now is CLOCK_MONOTONIC within a microsecond. The error is constant
// for the life of the Clock.
func NewClock() (*Clock, error) {
	// Go does not export the monotonic part of a time.Time, only differences. So a direct
	// reading is bracketed by two of Go's, several times. The narrowest bracket fixes the
	// constant; the others were interrupted.
	c, best := &Clock{}, time.Duration(math.MaxInt64)
	for range 16 {
		var ts unix.Timespec
		before := time.Now()
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
			return nil, fmt.Errorf("read monotonic clock: %w", err)
		}
		if width := time.Since(before); width < best {
			best = width
			c.base, c.origin = before, ts.Nano()-int64(width/2)
		}
	}
	return c, nil
}

// Now returns CLOCK_MONOTONIC in nanoseconds.
func (c *Clock) Now() int64 { return c.origin + int64(time.Since(c.base)) }

// Read returns CLOCK_MONOTONIC and CLOCK_REALTIME (since the Unix epoch) of the same moment, in
// nanoseconds.
func (c *Clock) Read() (mono, real int64) {
	now := time.Now()
	return c.origin + int64(now.Sub(c.base)), now.UnixNano()
}
