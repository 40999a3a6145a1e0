package target_test

import (
	"math/rand/v2"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/target"
)

// A Finder returns the same as its Order: for targets, repeatedly, for their neighbours, and for
// addresses that no list contains.
func TestFinder(t *testing.T) {
	l := newList(t, target.Config{PerPrefix: 3}, "20.0.0.0/11\n20.32.0.7\n2a00::/36\n::/127", "20.0.9.0/24")
	for _, c := range []target.OrderConfig{{}, {Shard: 1, Shards: 3}, {MaxTargets: 5}} {
		o, err := l.Order(c)
		if err != nil {
			t.Fatal(err)
		}
		f, rng := o.Finder(), rand.New(rand.NewPCG(1, 2))
		for range 50_000 {
			a := l.At(rng.Uint64N(min(l.Len(), 20_000)))
			if rng.IntN(4) == 0 {
				a[15]++
			}
			if rng.IntN(16) == 0 {
				a = probe.Addr{15: byte(rng.IntN(2))}
			}
			position, ok := f.PositionOf(a)
			if want, wantOK := o.PositionOf(a); position != want || ok != wantOK {
				t.Fatalf("%+v: PositionOf(%v) = %d, %v; want %d, %v", c, a, position, ok, want, wantOK)
			}
		}
	}
}

func TestFinderAllocations(t *testing.T) {
	o, addrs := order100k(t)
	f, i := o.Finder(), 0
	if n := testing.AllocsPerRun(1000, func() {
		i++
		if pos, ok := f.PositionOf(addrs[i]); !ok || pos != uint64(i) {
			t.Fatalf("PositionOf(%v) = %d, %v", addrs[i], pos, ok)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkFinder looks up the same addresses as BenchmarkPositionOf.
func BenchmarkFinder(b *testing.B) {
	o, addrs := order100k(b)
	f := o.Finder()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		f.PositionOf(addrs[i&(len(addrs)-1)])
		i++
	}
}
