package permute_test

import (
	"math"
	"testing"

	"github.com/masstrace/masstrace/internal/permute"
)

// The number of fixed points of a random permutation is 1 in the mean, with
// variance 1.
func TestFixedPoints(t *testing.T) {
	for _, n := range []uint64{5, 64, 254, 1000, 65536, 100003} {
		const trials = 300
		total := 0
		for k := range uint64(trials) {
			p := permute.New(key(k), n)
			for i := range min(n, 4096) {
				if p.At(i) == i {
					total++
				}
			}
		}
		want := trials * float64(min(n, 4096)) / float64(n)
		if dev := math.Abs(float64(total) - want); dev > 5*math.Sqrt(want) {
			t.Errorf("n %d: %d fixed points over %d keys, want about %.0f", n, total, trials, want)
		}
	}
}

// Neighbours are mapped far apart. In a random permutation the mean of |At(i+1) − At(i)| is n/3,
// with standard deviation n/√18, and few pairs stay close.
func TestNeighbours(t *testing.T) {
	for _, n := range []uint64{100, 4096, 1 << 16, 1<<24 - 3, 1 << 40, math.MaxUint64} {
		const keys, pairs = 200, 50
		sum, close := 0.0, 0
		for k := range uint64(keys) {
			p := permute.New(key(k), n)
			for i := range uint64(pairs) {
				a, b := p.At(i), p.At(i+1)
				d := float64(max(a, b)-min(a, b)) / float64(n)
				sum += d
				if d < 0.01 {
					close++
				}
			}
		}
		if mean := sum / (keys * pairs); math.Abs(mean-1.0/3) > 0.015 {
			t.Errorf("n %d: mean distance of neighbours %.4f n, want 0.3333 n", n, mean)
		}
		if want := 0.02 * keys * pairs; float64(close) > 1.5*want {
			t.Errorf("n %d: %d close neighbours of %d, want about %.0f", n, close, keys*pairs, want)
		}
	}
}

// makers are the ways to make a permutation from a number.
var makers = map[string]func(number uint64, n uint64) permute.Wide{
	"tweak": func(number, n uint64) permute.Wide {
		return permute.NewWide(key(42).Tweak(0, number), permute.Uint128{Lo: n})
	},
	"family": func(number, n uint64) permute.Wide {
		f := permute.NewFamily(key(42))
		return f.Wide(0, number, permute.Uint128{Lo: n})
	},
	"family, high half": func(number, n uint64) permute.Wide {
		f := permute.NewFamily(key(42))
		return f.Wide(number, 0, permute.Uint128{Lo: n})
	},
}

// Successive numbers choose evenly. Each prefix gets its host and each window its order this way.
// χ² with n−1 degrees of freedom.
func TestNumbersChooseEvenly(t *testing.T) {
	for name, make := range makers {
		for _, n := range []uint64{2, 3, 7, 16, 254, 256} {
			for first := range min(n, 3) {
				const perCell = 200
				var counts [256]float64
				for g := range n * perCell {
					p := make(0xffff00000000|g<<8, n)
					counts[p.At(permute.Uint128{Lo: first}).Lo]++
				}
				chi, dof := 0.0, float64(n-1)
				for _, c := range counts[:n] {
					chi += (c - perCell) * (c - perCell) / perCell
				}
				if math.Abs(chi-dof) > 5*math.Sqrt(2*dof)+5 {
					t.Errorf("%s, n %d, argument %d: χ² = %.1f with %.0f degrees of freedom", name, n, first, chi, dof)
				}
			}
		}
	}
}

// All 24 orders of four values, and all 6 of three, are chosen about evenly.
func TestOrdersOfFew(t *testing.T) {
	for name, make := range makers {
		for n, orders := range map[uint64]int{3: 6, 4: 24} {
			const perCell = 1000
			counts := map[[4]uint64]int{}
			for number := range uint64(orders * perCell) {
				p := make(number, n)
				var order [4]uint64
				for i := range n {
					order[i] = p.At(permute.Uint128{Lo: i}).Lo
				}
				counts[order]++
			}
			if len(counts) != orders {
				t.Errorf("%s, n %d: %d orders of %d", name, n, len(counts), orders)
			}
			for order, c := range counts {
				if c < perCell/2 || c > 2*perCell {
					t.Errorf("%s, n %d: order %v chosen %d times, want about %d", name, n, order[:n], c, perCell)
				}
			}
		}
	}
}

// Permutations of successive numbers agree in no more values than by chance.
func TestNumbersUnrelated(t *testing.T) {
	for name, make := range makers {
		const n, numbers, points = 1000, 500, 200
		same := 0
		for number := range uint64(numbers) {
			p, q := make(number<<8, n), make((number+1)<<8, n)
			for i := range uint64(points) {
				if p.At(permute.Uint128{Lo: i}) == q.At(permute.Uint128{Lo: i}) {
					same++
				}
			}
		}
		if want := numbers * points / n; same < want/2 || same > want*2 {
			t.Errorf("%s: %d common values, want about %d", name, same, want)
		}
	}
}

// A change of one key bit, or of the label, changes the whole permutation.
func TestKeysUnrelated(t *testing.T) {
	const n, points = 1 << 20, 64
	base := key(99)
	p := permute.New(base, n)
	others := []permute.Key{base.Derive("order"), base.Derive("hosts"), base.Tweak(0, 1), base.Tweak(1, 0)}
	for bit := range 128 {
		k := base
		k[bit/8] ^= 1 << (bit % 8)
		others = append(others, k)
	}
	same := 0
	for _, k := range others {
		q := permute.New(k, n)
		for i := range uint64(points) {
			if p.At(i) == q.At(i) {
				same++
			}
		}
	}
	if same > 3 { // 132 · 64 / 2²⁰ = 0.008 expected
		t.Errorf("%d common values with related keys", same)
	}
	if base.Derive("order") == base.Derive("hosts") || base.Tweak(1, 0) == base.Tweak(0, 1) {
		t.Error("two uses of a key get the same one")
	}
}
