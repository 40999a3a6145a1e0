package codec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
)

// TestTagInverse opens all 2¹⁶ tags of some keys: just those that seal16 makes
// of the 256 τ open, and to their τ.
func TestTagInverse(t *testing.T) {
	r := newRand(11)
	for range effort.Count(50, 1000) {
		k := tagKey{r.Uint64(), r.Uint64()}
		for _, f := range []field{fieldFirst, fieldSecond} {
			want := map[uint16]uint8{}
			for tau := range 256 {
				want[k.seal16(f, uint8(tau))] = uint8(tau)
			}
			if len(want) != 256 {
				t.Fatalf("%d tags of 256 τ", len(want))
			}
			for tag := range 1 << 16 {
				tau, ok := k.open16(f, uint16(tag))
				if wantTau, wantOK := want[uint16(tag)]; ok != wantOK || ok && tau != wantTau {
					t.Fatalf("tag %#04x opens to %d, %t; want %d, %t", tag, tau, ok, wantTau, wantOK)
				}
			}
		}
	}
}

// histogram counts 16-bit values that ought to be uniform.
type histogram struct {
	name   string
	of     func(k tagKey) uint16
	never0 bool // a permutation's difference
	count  [1 << 16]int32
}

// TestTagStatistics draws random keys, as SipHash gives them to the targets of a scan. It looks
// for patterns that an observer of many probes could learn. Such patterns are bits that are not
// uniform and tags of one probe that depend on each other. Relations between the tags of one TTL
// and of the next are a pattern, too.
func TestTagStatistics(t *testing.T) {
	a, b, c, d := tau(10, 0), tau(9, 0), tau(10, 1), tau(10, 2)
	first := func(tau uint8) func(tagKey) uint16 {
		return func(k tagKey) uint16 { return k.seal16(fieldFirst, tau) }
	}
	second := func(tau uint8) func(tagKey) uint16 {
		return func(k tagKey) uint16 { return k.seal16(fieldSecond, tau) }
	}
	xor := func(of ...func(tagKey) uint16) func(tagKey) uint16 {
		return func(k tagKey) (v uint16) {
			for _, f := range of {
				v ^= f(k)
			}
			return v
		}
	}
	histograms := []*histogram{
		{name: "first tag", of: first(a)},
		{name: "second tag", of: second(a)},
		{name: "XOR of both tags", of: xor(first(a), second(a))},
		{name: "difference of both tags", of: func(k tagKey) uint16 { return k.seal16(fieldFirst, a) - k.seal16(fieldSecond, a) }},
		{name: "upper octets of both tags", of: func(k tagKey) uint16 { return k.seal16(fieldFirst, a)&0xff00 | k.seal16(fieldSecond, a)>>8 }},
		{name: "lower octets of both tags", of: func(k tagKey) uint16 { return k.seal16(fieldFirst, a)<<8 | k.seal16(fieldSecond, a)&0xff }},
		{name: "XOR of TTLs", of: xor(first(a), first(b)), never0: true},
		{name: "XOR of TTLs, second", of: xor(second(a), second(b)), never0: true},
		{name: "difference of TTLs", of: func(k tagKey) uint16 { return k.seal16(fieldFirst, a) - k.seal16(fieldFirst, b) }, never0: true},
		{name: "XOR of attempts", of: xor(first(a), first(c)), never0: true},
		{name: "XOR across fields and TTLs", of: xor(first(a), second(b))},
		{name: "XOR of three attempts and the next TTL", of: xor(first(a), first(c), first(d), first(b))},
		{name: "XOR of XORs", of: xor(first(a), first(b), second(a), second(b))},
	}
	n := effort.Count(1<<20, 1<<26)
	for i, h := range histograms {
		r := newRand(uint64(100 + i))
		for range n {
			h.count[h.of(tagKey{r.Uint64(), r.Uint64()})]++
		}
		if z, top := h.judge(n); math.Abs(z) > 6 {
			t.Errorf("%s: χ² is off by %.1f σ; most frequent: %s", h.name, z, top)
		}
	}
}

// judge returns how many standard deviations χ² is off, and the value that is
// most frequent.
func (h *histogram) judge(n int) (z float64, top string) {
	cells, best := h.count[:], 0
	if h.never0 {
		cells = cells[1:]
	}
	mean := float64(n) / float64(len(cells))
	chi := 0.0
	for i, v := range cells {
		chi += (float64(v) - mean) * (float64(v) - mean) / mean
		if v > cells[best] {
			best = i
		}
	}
	freedom := float64(len(cells) - 1)
	value := best + len(h.count) - len(cells)
	return (chi - freedom) / math.Sqrt(2*freedom), fmt.Sprintf("%#04x, %.2f times the mean", value, float64(cells[best])/mean)
}

// TestTagDifference counts the one difference that short Feistel networks
// favour, over all pairs of τ: four rounds make it twice as often as others.
func TestTagDifference(t *testing.T) {
	n := effort.Count(1<<22, 1<<27)
	r := newRand(12)
	mean, hits := float64(n)/(1<<16-1), map[field]int{}
	for range n {
		k := tagKey{r.Uint64(), r.Uint64()}
		a, b := uint8(r.Uint32()), uint8(1+r.IntN(255))
		for _, f := range []field{fieldFirst, fieldSecond} {
			if k.seal16(f, a)^k.seal16(f, a^b) == uint16(b) {
				hits[f]++
			}
		}
	}
	for f, v := range hits {
		if math.Abs(float64(v)-mean) > 5*math.Sqrt(mean) {
			t.Errorf("field %d: (0, τ^τ′) %d times, want %.0f", f, v, mean)
		}
	}
}

// TestRoundPairs sees that the round function takes each pair of inputs, and
// each input in two rounds, to unrelated values.
func TestRoundPairs(t *testing.T) {
	r := newRand(13)
	const n = 1 << 16
	for range effort.Count(100, 2000) {
		x, y := uint8(r.Uint32()), uint8(r.Uint32())
		i, j := roundConst16[0][r.IntN(feistelRounds)], roundConst16[1][r.IntN(feistelRounds)]
		if r.IntN(2) == 0 {
			i = j
			y = x ^ 1<<r.IntN(8)
		}
		for name, combine := range map[string]func(a, b uint8) uint8{
			"XOR":        func(a, b uint8) uint8 { return a ^ b },
			"difference": func(a, b uint8) uint8 { return a - b },
		} {
			if z := pairs(r, n, func(k tagKey) uint8 { return combine(k.round8(i, x), k.round8(j, y)) }); math.Abs(z) > 6 {
				t.Errorf("%s of (%#x, %d) and (%#x, %d): χ² off by %.1f σ", name, i, x, j, y, z)
			}
		}
	}
}

func pairs(r *rand.Rand, n int, of func(tagKey) uint8) float64 {
	var count [256]int
	for range n {
		count[of(tagKey{r.Uint64(), r.Uint64()})]++
	}
	mean, chi := float64(n)/256, 0.0
	for _, v := range count {
		chi += (float64(v) - mean) * (float64(v) - mean) / mean
	}
	return (chi - 255) / math.Sqrt(2*255)
}

// TestHashPurposes sees that equal seed and key still do not show tag keys in
// flow values.
func TestHashPurposes(t *testing.T) {
	k := newHashKey(Key{1, 2, 3})
	for _, target := range []string{"20.1.2.3", "2600::1"} {
		target := addr(target)
		a, b := k.hash(&target, 0, forFlow)
		c, d := k.hash(&target, 0, forTags)
		if a == c || b == d {
			t.Error("the same hash for two purposes")
		}
	}
}
