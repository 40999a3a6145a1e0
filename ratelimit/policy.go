package ratelimit

import "time"

const (
	maxBatch = 64 // sendmmsg gains nothing beyond

	batchTime = 200e-6 // seconds of packets in a batch: 5000 wake-ups a second
	lateTime  = 2e-3   // seconds that the default burst makes up for

	// Below steadyPPS a wake-up 100 µs late costs under 1 % of an interval.
	steadyPPS = 50
	spinPPS   = 400e3
	spinTime  = 20 * time.Microsecond
)

// DefaultBurst returns the burst to use when none was asked for: 1 below 50
// pps; above, two packets and those of 2 ms, at most MaxBurst (22 at 10 kpps,
// 202 at 100 kpps); 0 for a rate of 0, which is unlimited.
//
// It is as small as the rate allows to be kept: a thread wakes some 25 µs after
// the time asked for, now and then 2 ms, and a bucket that is full meanwhile
// loses the rest. With a burst of 1 and an interval of 100 µs that would be a
// quarter of the rate.
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

// SpinFor returns how long before its time a Sleeper may spin rather than
// sleep: 20 µs, about what a wake-up takes, from 400 kpps on if there is a core
// to spare; else not at all. An unlimited sender (0) never waits.
func SpinFor(ratePPS float64, cores int) time.Duration {
	if ratePPS < spinPPS || cores < 2 {
		return 0
	}
	return spinTime
}
