package board

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/masstrace/masstrace/internal/change"
)

// Hop has the statistics of one (target, flow, TTL). Times are round-trip times.
type Hop struct {
	TTL uint8
	// Sent counts the probes that were answered or count as silent. A probe that waits for its
	// answer is in no count.
	Sent, Received uint64
	// Late counts answers that came after the wait; their probes count as silent.
	Late uint64
	// Unsent counts probes that the kernel did not accept. They are no loss of the network.
	Unsent uint64

	Last, Best, Worst time.Duration
	// Jitter is the difference between the last two times, MeanJitter the mean of all such
	// differences, WorstJitter the largest. SmoothJitter is that of RFC 3550 §6.4.1.
	Jitter, MeanJitter, WorstJitter, SmoothJitter time.Duration

	mean, squares float64 // Welford: mean, and sum of squared differences, ns
	jitters       float64
	smooth        float64
	times         Histogram
	history       ring

	// Seen are the addresses that answered, in the order in which they were first seen.
	Seen []Seen
	// Current is the index in Seen of the address of the path now; -1 if none answered.
	Current int
	doubt   change.Doubt[netip.Addr]
}

// Seen is an address that answered at a TTL, with its latest answer.
type Seen struct {
	Addr  netip.Addr
	Count uint64
	First uint32 // cycle
	Last  uint32 // cycle
	Answer
}

// mostSeen is how many addresses of a hop are kept. A balancer has fewer; a forger may have more.
const mostSeen = 64

func newHop(ttl uint8) *Hop { return &Hop{TTL: ttl, Current: -1} }

// Loss returns the share of probes without an answer, from 0 to 1. It is 0 if none was sent.
func (h *Hop) Loss() float64 {
	if h.Sent == 0 {
		return 0
	}
	return float64(h.Sent-h.Received) / float64(h.Sent)
}

// Mean returns the mean of the times, 0 without any.
func (h *Hop) Mean() time.Duration { return time.Duration(h.mean) }

// Deviation returns the standard deviation of the times, 0 below two of them.
func (h *Hop) Deviation() time.Duration {
	if h.Received < 2 {
		return 0
	}
	return time.Duration(math.Sqrt(h.squares / float64(h.Received-1)))
}

// Percentile returns the time that p percent of the answers did not exceed. The middle of a bucket may
// be beyond all of its times: none is below the shortest or above the longest one.
func (h *Hop) Percentile(p float64) time.Duration {
	return min(max(h.times.Percentile(p), h.Best), h.Worst)
}

// Times returns the histogram of the times. It is valid until the next sample.
func (h *Hop) Times() *Histogram { return &h.times }

// History returns up to n latest samples, the oldest first: times, Lost or NotSent.
func (h *Hop) History(n int) []time.Duration { return h.history.last(n) }

// Addr returns the address of the path now, invalid if no router answered.
func (h *Hop) Addr() netip.Addr {
	if h.Current < 0 {
		return netip.Addr{}
	}
	return h.Seen[h.Current].Addr
}

// Answer returns the latest answer of the address of the path now, or nil.
func (h *Hop) Answer() *Seen {
	if h.Current < 0 {
		return nil
	}
	return &h.Seen[h.Current]
}

// take adds a sample to the statistics.
func (h *Hop) take(s *Sample) {
	switch s.Outcome {
	case Unsent:
		h.Unsent++
		h.history.add(NotSent)
		return
	case Late:
		h.Late++
		return
	case Silent:
		h.Sent++
		h.history.add(Lost)
		return
	}
	h.Sent++
	h.history.add(s.RTT)
	h.addTime(s.RTT)
}

// addTime adds the time of an answer.
func (h *Hop) addTime(rtt time.Duration) {
	h.Received++
	if h.Received > 1 {
		h.Jitter = (rtt - h.Last).Abs()
		h.jitters += float64(h.Jitter)
		h.MeanJitter = time.Duration(h.jitters / float64(h.Received-1))
		h.WorstJitter = max(h.WorstJitter, h.Jitter)
		h.smooth += (float64(h.Jitter) - h.smooth) / 16
		h.SmoothJitter = time.Duration(h.smooth)
		h.Best, h.Worst = min(h.Best, rtt), max(h.Worst, rtt)
	} else {
		h.Best, h.Worst = rtt, rtt
	}
	h.Last = rtt
	h.times.Add(rtt)
	step := float64(rtt) - h.mean
	h.mean += step / float64(h.Received)
	h.squares += step * (float64(rtt) - h.mean)
}

// note adds the address of an answer, and reports whether the path has changed to it. A balancer
// that shares its load packet by packet alternates between addresses: that is no change.
func (h *Hop) note(s *Sample) (before netip.Addr, since int64, changed bool) {
	at := slices.IndexFunc(h.Seen, func(x Seen) bool { return x.Addr == s.From })
	if at < 0 {
		if len(h.Seen) >= mostSeen {
			return before, 0, false
		}
		at = len(h.Seen)
		h.Seen = append(h.Seen, Seen{Addr: s.From, First: s.Cycle})
	}
	x := &h.Seen[at]
	alternates := x.Count > 0 && s.Cycle-x.Last <= alternation
	x.Count++
	x.Last, x.Answer = s.Cycle, s.Answer
	switch {
	case h.Current < 0:
		h.Current = at
		return before, 0, false
	case at == h.Current:
		h.doubt.Known()
		return before, 0, false
	}
	if !h.doubt.Other(s.From, s.Sent, change.Confirmation, alternates) {
		return before, 0, false
	}
	before, since = h.Addr(), h.doubt.Since
	h.Current = at
	h.doubt.Known()
	return before, since, true
}

// alternation is how many cycles an address is remembered as one of several.
const alternation = change.Alternation

// Special values of History.
const (
	Lost    time.Duration = -1
	NotSent time.Duration = -2
)

// ring has the latest samples, in µs to save room.
type ring struct {
	samples []int32
	next    int
}

// kept is how many samples of a hop are kept.
const kept = 256

func (r *ring) add(d time.Duration) {
	v := int32(d)
	if d >= 0 {
		v = int32(min(d/time.Microsecond, math.MaxInt32))
	}
	if len(r.samples) < kept {
		r.samples = append(r.samples, v)
		return
	}
	r.samples[r.next] = v
	r.next = (r.next + 1) % kept
}

func (r *ring) last(n int) []time.Duration {
	n = min(n, len(r.samples))
	out := make([]time.Duration, 0, max(n, 0))
	for i := len(r.samples) - n; i < len(r.samples); i++ {
		v := time.Duration(r.samples[(r.next+i)%len(r.samples)])
		if v >= 0 {
			v *= time.Microsecond
		}
		out = append(out, v)
	}
	return out
}
