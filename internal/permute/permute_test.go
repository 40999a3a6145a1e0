package permute_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/permute"
)

func key(n uint64) (k permute.Key) {
	binary.LittleEndian.PutUint64(k[:], n)
	return k
}

var keys = []permute.Key{{}, key(1), {15: 0x80}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}}

// Tests every small domain completely: At takes each value once, and Inverse undoes it. Wide is the
// same bijection.
func TestBijectionSmall(t *testing.T) {
	limit := uint64(effort.Count(2500, 5000))
	seen := make([]uint64, limit) // seen[j] = mark: j was found in this round
	mark := uint64(0)
	for n := range limit + 1 {
		for i := range 3 {
			k := keys[(uint64(i)+n)%uint64(len(keys))].Tweak(0, n)
			p := permute.New(k, n)
			w := permute.NewWide(k, permute.Uint128{Lo: n})
			mark++
			for i := range n {
				j := p.At(i)
				if j >= n || seen[j] == mark {
					t.Fatalf("n %d: At(%d) = %d is out of range or met twice", n, i, j)
				}
				seen[j] = mark
				if back := p.Inverse(j); back != i {
					t.Fatalf("n %d: Inverse(At(%d)) = %d", n, i, back)
				}
				if i%16 == 0 {
					if v := w.At(permute.Uint128{Lo: i}); v != (permute.Uint128{Lo: j}) {
						t.Fatalf("n %d: wide At(%d) = %v, narrow %d", n, i, v, j)
					}
				}
			}
		}
	}
}

// In a finite domain, a map with a left inverse at each point is a bijection. Large domains are
// tested at random points, in both directions.
func TestInverseLarge(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	sizes := []uint64{math.MaxUint64, math.MaxUint64 - 1, 1 << 63, 1<<63 - 1, 1<<63 + 1, 1 << 32, 1<<32 - 1, 1<<32 + 1, 1<<33 + 1}
	for range 5000 {
		sizes = append(sizes, rng.Uint64()>>rng.UintN(60)|1)
	}
	for _, n := range sizes {
		p := permute.New(key(rng.Uint64()), n)
		for range 10 {
			i := rng.Uint64N(n)
			if j := p.At(i); j >= n || p.Inverse(j) != i {
				t.Fatalf("n %d: At(%d) = %d, and back %d", n, i, j, p.Inverse(j))
			}
			if j := p.Inverse(i); j >= n || p.At(j) != i {
				t.Fatalf("n %d: Inverse(%d) = %d, and back %d", n, i, j, p.At(j))
			}
		}
	}
}

func TestInverseWide(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	random := func() permute.Uint128 { return permute.Uint128{Hi: rng.Uint64(), Lo: rng.Uint64()} }
	sizes := []permute.Uint128{{Hi: 1}, {Hi: 1, Lo: 1}, {Hi: 1 << 16}, {Hi: 1<<16 - 1, Lo: math.MaxUint64 - 1}, {Hi: math.MaxUint64, Lo: math.MaxUint64}, {Hi: 1 << 63}}
	for range 5000 {
		sizes = append(sizes, random().Rsh(rng.UintN(127)).Or(permute.Uint128{Lo: 1}))
	}
	for _, n := range sizes {
		p := permute.NewWide(key(rng.Uint64()), n)
		for range 10 {
			i := random().Rsh(uint(128 - n.Len()))
			if !i.Less(n) {
				i = i.Sub(n)
			}
			if j := p.At(i); !j.Less(n) || p.Inverse(j) != i {
				t.Fatalf("n %v: At(%v) = %v, and back %v", n, i, j, p.Inverse(j))
			}
			if j := p.Inverse(i); !j.Less(n) || p.At(j) != i {
				t.Fatalf("n %v: Inverse(%v) = %v, and back %v", n, i, j, p.At(j))
			}
		}
	}
}

func TestEdges(t *testing.T) {
	var zero permute.Permutation
	if p := permute.New(key(7), 0); p != zero || p.Len() != 0 {
		t.Error("the permutation of nothing is not the zero value")
	}
	one := permute.New(key(7), 1)
	if one.Len() != 1 || one.At(0) != 0 || one.Inverse(0) != 0 {
		t.Error("the permutation of one value is not the identity")
	}
	f := permute.NewFamily(key(7))
	if w := f.Wide(1, 2, permute.Uint128{}); w != (permute.Wide{}) {
		t.Error("a family's permutation of nothing is not the zero value")
	}
	if w := permute.NewWide(key(7), permute.Uint128{}); w != (permute.Wide{}) {
		t.Error("the wide permutation of nothing is not the zero value")
	}
	for name, call := range map[string]func(){
		"At of nothing":   func() { zero.At(0) },
		"At of n":         func() { one.At(1) },
		"Inverse of n":    func() { one.Inverse(1) },
		"wide At of none": func() { new(permute.Wide).At(permute.Uint128{}) },
		"wide Inverse":    func() { new(permute.Wide).Inverse(permute.Uint128{}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			call()
		})
	}
}

func TestAllocations(t *testing.T) {
	k := key(1)
	w := permute.NewWide(k, permute.Uint128{Hi: 1 << 16})
	if n := testing.AllocsPerRun(100, func() {
		p := permute.New(k.Tweak(1, 2), 1000003)
		f := permute.NewFamily(k)
		if v := f.Wide(1, 2, permute.Uint128{Lo: 254}); v.Inverse(v.At(permute.Uint128{Lo: 5})).Lo != 5 {
			t.Fatal("inverse is wrong")
		}
		if p.Inverse(p.At(5)) != 5 || w.Inverse(w.At(permute.Uint128{Lo: 5})).Lo != 5 {
			t.Fatal("inverse is wrong")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func FuzzPermutation(f *testing.F) {
	f.Add([]byte("0123456789abcdef"), uint64(0), uint64(10), uint64(0), uint64(3))
	f.Add([]byte{}, uint64(1<<16), uint64(0), uint64(77), uint64(math.MaxUint64))
	f.Fuzz(func(t *testing.T, raw []byte, nHi, nLo, iHi, iLo uint64) {
		var k permute.Key
		copy(k[:], raw)
		if nLo != 0 {
			p, i := permute.New(k, nLo), iLo%nLo
			if p.Inverse(p.At(i)) != i || p.At(p.Inverse(i)) != i {
				t.Errorf("n %d: %d does not come back", nLo, i)
			}
		}
		n, i := permute.Uint128{Hi: nHi, Lo: nLo}, permute.Uint128{Hi: iHi, Lo: iLo}
		if i.Less(n) {
			w := permute.NewWide(k, n)
			if w.Inverse(w.At(i)) != i || w.At(w.Inverse(i)) != i {
				t.Errorf("n %v: %v does not come back", n, i)
			}
		}
	})
}
