package schedule

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// Distances remembers how far away targets were, by the prefixes around them, over a whole scan
// and in a fixed amount of memory. From it the distances of other targets are estimated. Any
// number of goroutines may use it, and none waits. An update that another one overtakes is lost,
// and so is a prefix that another one replaces in the table.
type Distances struct {
	words []atomic.Uint64
}

// Estimate is the estimated distance of a target. The zero Estimate has no distance.
type Estimate struct {
	Count     int     // distances that it rests on, up to mostCount
	Mean, Dev float64 // TTLs; Dev is the mean deviation
}

// The lengths of the prefixes that are remembered, the longest first; 0 stands for all addresses.
var (
	prefixBits4 = [...]uint8{24, 20, 16, 12, 8, 0}
	prefixBits6 = [...]uint8{48, 40, 32, 24, 16, 0}
)

// A word of the table:
//
//	bits 0–15   mean distance, in 1/256
//	bits 16–31  mean deviation, in 1/256
//	bits 32–39  count
//	bits 40–63  upper bits of the prefix's hash
const (
	ttlUnit   = 256
	hashShift = 40
	mostCount = 255
	// A larger count does not slow the mean down any more: paths differ.
	slowestCount = 8
)

// NewDistances returns a table of n words of 8 octets each, rounded up to a power of two.
func NewDistances(n int) *Distances {
	size := 1
	for size < n {
		size *= 2
	}
	return &Distances{words: make([]atomic.Uint64, size)}
}

// Octets returns the memory that d takes, in octets.
func (d *Distances) Octets() int { return 8 * len(d.words) }

// eachPrefix calls f with the hash of each prefix around a, the longest first, while f returns
// true.
func eachPrefix(a probe.Addr, f func(hash uint64) (more bool)) {
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

// word returns the word of a prefix.
func (d *Distances) word(hash uint64) *atomic.Uint64 { return &d.words[hash&uint64(len(d.words)-1)] }

// Learn adds the distance of a target. It weighs as much as those of share targets: so many, on average,
// did not prove theirs. It counts once, however much it weighs. A nil Distances ignores it.
func (d *Distances) Learn(a probe.Addr, distance uint8, share int) {
	if d == nil {
		return
	}
	eachPrefix(a, func(hash uint64) bool {
		word := d.word(hash)
		g := estimateOf(word.Load(), hash)
		weight := float64(share) / float64(min(g.Count, slowestCount)+share)
		off := float64(distance) - g.Mean
		g.Mean += off * weight
		if g.Count > 0 {
			g.Dev += (max(off, -off) - g.Dev) * weight
		}
		g.Count = min(g.Count+1, mostCount)
		word.Store(hash>>hashShift<<hashShift | uint64(g.Count)<<32 |
			uint64(g.Dev*ttlUnit)<<16 | uint64(g.Mean*ttlUnit))
		return true
	})
}

// estimateOf decodes a word. If the word is of another prefix, the estimate is zero.
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

// Estimate returns the estimated distance of a. It rests on the longest prefix with enough
// distances, or else on the prefix with the most.
func (d *Distances) Estimate(a probe.Addr) (best Estimate) {
	if d == nil {
		return best
	}
	eachPrefix(a, func(hash uint64) bool {
		if g := estimateOf(d.word(hash).Load(), hash); g.Count > best.Count {
			best = g
		}
		return best.Count < enoughDistances
	})
	return best
}

// enoughDistances is how many distances make an estimate reliable.
const enoughDistances = 3
