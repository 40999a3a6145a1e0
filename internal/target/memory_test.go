package target_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/masstrace/masstrace/internal/permute"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/target"
)

// A list of single addresses takes at most 32 octets for each, over the whole way from the file to
// the index. Exclusions in it take none of their own.
func TestMemoryOfSingles(t *testing.T) {
	const n = 300_000
	rng := rand.New(rand.NewPCG(1, 2))
	for name, line := range map[string]func(b []byte) []byte{
		"IPv4": func(b []byte) []byte {
			return fmt.Appendf(b, "%d.%d.%d.%d\n", 11+rng.IntN(80), rng.IntN(256), rng.IntN(256), rng.IntN(256))
		},
		"IPv6": func(b []byte) []byte {
			return fmt.Appendf(b, "2a%02x:%x:%x:%x::%x\n", rng.IntN(256), rng.IntN(1<<16), rng.IntN(1<<16), rng.IntN(1<<16), 1+rng.IntN(1<<16-1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			var text []byte
			for range n {
				text = line(text)
			}
			exclude := read(t, "16.0.0.0/5\n2a00::/13").Set()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			lines := new(target.Lines)
			if err := lines.ReadText("list", bytes.NewReader(text), target.Text{Size: int64(len(text))}); err != nil {
				t.Fatal(err)
			}
			digest := lines.Digest()
			list, err := target.NewList(target.Config{Include: lines, Exclude: exclude, Seed: permute.Key{1}})
			if err != nil {
				t.Fatal(err)
			}
			if lines.Digest() != digest {
				t.Error("the index changed the lines")
			}
			all, left := lines.Count(0, 0), lines.Count(0, 0, exclude)
			runtime.ReadMemStats(&after)
			each := float64(after.TotalAlloc-before.TotalAlloc) / n
			t.Logf("%.1f octets for each address, %.1f in the end", each, float64(list.Octets())/n)
			if each > 32 || float64(list.Octets())/n > 20 {
				t.Errorf("allocated %.1f octets for each address, %d in the end", each, list.Octets())
			}
			gone, _ := all.Minus(left)
			if listed, _ := all.Minus(target.Count{}); list.Len() != listed-gone || gone == 0 {
				t.Errorf("%d targets of %d addresses, %d excluded", list.Len(), listed, gone)
			}
		})
	}
}

// Room for the addresses that are still to come is made once, if their share is known.
func TestExpect(t *testing.T) {
	const n = 1 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	lines, calls := new(target.Lines), 0
	lines.Expect(func() float64 { calls++; return 0.25 })
	for i := range uint32(n) {
		lines.AddAddr(probe.Addr4From([4]byte{byte(45 + i>>24), byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	runtime.ReadMemStats(&after)
	if each := float64(after.TotalAlloc-before.TotalAlloc) / n; each > 48 || calls != 1 {
		t.Errorf("%.1f octets for each address, %d calls", each, calls)
	}
	if got := lines.Count(0, 0); got == (target.Count{}) {
		t.Error("no address is left")
	}
}
