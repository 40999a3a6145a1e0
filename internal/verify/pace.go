package verify

import (
	"math"
	"time"
)

// Pace is how regularly the probes arrived, by the simulator's clock.
type Pace struct {
	Probes  int     `json:"probes"`
	Seconds float64 `json:"seconds"` // from the first to the last probe
	// Pauses are gaps much longer than the mean, as between passes; PausedS is their sum. They
	// do not count in RatePPS or in the bins.
	Pauses   int     `json:"pauses"`
	PausedS  float64 `json:"paused_s"`
	RatePPS  float64 `json:"rate_pps"`
	AskedPPS float64 `json:"asked_pps,omitempty"`
	Bins     []Bin   `json:"bins"`
}

// Bin is the distribution of the number of probes per interval of a width. It leaves out the last,
// incomplete interval.
type Bin struct {
	WidthMS int     `json:"width_ms"`
	Count   uint64  `json:"count"`
	Mean    float64 `json:"mean"`
	// CV is the standard deviation divided by the mean: 0 is perfectly regular, random arrivals
	// give 1/√Mean.
	CV          float64 `json:"cv"`
	MaxOverMean float64 `json:"max_over_mean"`

	width    int64
	end      int64 // end of the current interval
	now      uint64
	sum, sq  float64
	greatest uint64
}

// A gap is a pause if it is at least leastPause and at least pauseTimes the mean.
const (
	leastPause = 200 * time.Millisecond
	pauseTimes = 50
)

// paceOf computes the pace of probes in the order of the log.
func paceOf(probes []sent) Pace {
	p := Pace{Probes: len(probes)}
	if len(probes) < 2 {
		return p
	}
	first, last := probes[0].time, probes[len(probes)-1].time
	span := last - first
	p.Seconds = float64(span) / 1e9
	pause := max(int64(leastPause), pauseTimes*span/int64(len(probes)))
	for _, ms := range []int{1, 10, 100, 1000} {
		width := int64(ms) * 1e6
		p.Bins = append(p.Bins, Bin{WidthMS: ms, width: width, end: width})
	}
	now, before, paused := int64(0), first, int64(0) // now: time without pauses
	for i := range probes {
		gap := max(probes[i].time-before, 0)
		before = max(before, probes[i].time)
		if gap > pause {
			p.Pauses++
			paused += gap
			gap = 0
		}
		now += gap
		for j := range p.Bins {
			p.Bins[j].add(now)
		}
	}
	p.PausedS = float64(paused) / 1e9
	if now > 0 {
		p.RatePPS = float64(len(probes)-1) / (float64(now) / 1e9)
	}
	whole := p.Bins[:0]
	for _, b := range p.Bins {
		if b.Count > 0 {
			whole = append(whole, b.finish())
		}
	}
	p.Bins = whole
	return p
}

// add counts a probe. Times must not decrease.
func (b *Bin) add(now int64) {
	for now >= b.end {
		b.Count++
		b.sum += float64(b.now)
		b.sq += float64(b.now) * float64(b.now)
		b.greatest = max(b.greatest, b.now)
		b.now = 0
		b.end += b.width
	}
	b.now++
}

func (b Bin) finish() Bin {
	n := float64(b.Count)
	b.Mean = b.sum / n
	if b.Mean > 0 {
		b.CV = math.Sqrt(max(b.sq/n-b.Mean*b.Mean, 0)) / b.Mean
		b.MaxOverMean = float64(b.greatest) / b.Mean
	}
	return b
}
