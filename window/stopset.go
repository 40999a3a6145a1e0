package window

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"

	"github.com/masstrace/masstrace/memory"
	"github.com/masstrace/masstrace/probe"
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

// HashHop returns a hash of an interface at a TTL that is never 0.
func HashHop(ttl uint8, a probe.Addr) uint64 {
	h := mix(binary.LittleEndian.Uint64(a[:8])) ^ binary.LittleEndian.Uint64(a[8:])
	return mix(mix(h)^uint64(ttl)) | 1
}

// HashRouter returns a hash of an address that is never 0, and costs next to nothing.
// Of 100,000 routers two or three pairs have the same.
func HashRouter(a probe.Addr) uint32 {
	high, low := bits.Mul64(binary.LittleEndian.Uint64(a[:8])^0x9e3779b97f4a7c15, binary.LittleEndian.Uint64(a[8:])^0xbf58476d1ce4e5b9)
	return uint32((high^low)>>20) | 1
}

// mix is the bijection that ends each step of SplitMix64 (Steele, Lea and Flood,
// 2014), behind its increment.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15 // 2⁶⁴/φ
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
