package window

import (
	"math"
	"sync"
	"sync/atomic"
)

// Faults holds the times in which this machine, not the network, may have caused a silent hop or a
// long RTT. The zero Faults has no such time.
type Faults struct {
	// Drops: the kernel had no room for received frames and dropped them.
	Drops Spans
	// Lags: frames received in this time waited long until the receiver read them.
	Lags Spans
	// Stalls: a batch of probes stamped in this time took long to leave.
	Stalls Spans
}

// mostSpans is how many spans are remembered. At a hundred faults a second they cover the last
// forty seconds.
const mostSpans = 4096

// Spans is a log of spans of time, in ns since the Unix epoch. Spans that touch are merged. Any
// goroutine may add and query. A query costs one load while there are no spans. It takes the lock
// only if an adding goroutine is suspended during its Add.
type Spans struct {
	add   sync.Mutex
	turn  atomic.Uint64 // 0 before the first Add, odd while an Add runs
	first atomic.Uint64 // number of the oldest remembered span
	next  atomic.Uint64 // number of the next span
	ring  [mostSpans]span
}

// span includes both its ends. Both ends only ever change to make the span longer.
type span struct{ from, to atomic.Int64 }

func (s *Spans) at(n uint64) *span { return &s.ring[n%mostSpans] }

// Add adds a span. Spans must come in about the order of their ends: if they do not, Touch may
// report true for a time between two of them.
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

// IsEmpty reports whether no span was ever added.
func (s *Spans) IsEmpty() bool { return s.turn.Load() == 0 }

// Touch reports whether any span overlaps the time from from to to, both included. For a time
// before the oldest remembered span it returns true if any span was forgotten.
func (s *Spans) Touch(from, to int64) bool {
	const tries = 100 // an Add ends sooner than that, unless its goroutine is suspended
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

// touch is Touch while no Add runs.
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

// Silenced reports whether the reply to a probe sent at sent may be among the frames that the
// kernel dropped. The reply is awaited for wait ns.
func (f *Faults) Silenced(sent, wait int64) bool {
	if sent > math.MaxInt64-wait {
		wait = math.MaxInt64 - sent
	}
	return f.Drops.Touch(sent, sent+wait)
}

// Lagged reports whether this machine may have added to the RTT of a reply that was received at
// stamp to a probe sent at sent.
func (f *Faults) Lagged(sent, stamp int64) bool {
	return f.Lags.Touch(stamp, stamp) || f.Stalls.Touch(sent, sent)
}
