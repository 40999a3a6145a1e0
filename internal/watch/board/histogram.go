package board

import (
	"math/bits"
	"time"
)

// Histogram counts round-trip times in buckets, as HdrHistogram does: a bucket is at most 1/16 as
// wide as its times are long. So a percentile is wrong by 3 % at most. Times below 16 µs have
// buckets of 1 µs. The zero Histogram is empty.
type Histogram struct {
	counts [buckets]uint32
	total  uint64
}

// parts is the number of buckets for each power of two.
const parts = 16

// buckets is enough for times below 2²⁶ µs, which is 67 s. Longer ones are in the last bucket.
const buckets = (26 - 5 + 2) * parts

// bucketOf returns the bucket of a time.
func bucketOf(d time.Duration) int {
	us := uint64(max(d, 0) / time.Microsecond)
	if us < parts {
		return int(us)
	}
	e := bits.Len64(us) - 5 // us>>e is from 16 to 31
	return min(parts*(e+1)+int(us>>e)-parts, buckets-1)
}

// lowOf returns the shortest time of a bucket, and the shortest of the next one.
func lowOf(bucket int) (low, next time.Duration) {
	if bucket < parts {
		return time.Duration(bucket) * time.Microsecond, time.Duration(bucket+1) * time.Microsecond
	}
	e, m := bucket/parts-1, bucket%parts+parts
	return time.Duration(m<<e) * time.Microsecond, time.Duration((m+1)<<e) * time.Microsecond
}

// Add counts a time.
func (h *Histogram) Add(d time.Duration) {
	h.counts[bucketOf(d)]++
	h.total++
}

// Total returns how many times were counted.
func (h *Histogram) Total() uint64 { return h.total }

// Percentile returns the time that p percent of the times do not exceed, p from 0 to 100. It is
// the middle of a bucket. Without times it is 0.
func (h *Histogram) Percentile(p float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := max(uint64(p/100*float64(h.total)+0.9999), 1)
	var seen uint64
	for i, n := range h.counts {
		if seen += uint64(n); seen >= rank {
			low, next := lowOf(i)
			return low + (next-low)/2
		}
	}
	return 0
}

// Bar is the number of times from Low to below Next.
type Bar struct {
	Low, Next time.Duration
	Count     uint64
}

// Bars returns at most n bars of equal numbers of buckets, which cover all times. There are none
// without times.
func (h *Histogram) Bars(n int) []Bar {
	first, last := -1, -1
	for i, c := range h.counts {
		if c == 0 {
			continue
		}
		if first < 0 {
			first = i
		}
		last = i
	}
	if first < 0 || n < 1 {
		return nil
	}
	width := (last-first)/n + 1
	var bars []Bar
	for at := first; at <= last; at += width {
		low, _ := lowOf(at)
		_, next := lowOf(min(at+width-1, buckets-1))
		bar := Bar{Low: low, Next: next}
		for i := at; i < min(at+width, buckets); i++ {
			bar.Count += uint64(h.counts[i])
		}
		bars = append(bars, bar)
	}
	return bars
}
