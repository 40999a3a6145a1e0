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
// make other traces stop there. An interface is common when it answered three times, each time for
// a target of another prefix than the time before.
//
// The second prefix costs probes: a path goes on where it meets an interface that has answered for
// another prefix only. So do proofs of distances, see OweProof. The set counts both as a debt. Paths that
// end earlier at common interfaces repay it, see Repay. So a scan sends about as many probes as it
// would with one prefix and without proofs, however many paths share an interface. Paths that another
// vantage point spares add nothing to the debt: they end earlier without it.
//
// It is a table of sets of eight words, a cache line each. A word is the hash of a (TTL, interface)
// pair, 48 bits, the hash of the prefix of its latest target, 14 bits, and how often it was counted,
// 2 bits. Two pairs in one set share a hash with a probability of 2⁻⁴⁸. If a set is full, a new entry
// replaces an old one. A path that meets the replaced interface is probed once more: that costs probes,
// but loses no hop.
type StopSet struct {
	words  []atomic.Uint64
	debt   atomic.Int64 // in eighths of an early end
	others *Others
}

// Fame is how well a StopSet knows an interface at a TTL.
type Fame uint8

// The degrees of fame, in ascending order.
const (
	Fresh  Fame = iota // answered for targets of one prefix at most
	Known              // answered for targets of several prefixes
	Common             // known, and answered three times or more
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
		if was := fameOf(s.times(h)); was != Fresh {
			return was
		}
		h = Mix(h)
	}
	return fameOf(s.add(h, target))
}

// The lower 16 bits of a word are the origin, a hash of a prefix, and the number of times.
const (
	originMask = 1<<16 - 1
	timesMask  = 1<<2 - 1
)

// An interface that was counted knownAfter times is known, and common after commonAfter times.
const (
	knownAfter  = 2
	commonAfter = timesMask
)

// A path that ends a TTL earlier saves a probe, and sometimes more: the next router may be silent, or
// new. In simulated Internets that is a seventh on average. So a probe owes seven eighths of an early end.
const (
	repaid = 8
	owed   = repaid - 1
)

// fameOf returns the fame of an interface that was counted so many times.
func fameOf(times uint64) Fame {
	switch {
	case times < knownAfter:
		return Fresh
	case times < commonAfter:
		return Known
	}
	return Common
}

// owe adds a probe to target to the debt.
func (s *StopSet) owe(target probe.Addr) {
	if !s.others.Spares(target) {
		s.debt.Add(owed)
	}
}

// OweProof adds to the debt a probe that is sent only to prove the distance of target. A nil StopSet has
// no debt.
func (s *StopSet) OweProof(target probe.Addr) {
	if s != nil {
		s.owe(target)
	}
}

// Repay takes an early end of the path to target from the debt. It returns false if the debt is smaller
// than that, or if another goroutine changes it at the same time. A path that another vantage point spares
// needs no debt. With a nil StopSet no path ends early.
func (s *StopSet) Repay(target probe.Addr) bool {
	switch {
	case s == nil:
		return false
	case s.others.Spares(target):
		return true
	}
	debt := s.debt.Load()
	return debt >= repaid && s.debt.CompareAndSwap(debt, debt-repaid)
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

// add adds a hash of an interface that answered for target. It returns how often it was counted before.
func (s *StopSet) add(h uint64, target probe.Addr) (times uint64) {
	set, key, origin := s.set(h), h&^originMask, Mix(prefixOf(target))>>48&^timesMask
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
			if times < knownAfter {
				s.owe(target)
			}
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
