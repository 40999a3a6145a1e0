package window

import (
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/memory"
	"github.com/masstrace/masstrace/internal/probe"
)

// StopSet remembers which interfaces answered at which TTL, over a whole scan,
// in a fixed amount of memory: where a probe meets one again, the path back from
// there is known. Any number of goroutines may use it; nobody waits.
//
// It is a table of sets of eight words, a cache line each, in which a word is
// the hash of a (TTL, interface). Two of them share a hash once in 2⁶³. Where a
// set is full a new one takes the place of an old one, and a path that meets the
// old one is walked once more: that costs probes, and no hop.
type StopSet struct {
	words []atomic.Uint64
}

const stopWays = 8

// NewStopSet returns an empty set of n entries of 8 octets each, rounded up to a
// power of two.
func NewStopSet(n int) *StopSet {
	size := stopWays
	for size < n {
		size *= 2
	}
	return &StopSet{words: memory.Make[atomic.Uint64](size)}
}

// Add adds the interface at that TTL and reports whether it was there.
func (s *StopSet) Add(ttl uint8, a probe.Addr) (known bool) {
	h := HashHop(ttl, a)
	first := int(h>>8) & (len(s.words) - 1) &^ (stopWays - 1)
	set := s.words[first : first+stopWays]
	for i := range set {
		if set[i].Load() == 0 && set[i].CompareAndSwap(0, h) {
			return false
		}
		if set[i].Load() == h { // or somebody was first
			return true
		}
	}
	set[h%stopWays].Store(h)
	return false
}

// Octets returns the memory that the set takes.
func (s *StopSet) Octets() int { return 8 * len(s.words) }
