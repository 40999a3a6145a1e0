package window

import (
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/memory"
	"github.com/masstrace/masstrace/internal/probe"
)

// StopSet remembers which interfaces answered at which TTL, over a whole scan, in a fixed amount of
// memory. If a probe meets one of them again at its TTL, the path from there back to the source is
// already known. Any number of goroutines may use a StopSet; no call blocks.
//
// An interface is known when it answered three times, each time for a target of another prefix than
// the time before. A hostile target answers as it likes to the probes that reach it, also from the
// addresses of other routers. Alone it must not make other traces stop there. Two times would do
// for that. A third finds more branches of load balancers that few paths take.
//
// It is a table of sets of eight words, a cache line each. A word is the hash of a (TTL, interface)
// pair, 48 bits, the hash of the prefix of its latest target, 13 bits, and how often it was counted,
// 3 bits. Two pairs in one set share a hash with a probability of 2⁻⁴⁸. If a set is full, a new entry
// replaces an old one. A path that meets the replaced interface is probed once more: that costs probes,
// but loses no hop.
type StopSet struct {
	words  []atomic.Uint64
	others *Others
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

// Add adds an interface at a TTL that answered for target. It reports whether the interface was
// known before. If the evidence is one tag alone, the entry counts for
// others with one tag only.
func (s *StopSet) Add(ttl uint8, a, target probe.Addr, alone bool) (known bool) {
	h := HashHop(ttl, a)
	if alone {
		if s.has(h) {
			return true
		}
		h = Mix(h)
	}
	return s.add(h, Mix(prefixOf(target))>>48&^timesMask)
}

// The lower 16 bits of a word are the origin, a hash of a prefix, and the number of times.
const (
	originMask = 1<<16 - 1
	timesMask  = 1<<3 - 1
	knownAfter = 3 // times
)

// set returns the words in which a hash may be.
func (s *StopSet) set(h uint64) []atomic.Uint64 {
	first := int(h>>16) & (len(s.words) - 1) &^ (stopWays - 1)
	return s.words[first : first+stopWays]
}

// has reports whether a hash is in the set, and known.
func (s *StopSet) has(h uint64) bool {
	set := s.set(h)
	for i := range set {
		if v := set[i].Load(); v&^originMask == h&^originMask && v&timesMask >= knownAfter {
			return true
		}
	}
	return false
}

// add adds a hash and reports whether it was known before.
func (s *StopSet) add(h, origin uint64) (known bool) {
	set, key := s.set(h), h&^originMask
	for i := range set {
		if set[i].Load() == 0 && set[i].CompareAndSwap(0, key|origin|1) {
			return false
		}
		v := set[i].Load() // perhaps another goroutine stored it first
		if v&^originMask != key {
			continue
		}
		times := v & timesMask
		if times < knownAfter && v != key|origin|times {
			set[i].Store(key | origin | times + 1)
		}
		return times >= knownAfter
	}
	set[h%stopWays].Store(key | origin | 1)
	return false
}

// Heed makes paths stop where another vantage point goes on; nil ends that. No run may use the set
// meanwhile.
func (s *StopSet) Heed(o *Others) { s.others = o }

// Octets returns the memory that the set uses.
func (s *StopSet) Octets() int { return 8 * len(s.words) }
