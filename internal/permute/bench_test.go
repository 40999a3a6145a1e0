package permute_test

import (
	"testing"

	"github.com/masstrace/masstrace/internal/permute"
)

func BenchmarkAt(b *testing.B) {
	b.ReportAllocs()
	p := permute.New(key(1), 1<<24-3)
	i, sum := uint64(0), uint64(0)
	for b.Loop() {
		sum += p.At(i & (1<<23 - 1))
		i++
	}
	_ = sum
}

// Each call waits for the one before, so it measures latency; BenchmarkAt measures throughput.
func BenchmarkAtChained(b *testing.B) {
	b.ReportAllocs()
	p := permute.New(key(1), 1<<24-3)
	i := uint64(0)
	for b.Loop() {
		i = p.At(i)
	}
}

func BenchmarkInverse(b *testing.B) {
	b.ReportAllocs()
	p := permute.New(key(1), 1<<24-3)
	i, sum := uint64(0), uint64(0)
	for b.Loop() {
		sum += p.Inverse(i & (1<<23 - 1))
		i++
	}
	_ = sum
}

func BenchmarkWideAt(b *testing.B) {
	b.ReportAllocs()
	p := permute.NewWide(key(1), permute.Uint128{Hi: 1<<16 - 1, Lo: 12345})
	i, sum := uint64(0), uint64(0)
	for b.Loop() {
		sum += p.At(permute.Uint128{Lo: i}).Lo
		i++
	}
	_ = sum
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	k, i, sum := key(1), uint64(0), uint64(0)
	for b.Loop() {
		p := permute.New(k.Tweak(0, i), 254)
		sum += p.At(0)
		i++
	}
	_ = sum
}

func BenchmarkFamily(b *testing.B) {
	b.ReportAllocs()
	f, i, sum := permute.NewFamily(key(1)), uint64(0), uint64(0)
	for b.Loop() {
		p := f.Wide(0, i, permute.Uint128{Lo: 254})
		sum += p.At(permute.Uint128{}).Lo
		i++
	}
	_ = sum
}
