package known

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

func addr(i int) probe.Addr {
	return probe.Addr4From([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
}

// traceOf returns a trace to a target over some routers.
func traceOf(target probe.Addr, routers ...int) *record.Trace {
	t := new(record.Trace)
	t.Target = target
	for i, r := range routers {
		h := record.Hop{}
		h.TTL, h.Kind, h.Responder = uint8(i+1), probe.KindTTLExceeded, addr(r)
		t.Hops = append(t.Hops, h)
	}
	return t
}

// many returns traces to n targets, each over ten routers.
func many(n int) (list []*record.Trace) {
	for i := range n {
		routers := make([]int, 10)
		for j := range routers {
			routers[j] = 1<<24 + i>>j<<8 + j
		}
		list = append(list, traceOf(addr(2<<24+i), routers...))
	}
	return list
}

// A message has the pairs that were added, and hardly another one.
func TestRoundTrip(t *testing.T) {
	var p Paths
	traces := many(2000)
	for _, tr := range traces {
		p.Add(tr)
	}
	inferred := traceOf(addr(3))
	inferred.Inferred = []record.Interface{{TTL: 1, Addr: addr(4)}}
	p.Add(inferred)
	o, err := Decode(p.Encode(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if !o.Has(addr(4), addr(3)) || o.Has(addr(4), addr(5)) {
		t.Error("an inferred router counts for its target alone")
	}
	mistakes := 0
	for i, tr := range traces {
		for _, h := range tr.Hops {
			if !o.Has(h.Responder, tr.Target) {
				t.Fatalf("%v on the way to %v is lost", h.Responder, tr.Target)
			}
			if other := traces[(i+1000)%2000]; h.Responder != other.Hops[h.TTL-1].Responder && o.Has(h.Responder, other.Target) {
				mistakes++
			}
		}
	}
	if mistakes > 2 { // of 20,000, each with a probability of 2⁻²⁰
		t.Errorf("%d pairs are found by mistake", mistakes)
	}
}

// Answers of targets, and hops that rest on one tag, are no evidence, and are not shared.
func TestEvidence(t *testing.T) {
	tr := traceOf(addr(9), 1, 2, 3, 9)
	tr.Hops[1].Alone = true
	tr.Hops[2].Kind = probe.KindPortUnreach
	var p Paths
	p.Add(tr)
	o, err := Decode(p.Encode(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range map[int]bool{1: true, 2: false, 3: false, 9: false} {
		if o.Has(addr(i), addr(9)) != want {
			t.Errorf("hop %d: %v", i, !want)
		}
	}
}

// A sorted list of numbers is smaller than a Bloom filter with as few mistakes.
func TestSize(t *testing.T) {
	var p Paths
	for _, tr := range many(3000) {
		p.Add(tr)
	}
	size := len(p.Encode())
	pairs := float64(len(p.hashes))
	bloom := pairs * spanBits * math.Log2E / 8
	t.Logf("%.0f pairs: %.2f bytes each, a Bloom filter %.2f", pairs, float64(size)/pairs, bloom/pairs)
	if float64(size) > 0.9*bloom {
		t.Errorf("%d bytes, and a Bloom filter has %.0f", size, bloom)
	}
}

// Damaged and hostile messages are refused, or have no more pairs than their size allows.
func FuzzDecode(f *testing.F) {
	var p Paths
	p.Add(traceOf(addr(9), 1, 2, 3))
	f.Add(p.Encode())
	f.Add([]byte{0})
	f.Add(binary.AppendUvarint(nil, math.MaxUint64))
	f.Fuzz(func(t *testing.T, in []byte) {
		o, err := Decode(in, 7)
		if err != nil {
			return
		}
		n := 0
		for i := range 4096 { // with as few places as are allowed, one in a million is found
			if o.Has(addr(i), addr(-i-1)) {
				n++
			}
		}
		if n > 8 {
			t.Errorf("%d of 4096 pairs are in a message of %d bytes", n, len(in))
		}
	})
}

// An honest agent misses some routers, and is believed. An agent that invents short paths, or hides
// half of the routers, is found out.
func TestAudit(t *testing.T) {
	tests := map[string]struct {
		hide float64 // share of the routers beyond the first six that the other agent hides
		want bool
	}{
		"honest": {0, false}, "branches": {0.3, false}, "hides": {0.8, true}, "invents": {1, true},
	}
	for name, tt := range tests {
		for seed := range uint64(6) {
			rng := rand.New(rand.NewPCG(seed, 1))
			var theirs Paths
			traces := many(1500)
			for _, tr := range traces {
				cut := *tr
				cut.Hops = nil
				for i, h := range tr.Hops {
					if i < 6 || rng.Float64() >= tt.hide {
						cut.Hops = append(cut.Hops, h)
					}
				}
				theirs.Add(&cut)
			}
			o, err := Decode(theirs.Encode(), rng.Uint64())
			if err != nil {
				t.Fatal(err)
			}
			var sum Audit
			for _, tr := range traces {
				ours := *tr
				ours.Hops = ours.Hops[5:] // from the meeting point on
				var one Audit
				one.Add(&ours, o)
				if one.Routers > 0 && !o.Audits(tr.Target) {
					t.Fatal("a target that is spared is audited")
				}
				sum.Sum(one)
			}
			if sum.Contradicts() != tt.want {
				t.Errorf("%s, seed %d: %+v", name, seed, sum)
			}
		}
	}
}

// Few routers prove nothing.
func TestAuditFew(t *testing.T) {
	if a := (Audit{Routers: fewRouters - 1, Missing: fewRouters - 1}); a.Contradicts() {
		t.Error("too few")
	}
}

// The message does not depend on the order of traces.
func TestOrder(t *testing.T) {
	var a, b Paths
	list := many(50)
	for i := range list {
		a.Add(list[i])
		b.Add(list[len(list)-1-i])
	}
	if !bytes.Equal(a.Encode(), b.Encode()) {
		t.Error("messages differ")
	}
}
