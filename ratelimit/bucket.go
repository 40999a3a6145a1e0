// Package ratelimit decides when the next batch may leave. Bucket is an exact token bucket on a
// clock that its caller reads. Clock reads the kernel's clocks. Sleeper waits for an absolute time
// of them.
//
// A sender on its own locked thread uses the three as follows:
//
//	n, _ := bucket.Take(clock.Now(), len(frames))
//	sent := send(frames[:n])
//	bucket.Return(n - sent)
//	err := sleeper.Until(ctx, bucket.At(bucket.Batch()))
//
// It sleeps until a whole batch is due, not until the next token is due. So it sends batches at
// high rates and single packets at low ones.
package ratelimit

import "math"

// Limits of a Bucket. A rate out of range is replaced by the nearest limit.
const (
	MinRatePPS = 0.001
	MaxRatePPS = 1e9 // one packet per tick of the clock
	MaxBurst   = 8192
)

// Credit is counted in units. Every nanosecond of the clock adds perNS units, and every packet
// costs unit units. So perNS/unit is the rate in packets per nanosecond:
//
//	rate [pps] = perNS/unit · 10⁹ = perNS · 10⁻⁶
//
// Both are whole numbers. Nothing is ever rounded, so the rate does not drift.
const (
	unitsPerPPS = 1e6
	unit        = 1e9 * unitsPerPPS
)

// Two values must not overflow: the fullest bucket (MaxBurst·unit + perNS − 1, see setRate), and
// twice that, the largest sum in refill.
const _ = uint64(2 * ((MaxBurst + 1) * unit))

// Config sets the rate and the largest burst.
type Config struct {
	// RatePPS is the mean rate in packets per second, rounded to a millionth; 0 is unlimited.
	// NaN and rates below 0 are replaced by MinRatePPS, to be on the safe side.
	RatePPS float64

	// Burst is how many packets may leave at once, 1 to MaxBurst; 0 = DefaultBurst(RatePPS). If
	// a caller is so late that a burst cannot make up for it, the rest is lost: see
	// DefaultBurst.
	Burst int
}

// Bucket grants packets along an absolute schedule.
//
// Bound: for any calls, pauses and returns, the packets granted in any half-open window [a, b) of
// the clock, less those returned, are at most
//
//	burst + rate·(b−a)
//
// Proof: credit never exceeds burst·unit + perNS − 1. The packets granted in [a, b) are paid from
// two sources. These are the credit after the refill of the first grant, and refills up to the
// last grant. That one is at b−1 or before, so the refills add at most perNS·(b−1−a). So N·unit ≤
// burst·unit + perNS·(b−a) − 1. A Return adds packets of the last Take back to the same credit:
// the two together are a smaller Take.
//
// The extra perNS − 1, less than one tick's credit, makes the mean rate exact at burst 1 as well.
// A token that is due between two ticks can only be taken at the later one. The fraction of a
// tick must not be lost then.
//
// A new Bucket holds one packet, so that a run starts evenly. After a pause of any length it holds
// burst packets, never more.
//
// The clock is any monotonic one, in nanoseconds; a step backwards counts as no time. A Bucket
// belongs to one goroutine.
type Bucket struct {
	last    int64  // time up to which credit is counted
	credit  uint64 // in units
	full    uint64 // upper limit of credit
	fullNS  uint64 // after this many ns an empty bucket is full
	perNS   uint64 // units per ns; 0 = unlimited
	granted int    // packets of the last Take that were not returned
	burst   int
	batch   int
	fixed   int // Config.Burst
}

// New returns a Bucket whose schedule starts now.
func New(c Config, now int64) *Bucket {
	b := &Bucket{last: now, credit: unit, fixed: c.Burst}
	b.setRate(c.RatePPS)
	return b
}

// Take grants n packets now: want, or as many as there are tokens. If n < want, next is the
// earliest time at which there is one more token; otherwise next is now.
func (b *Bucket) Take(now int64, want int) (n int, next int64) {
	want = max(want, 0)
	if b.perNS == 0 {
		return want, now
	}
	b.refill(now)
	n = min(int(b.credit/unit), want)
	b.credit -= uint64(n) * unit
	b.granted = n
	if n == want {
		return n, now
	}
	return n, b.due(unit)
}

// At returns the earliest time at which there are n tokens (at most burst), as of the last Take. If
// there were enough already, that time is in the past.
func (b *Bucket) At(n int) int64 {
	if b.perNS == 0 {
		return b.last
	}
	return b.due(uint64(min(max(n, 0), b.burst)) * unit)
}

// Return returns n packets that the last Take granted and the kernel did not accept. It must come
// before the next Take. If n is more than was granted, the rest is ignored.
func (b *Bucket) Return(n int) {
	n = min(max(n, 0), b.granted)
	b.granted -= n
	b.give(n)
}

// give returns n packets of any Take. The credit is then at least as high as without that grant, up
// to full.
func (b *Bucket) give(n int) { b.credit = min(b.credit+uint64(n)*unit, b.full) }

// SetRate changes the rate from now on. The credit stays, up to the new burst. If Config set no
// burst, the burst follows the rate.
func (b *Bucket) SetRate(now int64, pps float64) {
	b.refill(now)
	b.setRate(pps)
}

// Burst returns the burst in force; 0 if the rate is unlimited.
func (b *Bucket) Burst() int { return b.burst }

// Batch returns how many packets to wait for before waking up. These are the packets of 200 µs,
// but at least 1 and at most 64 (more would make sendmmsg no faster). It is also at most half the
// burst, so that a late wake-up still finds its tokens. It is 64 if the rate is unlimited.
func (b *Bucket) Batch() int { return b.batch }

func (b *Bucket) refill(now int64) {
	if now <= b.last {
		return
	}
	elapsed := uint64(now) - uint64(b.last) // correct even if the difference overflows int64
	b.last = now
	if elapsed >= b.fullNS {
		b.credit = b.full
		return
	}
	b.credit = min(b.credit+elapsed*b.perNS, b.full)
}

// due returns the first tick at which credit reaches want.
func (b *Bucket) due(want uint64) int64 {
	if want <= b.credit {
		return b.last
	}
	return b.last + int64((want-b.credit+b.perNS-1)/b.perNS)
}

func (b *Bucket) setRate(pps float64) {
	if pps == 0 {
		// Credit is one packet, for a later SetRate.
		b.perNS, b.burst, b.batch, b.granted = 0, 0, maxBatch, 0
		b.full, b.fullNS, b.credit = unit, 0, unit
		return
	}
	if !(pps >= MinRatePPS) { // also NaN
		pps = MinRatePPS
	}
	pps = min(pps, MaxRatePPS)
	b.burst = b.fixed
	if b.burst == 0 {
		b.burst = DefaultBurst(pps)
	}
	b.burst = min(max(b.burst, 1), MaxBurst)
	b.batch = batchSize(pps, b.burst)
	b.perNS = uint64(math.Round(pps * unitsPerPPS))
	b.full = uint64(b.burst)*unit + b.perNS - 1
	b.fullNS = b.full/b.perNS + 1
	b.credit = min(b.credit, b.full)
}
