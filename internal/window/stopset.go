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
// An interface is known when it answered for targets of two prefixes. A hostile target answers as it
// likes to the probes that reach it, also from the addresses of other routers. Alone it must not
// make other traces stop there. An interface is common when at least three answers, and a share of
// all answers, came from it. Each answer counts only if the one before was for another prefix.
//
// It is a table of sets of eight words, a cache line each. A word is the hash of a (TTL, interface)
// pair, 48 bits, the hash of the prefix of its latest target, 8 bits, and how often it was counted,
// 8 bits. Two pairs in one set share a hash with a probability of 2⁻⁴⁸. If a set is full, a new entry
// replaces an old one. A path that meets the replaced interface is probed once more: that costs probes,
// but loses no hop.
type StopSet struct {
	words   []atomic.Uint64
	answers atomic.Uint64 // that were added
	others  *Others
}

// Fame is how well a StopSet knows an interface at a TTL.
type Fame uint8

// The degrees of fame, in ascending order.
const (
	Fresh  Fame = iota // answered for targets of one prefix at most
	Known              // answered for targets of several prefixes
	Common             // known, and on many paths
)

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

// Add adds an interface at a TTL that answered for target. It returns the fame that the interface
// had before. If the evidence is one tag alone, the entry counts for others with one tag only.
func (s *StopSet) Add(ttl uint8, a, target probe.Addr, alone bool) Fame {
	h := HashHop(ttl, a)
	if alone {
		if was := s.fame(s.times(h)); was != Fresh {
			return was
		}
		h = Mix(h)
	}
	return s.fame(s.add(h, Mix(prefixOf(target))>>48&^timesMask))
}

// The lower 16 bits of a word are the origin, a hash of a prefix, and the number of times.
const (
	originMask = 1<<16 - 1
	timesMask  = 1<<8 - 1
)

// An interface with knownAfter counted answers is known. It is common with commonAfter of them, if
// they are at least one in commonShare answers of the whole scan.
const (
	knownAfter  = 2
	commonAfter = 3
	commonShare = 3000
)

// fame returns the fame of an interface that was counted so many times. The highest count of a word
// stands for all above it.
func (s *StopSet) fame(times uint64) Fame {
	switch {
	case times < knownAfter:
		return Fresh
	case times < commonAfter || times < timesMask && times*commonShare < s.answers.Load():
		return Known
	}
	return Common
}

// set returns the words in which a hash may be.
func (s *StopSet) set(h uint64) []atomic.Uint64 {
	first := int(h>>16) & (len(s.words) - 1) &^ (stopWays - 1)
	return s.words[first : first+stopWays]
}

// times returns how often a hash was counted.
func (s *StopSet) times(h uint64) uint64 {
	set := s.set(h)
	for i := range set {
		if v := set[i].Load(); v&^originMask == h&^originMask {
			return v & timesMask
		}
	}
	return 0
}

// add adds a hash and returns how often it was counted before.
func (s *StopSet) add(h, origin uint64) (times uint64) {
	s.answers.Add(1)
	set, key := s.set(h), h&^originMask
	for i := range set {
		if set[i].Load() == 0 && set[i].CompareAndSwap(0, key|origin|1) {
			return 0
		}
		v := set[i].Load() // perhaps another goroutine stored it first
		if v&^originMask != key {
			continue
		}
		times = v & timesMask
		if times < timesMask && v != key|origin|times {
			set[i].Store(key | origin | times + 1)
		}
		return times
	}
	set[h%stopWays].Store(key | origin | 1)
	return 0
}

// Heed makes paths stop where another vantage point goes on; nil ends that. No run may use the set
// meanwhile.
func (s *StopSet) Heed(o *Others) { s.others = o }

// Octets returns the memory that the set uses.
func (s *StopSet) Octets() int { return 8 * len(s.words) }
