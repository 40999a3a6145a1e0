package codec

import (
	"testing"

	"github.com/dchest/siphash"

	"github.com/masstrace/masstrace/internal/probe"
)

// The general implementation, octet by octet, is the witness.
func TestHashIsSipHash(t *testing.T) {
	rng := newRand(3)
	for range 10_000 {
		k := hashKey{rng.Uint64(), rng.Uint64()}
		n, why := uint16(rng.Uint32()), purpose(rng.UintN(4))
		var target probe.Addr
		for i := range target {
			target[i] = byte(rng.Uint32())
		}
		if rng.UintN(2) == 0 {
			target = probe.Addr4From([4]byte(target[12:]))
		}
		in := append([]byte(nil), target.Octets()...)
		in = append(in, byte(n>>8), byte(n), byte(why))
		a, b := k.hash(&target, n, why)
		if x, y := siphash.Hash128(k.k0, k.k1, in); a != x || b != y {
			t.Fatalf("hash of %s, %d, %d = %x %x, want %x %x", target, n, why, a, b, x, y)
		}
		v := byte(n)
		if got, want := k.octet(v), siphash.Hash(k.k0, k.k1, []byte{v}); got != want {
			t.Fatalf("octet %d = %x, want %x", v, got, want)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	k := hashKey{1, 2}
	for _, a := range []string{"20.1.2.3", "2600:9::42"} {
		b.Run(a, func(b *testing.B) {
			b.ReportAllocs()
			target := addr(a)
			for b.Loop() {
				x, _ := k.hash(&target, 0, forTags)
				k.k0 ^= x // one after the other, as a reply waits for it
			}
		})
	}
}
