package window

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

func interfaceNo(i int) probe.Addr {
	return probe.Addr4From([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
}

// A set that is far from full is exact. TTLs and addresses are told apart.
func TestStopSet(t *testing.T) {
	s := NewStopSet(1 << 12)
	if s.Octets() != 8<<12 {
		t.Errorf("%d octets", s.Octets())
	}
	// Targets of one prefix in a row count once.
	for round, prefix := range []byte{0, 0, 1, 1, 2, 2} {
		want := Fresh
		switch {
		case round == 5:
			want = Common
		case round >= 3:
			want = Known
		}
		target := probe.Addr4From([4]byte{198, 51, prefix, byte(round)})
		for i := range 100 {
			for _, ttl := range []uint8{1, 2, 63} {
				if got := s.Add(ttl, interfaceNo(i), target, false); got != want {
					t.Fatalf("round %d: interface %d at TTL %d: fame %d, want %d", round, i, ttl, got, want)
				}
			}
		}
	}
}

// Targets of one prefix add as much as they like: nothing becomes known to others. With one answer for
// another prefix between, an interface is known.
func TestStopSetLiar(t *testing.T) {
	s := NewStopSet(1 << 12)
	for i := range 1000 {
		if got := s.Add(7, interfaceNo(3), probe.Addr4From([4]byte{198, 51, 7, byte(i)}), false); got != Fresh {
			t.Fatalf("fame %d after %d answers for one prefix", got, i)
		}
	}
	other := probe.Addr4From([4]byte{198, 51, 8, 1})
	if got := s.Add(7, interfaceNo(3), other, false); got != Fresh {
		t.Errorf("fame %d for the first target of another prefix", got)
	}
	if got := s.Add(7, interfaceNo(3), other, false); got != Known {
		t.Errorf("fame %d for the second", got)
	}
	for i := range repaid { // each interface of one honest path
		a := interfaceNo(10 + i)
		s.Add(9, a, other, false)
		for range 100 { // of a liar's answers
			s.Add(9, a, probe.Addr4From([4]byte{198, 51, 7, 1}), false)
		}
	}
	n := 0
	for s.Repay(other) {
		n++
	}
	if want := (repaid + 1) * owed / repaid; n != want {
		t.Errorf("%d answers of liars shorten %d paths, want %d", repaid+1, n, want)
	}
}

// An interface that answers for a second prefix owes most of an early end, once, and so does each proof.
// Paths repay no more than that, also if several goroutines ask at once.
func TestStopSetDebt(t *testing.T) {
	const all = 1000
	s, target := NewStopSet(1<<14), probe.Addr4From([4]byte{198, 51, 100, 1})
	for round := range byte(5) {
		for i := range all {
			s.Add(9, interfaceNo(i), probe.Addr4From([4]byte{198, 51, round, 1}), false)
		}
		if want := int64(min(round, 1)) * all * owed; s.debt.Load() != want {
			t.Fatalf("after %d prefixes: debt %d, want %d", round+1, s.debt.Load(), want)
		}
	}
	var repayments atomic.Int64
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for range all {
				if s.Repay(target) {
					repayments.Add(1)
				}
			}
		})
	}
	wg.Wait()
	for s.Repay(target) {
		repayments.Add(1)
	}
	if got := repayments.Load(); got != all*owed/repaid {
		t.Errorf("%d repayments, want %d", got, all*owed/repaid)
	}
	for i := range 2 * all {
		s.OweProof(target)
		if got, want := s.Repay(target), (i+1)*owed/repaid > i*owed/repaid; got != want {
			t.Fatalf("after %d proofs: repaid %t, want %t", i+1, got, want)
		}
	}
	var none *StopSet
	none.OweProof(target)
	if none.Repay(target) {
		t.Error("no stop set repays")
	}
}

// A set that is too small forgets entries, but never reports one that was not added.
func TestStopSetFull(t *testing.T) {
	s := NewStopSet(1)
	told := map[probe.Addr]int{}
	for i := range 10_000 {
		a := interfaceNo(i % 100)
		if s.Add(9, a, probe.Addr4From([4]byte{198, 51, byte(i / 100), 1}), false) != Fresh && told[a] < knownAfter {
			t.Fatalf("%v was known before it was added twice", a)
		}
		told[a]++
	}
}

// If several goroutines add the same entries at once, each entry is new to two of them at least.
func TestStopSetShared(t *testing.T) {
	const n, all = 6, 1000
	s := NewStopSet(1 << 14)
	var fresh atomic.Int64
	var wg sync.WaitGroup
	for g := range byte(n) {
		wg.Go(func() {
			for i := range all {
				if s.Add(3, interfaceNo(i), probe.Addr4From([4]byte{198, 51, g, 1}), false) == Fresh {
					fresh.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if fresh.Load() < knownAfter*all {
		t.Errorf("%d of %d were new", fresh.Load(), knownAfter*all)
	}
}

func BenchmarkStopSet(b *testing.B) {
	s := NewStopSet(1 << 20)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Add(uint8(i&31), interfaceNo(i&0xffff), interfaceNo(i), false)
	}
}

// No two pairs of interface and TTL have the same hash, even if an octet of the address equals the
// TTL.
func TestHashHop(t *testing.T) {
	seen := map[uint64]string{}
	for ttl := range uint8(64) {
		for i := range byte(64) {
			for _, a := range []netip.Addr{
				netip.AddrFrom4([4]byte{20, 0, 0, i}),
				netip.AddrFrom16([16]byte{0: 0x20, 7: i}), netip.AddrFrom16([16]byte{0: 0x20, 8: i}), netip.AddrFrom16([16]byte{0: 0x20, 15: i}),
			} {
				if i == 0 && a.Is6() {
					continue // all three are the same address
				}
				name := fmt.Sprint(ttl, " ", a)
				h := HashHop(ttl, probe.AddrFrom(a))
				if other, ok := seen[h]; ok || h == 0 {
					t.Fatalf("hash %#x of %s and %s", h, name, other)
				}
				seen[h] = name
			}
		}
	}
}
