package window

import (
	"math"
	"sync"
	"sync/atomic"
)

// Faults are the times in which this machine, and not the network, may have been
// the reason for a silence or for a long RTT. The zero Faults has none.
type Faults struct {
	// Drops: the kernel dropped received frames that it had no room for.
	Drops Spans
	// Lags: frames stamped in it waited long until they were read.
	Lags Spans
	// Stalls: a batch of probes stamped in it took long to leave.
	Stalls Spans
}

// mostSpans is how many spans are remembered: at a hundred faults a second those
// of forty seconds.
const mostSpans = 4096

// Spans is a log of spans of time, in ns since the Unix epoch. Spans that touch
// are one. Any goroutine may add and ask; to ask takes one load while there are
// none, and a lock only where whoever adds was suspended at it.
type Spans struct {
	add   sync.Mutex
	turn  atomic.Uint64 // 0 before the first Add, odd during one
	first atomic.Uint64 // number of the oldest span that is remembered
	next  atomic.Uint64 // number of the next one
	ring  [mostSpans]span
}

// span is from and to, both of them in it. Both only ever grow the span.
type span struct{ from, to atomic.Int64 }

func (s *Spans) at(n uint64) *span { return &s.ring[n%mostSpans] }

// Add adds a span. Spans come in the order of their ends, or nearly: whoever
// asks may be told yes for a time between two that did not.
func (s *Spans) Add(from, to int64) {
	s.add.Lock()
	defer s.add.Unlock()
	s.turn.Add(1)
	defer s.turn.Add(1)
	n := s.next.Load()
	for n > s.first.Load() && s.at(n-1).to.Load() >= from {
		n--
		from, to = min(from, s.at(n).from.Load()), max(to, s.at(n).to.Load())
	}
	if n >= mostSpans {
		s.first.Store(max(s.first.Load(), n-mostSpans+1))
	}
	s.at(n).from.Store(from)
	s.at(n).to.Store(to)
	s.next.Store(n + 1)
}

// IsEmpty reports whether there was never a span.
func (s *Spans) IsEmpty() bool { return s.turn.Load() == 0 }

// Touch reports whether any span has a time in common with from to to. Of times
// before all that is remembered it says yes if anything was forgotten.
func (s *Spans) Touch(from, to int64) bool {
	const tries = 100 // an Add is over in less, if its goroutine is not suspended
	for range tries {
		turn := s.turn.Load()
		if turn == 0 {
			return false
		}
		if turn%2 == 0 {
			if found := s.touch(from, to); s.turn.Load() == turn {
				return found
			}
		}
	}
	s.add.Lock()
	defer s.add.Unlock()
	return s.touch(from, to)
}

// touch is Touch while nobody adds.
func (s *Spans) touch(from, to int64) bool {
	low, end := s.first.Load(), s.next.Load()
	if low >= end {
		return false
	}
	if low > 0 && from < s.at(low).from.Load() {
		return true
	}
	high := end
	for low < high { // the first span that does not end before from
		if mid := low + (high-low)/2; s.at(mid).to.Load() < from {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low < end && s.at(low).from.Load() <= to
}

// Silenced reports whether the reply to a probe sent at that time, and awaited
// for wait ns, may be among the frames that the kernel dropped.
func (f *Faults) Silenced(sent, wait int64) bool {
	if sent > math.MaxInt64-wait {
		wait = math.MaxInt64 - sent
	}
	return f.Drops.Touch(sent, sent+wait)
}

// Lagged reports whether this machine may have had a part in the RTT of a reply
// that came at stamp to a probe sent at that time.
func (f *Faults) Lagged(sent, stamp int64) bool {
	return f.Lags.Touch(stamp, stamp) || f.Stalls.Touch(sent, sent)
}
