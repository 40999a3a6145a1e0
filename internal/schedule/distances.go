package schedule

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// Distances remembers how far away targets were, by the prefixes around them, over a
// whole scan and in a fixed amount of memory, so that the distance of others can
// be guessed. Any number of goroutines may use it; nobody waits. An update that
// another one overtakes is lost, and so is a prefix whose place another one
// takes: a guess is a guess.
type Distances struct {
	words []atomic.Uint64
}

// Estimate is what Distances makes of a target. The zero Estimate knows nothing.
type Estimate struct {
	Count     int     // distances behind it, up to mostCount
	Mean, Dev float64 // TTLs; Dev is the mean deviation
}

// nearBits are the lengths of the prefixes that are remembered, the longest first;
// 0 is everything.
var (
	prefixBits4 = [...]uint8{24, 20, 16, 12, 8, 0}
	prefixBits6 = [...]uint8{48, 40, 32, 24, 16, 0}
)

// A word of Distances:
//
//	bits 0–15   mean distance, in 1/256
//	bits 16–31  mean deviation, in 1/256
//	bits 32–39  count
//	bits 40–63  of the prefix's hash
const (
	ttlUnit   = 256
	hashShift = 40
	mostCount = 255
	// A mean of more than so many moves no slower: paths differ.
	slowestCount = 8
)

// NewDistances returns a Distances of n words of 8 octets each, rounded up to a power of
// two.
func NewDistances(n int) *Distances {
	size := 1
	for size < n {
		size *= 2
	}
	return &Distances{words: make([]atomic.Uint64, size)}
}

// Octets returns the memory that n takes.
func (n *Distances) Octets() int { return 8 * len(n.words) }

// each calls f with the hash of each prefix around a, the longest first, until f
// says stop.
func each(a probe.Addr, f func(hash uint64) (more bool)) {
	bits, top := prefixBits6[:], binary.BigEndian.Uint64(a[:8])
	if a.Is4() {
		bits, top = prefixBits4[:], uint64(binary.BigEndian.Uint32(a[12:]))<<32|1
	}
	for _, n := range bits {
		prefix := top >> (64 - n) << (64 - n) // a shift of 64 leaves 0
		if !f(window.Mix(prefix ^ top&1<<8 ^ uint64(n))) {
			return
		}
	}
}

func (n *Distances) word(hash uint64) *atomic.Uint64 { return &n.words[hash&uint64(len(n.words)-1)] }

// Learn adds the distance of a target. A nil Distances learns nothing.
func (n *Distances) Learn(a probe.Addr, distance uint8) {
	if n == nil {
		return
	}
	each(a, func(hash uint64) bool {
		word := n.word(hash)
		g := estimateOf(word.Load(), hash)
		weight := float64(min(g.Count, slowestCount) + 1)
		off := float64(distance) - g.Mean
		g.Mean += off / weight
		if g.Count > 0 {
			g.Dev += (max(off, -off) - g.Dev) / weight
		}
		g.Count = min(g.Count+1, mostCount)
		word.Store(hash>>hashShift<<hashShift | uint64(g.Count)<<32 |
			uint64(g.Dev*ttlUnit)<<16 | uint64(g.Mean*ttlUnit))
		return true
	})
}

// guessOf reads a word, if it is that prefix's.
func estimateOf(word, hash uint64) Estimate {
	if word>>hashShift != hash>>hashShift || word == 0 {
		return Estimate{}
	}
	return Estimate{
		Count: int(word >> 32 & 0xff),
		Mean:  float64(word&0xffff) / ttlUnit,
		Dev:   float64(word>>16&0xffff) / ttlUnit,
	}
}

// Estimate says how far away a is, by the nearest prefix that knows enough.
func (n *Distances) Estimate(a probe.Addr) (best Estimate) {
	if n == nil {
		return best
	}
	each(a, func(hash uint64) bool {
		if g := estimateOf(n.word(hash).Load(), hash); g.Count > best.Count {
			best = g
		}
		return best.Count < enoughDistances
	})
	return best
}

// enoughNear distances are enough to go by.
const enoughDistances = 3
