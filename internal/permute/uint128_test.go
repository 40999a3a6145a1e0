package permute_test

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/masstrace/masstrace/internal/permute"
)

func toBig(a permute.Uint128) *big.Int {
	hi := new(big.Int).SetUint64(a.Hi)
	return hi.Lsh(hi, 64).Or(hi, new(big.Int).SetUint64(a.Lo))
}

// math/big is the oracle.
func TestUint128(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	mod := new(big.Int).Lsh(big.NewInt(1), 128)
	random := func() permute.Uint128 {
		return permute.Uint128{Hi: rng.Uint64() >> rng.UintN(65), Lo: rng.Uint64() >> rng.UintN(65)}
	}
	for range 20000 {
		a, b, k := random(), random(), rng.UintN(129)
		x, y, z := toBig(a), toBig(b), new(big.Int)
		check := func(op string, got permute.Uint128, want *big.Int) {
			t.Helper()
			if want.Mod(want, mod); toBig(got).Cmp(want) != 0 {
				t.Fatalf("%v %s %v, %d = %v, want %x", a, op, b, k, got, want)
			}
		}
		check("+", a.Add(b), z.Add(x, y))
		check("-", a.Sub(b), z.Sub(x, y))
		check("|", a.Or(b), z.Or(x, y))
		check("&^", a.AndNot(b), z.AndNot(x, y))
		check("<<", a.Lsh(k), z.Lsh(x, k))
		check(">>", a.Rsh(k), z.Rsh(x, k))
		if a.Cmp(b) != x.Cmp(y) || a.Less(b) != (x.Cmp(y) < 0) || a.Cmp(a) != 0 {
			t.Fatalf("%v and %v compare as %d", a, b, a.Cmp(b))
		}
		if a.Len() != x.BitLen() {
			t.Fatalf("%v has length %d, want %d", a, a.Len(), x.BitLen())
		}
	}
}
