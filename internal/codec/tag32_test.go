package codec

import (
	"math"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
)

// TestTag32Inverse opens the tags that seal32 makes of every τ, and random tags. A tag opens if
// and only if seal32 makes it.
func TestTag32Inverse(t *testing.T) {
	r := newRand(111)
	opens := 0
	n := effort.Count(1<<22, 1<<28)
	for range 64 {
		k := tagKey{r.Uint64(), r.Uint64()}
		made := map[uint32]uint8{}
		for tau := range 256 {
			tag := k.seal32(uint8(tau))
			made[tag] = uint8(tau)
			if got, ok := k.open32(tag); !ok || got != uint8(tau) {
				t.Fatalf("tag %#08x of τ %d opens to %d, %t", tag, tau, got, ok)
			}
		}
		if len(made) != 256 {
			t.Fatalf("%d tags of 256 τ", len(made))
		}
		for range n / 64 {
			tag := r.Uint32()
			tau, ok := k.open32(tag)
			if want, is := made[tag]; ok != is || ok && tau != want {
				t.Fatalf("tag %#08x opens to %d, %t; want %d, %t", tag, tau, ok, want, is)
			}
			if ok {
				opens++
			}
		}
	}
	if mean := float64(n) / (1 << 24); math.Abs(float64(opens)-mean) > 5*math.Sqrt(mean)+1 {
		t.Errorf("%d of %d random tags open, want %.1f", opens, n, mean)
	}
}

// TestTag32Statistics is TestTagStatistics for the halves of the 32-bit tag.
func TestTag32Statistics(t *testing.T) {
	a, b, c := tau(10, 0), tau(9, 0), tau(10, 1)
	high := func(v uint32) uint16 { return uint16(v >> 16) }
	low := func(v uint32) uint16 { return uint16(v) }
	middle := func(v uint32) uint16 { return uint16(v >> 8) }
	histograms := []*histogram{
		{name: "high", of: func(k tagKey) uint16 { return high(k.seal32(a)) }},
		{name: "low", of: func(k tagKey) uint16 { return low(k.seal32(a)) }},
		{name: "middle", of: func(k tagKey) uint16 { return middle(k.seal32(a)) }},
		{name: "XOR of halves", of: func(k tagKey) uint16 { v := k.seal32(a); return high(v) ^ low(v) }},
		{name: "high, XOR of TTLs", of: func(k tagKey) uint16 { return high(k.seal32(a) ^ k.seal32(b)) }},
		{name: "low, XOR of TTLs", of: func(k tagKey) uint16 { return low(k.seal32(a) ^ k.seal32(b)) }},
		{name: "high, difference of TTLs", of: func(k tagKey) uint16 { return high(k.seal32(a) - k.seal32(b)) }},
		{name: "low, difference of attempts", of: func(k tagKey) uint16 { return low(k.seal32(a) - k.seal32(c)) }},
		{name: "high, XOR of three", of: func(k tagKey) uint16 { return high(k.seal32(a) ^ k.seal32(b) ^ k.seal32(c)) }},
		{name: "XOR with the identification", of: func(k tagKey) uint16 { return low(k.seal32(a)) ^ k.seal16(fieldSecond, a) }},
		{name: "high, XOR with the identification", of: func(k tagKey) uint16 { return high(k.seal32(a)) ^ k.seal16(fieldSecond, a) }},
	}
	n := effort.Count(1<<19, 1<<24)
	for i, h := range histograms {
		r := newRand(uint64(200 + i))
		for range n {
			h.count[h.of(tagKey{r.Uint64(), r.Uint64()})]++
		}
		if z, top := h.judge(n); math.Abs(z) > 6 {
			t.Errorf("%s: χ² is off by %.1f σ; most frequent: %s", h.name, z, top)
		}
	}
}

// TestTag32OnPath forges a tag for TTL 9. It uses the tags of all attempts at TTL 10, and those
// of another flow at TTLs 9 and 10. The forged tag opens at a TTL other than 10 no more often
// than a guess does.
func TestTag32OnPath(t *testing.T) {
	c := newCodec(t, testConfig(0))
	n := effort.Count(1<<18, 1<<22)
	d := uint32(tau(10, 0) ^ tau(9, 0))
	for name, attack := range map[string]func(ten, otherTen [4]uint32, otherNine uint32) uint32{
		"XOR of τ":               func(ten, _ [4]uint32, _ uint32) uint32 { return ten[0] ^ d },
		"XOR of τ, higher":       func(ten, _ [4]uint32, _ uint32) uint32 { return ten[0] ^ d<<16 },
		"τ less":                 func(ten, _ [4]uint32, _ uint32) uint32 { return ten[0] - 4 },
		"another flow's":         func(_, _ [4]uint32, nine uint32) uint32 { return nine },
		"XOR of another flow":    func(ten, other [4]uint32, nine uint32) uint32 { return ten[0] ^ other[0] ^ nine },
		"less by another flow's": func(ten, other [4]uint32, nine uint32) uint32 { return ten[0] + nine - other[0] },
		"halves of two attempts": func(ten, _ [4]uint32, _ uint32) uint32 { return ten[0]&0xffff0000 | ten[1]&0xffff },
		"XOR of three attempts":  func(ten, _ [4]uint32, _ uint32) uint32 { return ten[0] ^ ten[1] ^ ten[2] },
		"one more":               func(ten, _ [4]uint32, _ uint32) uint32 { return ten[0] + 1 },
	} {
		r := newRand(112)
		opens := 0
		for range n {
			k, other := tagKey{r.Uint64(), r.Uint64()}, tagKey{r.Uint64(), r.Uint64()}
			var ten, otherTen [4]uint32
			for i := range ten {
				ten[i], otherTen[i] = k.seal32(tau(10, uint8(i))), other.seal32(tau(10, uint8(i)))
			}
			var o candidates
			c.readTag32(&o, k, attack(ten, otherTen, other.seal32(tau(9, 0))))
			if o.n > 0 && o.tau[0]>>2 != 10 { // halves that are alike give a replay
				opens++
			}
		}
		mean := 96.0 / (1 << 32) * float64(n)
		if float64(opens) > mean+5*math.Sqrt(mean)+1 {
			t.Errorf("%s: opens %d of %d times, a guess would %.2f", name, opens, n, mean)
		}
	}
}
