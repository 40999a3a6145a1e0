package ratelimit

import "time"

const (
	maxBatch = 64 // more would make sendmmsg no faster

	batchTime = 200e-6 // seconds of packets in a batch: 5000 wake-ups a second
	lateTime  = 2e-3   // seconds that the default burst can make up for

	// Below steadyPPS, a wake-up 100 µs late costs under 1 % of an interval.
	steadyPPS = 50
	spinPPS   = 400e3
	spinTime  = 20 * time.Microsecond
)

// DefaultBurst returns the burst to use if none is configured. It is 1 below 50 pps. Above, it is
// two packets plus those of 2 ms, at most MaxBurst (22 at 10 kpps, 202 at 100 kpps). It is 0 for a
// rate of 0, which is unlimited.
//
// It is the smallest burst that keeps the rate. A thread wakes some 25 µs late, and sometimes 2 ms.
// A bucket that becomes full before then loses the rest. With a burst of 1 and an interval of 100
// µs, that would be a quarter of the rate.
func DefaultBurst(ratePPS float64) int {
	switch {
	case ratePPS == 0:
		return 0
	case !(ratePPS >= steadyPPS):
		return 1
	default:
		return int(min(2+ratePPS*lateTime, MaxBurst))
	}
}

func batchSize(ratePPS float64, burst int) int {
	n := int(min(ratePPS*batchTime, maxBatch))
	return max(min(n, burst/2), 1)
}

// SpinFor returns how long before its time a Sleeper may spin instead of sleep. That is 20 µs,
// about the duration of a wake-up, from 400 kpps on if there is a core to spare. Otherwise it is
// 0. An unlimited sender (rate 0) never waits.
func SpinFor(ratePPS float64, cores int) time.Duration {
	if ratePPS < spinPPS || cores < 2 {
		return 0
	}
	return spinTime
}
