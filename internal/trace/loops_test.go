package trace

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// slowLoops finds loops by a search back from every hop.
func slowLoops(hops []record.Hop) (loops []record.Loop) {
	has := func(loop record.Loop) bool {
		for i := len(loops) - 1; i >= 0 && loops[i].Again == loop.Again; i-- {
			if loops[i] == loop {
				return true
			}
		}
		return false
	}
	for i := range hops {
		h := &hops[i]
		for j := i - 1; j >= 0 && h.Kind == probe.KindTTLExceeded; j-- {
			first := &hops[j]
			if first.Kind != probe.KindTTLExceeded || first.Responder != h.Responder || first.TTL == h.TTL {
				continue
			}
			if loop := (record.Loop{First: first.TTL, Again: h.TTL}); first.TTL+1 < h.TTL && !has(loop) {
				loops = append(loops, loop)
			}
			break
		}
	}
	return loops
}

// slowRepeats reports whether an earlier hop of the same TTL has the same responder.
func slowRepeats(hops []record.Hop, i int) bool {
	for j := i - 1; j >= 0 && hops[j].TTL == hops[i].TTL; j-- {
		if hops[j].Responder == hops[i].Responder {
			return true
		}
	}
	return false
}

// randomPath returns a path of n hops in which some TTLs, routers and kinds are frequent. Most
// paths are in the order of TTLs.
func randomPath(rng *rand.Rand, n int) []record.Hop {
	hops := make([]record.Hop, n)
	ttls, routers := 1+rng.IntN(256), 1+rng.IntN(1+2*n)
	if rng.IntN(2) == 0 {
		ttls, routers = 1+rng.IntN(20), 1+rng.IntN(20)
	}
	for i := range hops {
		h := &hops[i]
		h.TTL, h.Kind = uint8(rng.IntN(ttls)), probe.KindTTLExceeded
		if h.Responder = router(rng.IntN(routers)); rng.IntN(3) == 0 {
			h.Responder[1] = byte(rng.IntN(3)) // an IPv6 address with the same end
		}
		if rng.IntN(10) == 0 {
			h.Kind = probe.KindHostUnreach
		}
	}
	if rng.IntN(8) > 0 {
		slices.SortStableFunc(hops, func(a, b record.Hop) int { return int(a.TTL) - int(b.TTL) })
	}
	return hops
}

// Loops and PathHash equal those that a search back from every hop finds, however long the path is.
func TestLoopsModel(t *testing.T) {
	longer := 0
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 5))
		path := randomPath(rng, rng.IntN(3*mostSearched))
		if len(path) > mostSearched {
			longer++
		}
		tr := closing{&record.Trace{Hops: path}}
		tr.summarise()
		if want := slowLoops(path); !slices.Equal(tr.Loops, want) {
			t.Fatalf("seed %d: %d hops have the loops %v, want %v", seed, len(path), tr.Loops, want)
		}
		var once []record.Hop // without hops that repeat another
		for i := range path {
			if !slowRepeats(path, i) {
				once = append(once, path[i])
			}
		}
		want := uint64(fnvOffset)
		for i := range once {
			want = (want ^ uint64(once[i].TTL)) * fnvPrime
			for _, octet := range once[i].Responder {
				want = (want ^ uint64(octet)) * fnvPrime
			}
		}
		if got := tr.PathHash; got != want {
			t.Fatalf("seed %d: %d hops have the hash %#x, want %#x", seed, len(path), got, want)
		}
	}
	if longer < 500 || longer > 1500 {
		t.Errorf("%d of 2000 paths are long", longer)
	}
}

// A session of hours over one flow is closed in linear time. A search back from every hop would
// take longer than the session.
func TestCloseLongSession(t *testing.T) {
	const cycles, ttls = 20_000, 20
	tests := []struct {
		name    string
		answers func(ttl uint8, cycle int) probe.Addr
		loops   int
	}{
		{"one router at each TTL", func(ttl uint8, _ int) probe.Addr { return router(int(ttl)) }, 0},
		{"one router at two TTLs", func(ttl uint8, _ int) probe.Addr { return router(int(ttl) % 13) }, ttls - 13},
		{"each router once", func(ttl uint8, cycle int) probe.Addr {
			return probe.Addr4From([4]byte{10 + ttl, byte(cycle >> 16), byte(cycle >> 8), byte(cycle)})
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tr := record.Trace{MaxTTL: ttls, Hops: make([]record.Hop, 0, cycles*ttls)}
			for ttl := uint8(1); ttl <= ttls; ttl++ {
				for cycle := range cycles {
					h := record.Hop{}
					h.TTL, h.Kind, h.Responder = ttl, probe.KindTTLExceeded, tt.answers(ttl, cycle)
					tr.Hops = append(tr.Hops, h)
				}
			}
			Close(&tr)
			if len(tr.Loops) != tt.loops {
				t.Errorf("loops %v, want %d of them", tr.Loops, tt.loops)
			}
		})
	}
}

// A path of a scan, however long, is closed without an allocation.
func TestCloseLongestAllocs(t *testing.T) {
	path := randomPath(rand.New(rand.NewPCG(1, 1)), mostSearched)
	slices.SortStableFunc(path, func(a, b record.Hop) int { return int(a.TTL) - int(b.TTL) })
	tr := record.Trace{MaxTTL: 255, Hops: slices.Clone(path)}
	Close(&tr)
	if n := testing.AllocsPerRun(20, func() { tr.Hops = append(tr.Hops[:0], path...); Close(&tr) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
