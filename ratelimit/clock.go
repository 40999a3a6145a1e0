package ratelimit

import (
	"fmt"
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// Clock reads CLOCK_MONOTONIC and CLOCK_REALTIME in one step, at the cost of
// one time.Now: through the vDSO, where clock_gettime by way of x/sys/unix is a
// system call each.
//
// Pacing runs on the monotonic clock. Packet stamps are CLOCK_REALTIME, which
// may be stepped between a probe and its reply; real − mono, read with each
// batch, takes both to the monotonic clock, where their difference is an RTT:
//
//	sentMono = sentReal − (real − mono)
//
// A Clock is safe for concurrent use. Packages that need to fake it declare an
// interface of the methods they use.
type Clock struct {
	base   time.Time
	origin int64 // CLOCK_MONOTONIC at base
}

// NewClock returns a Clock whose Now is CLOCK_MONOTONIC to within a
// microsecond, by a constant that is fixed here once.
func NewClock() (*Clock, error) {
	// Go does not give out the monotonic part of a time.Time, only
	// differences. The closest of some brackets around a direct reading
	// fixes the constant; the others were interrupted.
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

// Read returns CLOCK_MONOTONIC and CLOCK_REALTIME (since the Unix epoch) of the
// same moment, in nanoseconds.
func (c *Clock) Read() (mono, real int64) {
	now := time.Now()
	return c.origin + int64(now.Sub(c.base)), now.UnixNano()
}
