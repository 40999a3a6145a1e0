package schedule

import (
	"math/rand/v2"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// InLoop agrees with window.FindLoop on all answers of a path, though it mostly looks at fewer.
func TestInLoop(t *testing.T) {
	loops := 0
	for seed := range uint64(600) {
		rng := rand.New(rand.NewPCG(seed, 3))
		first := uint8(1 + rng.IntN(6))
		w := window.New(window.Shape{Targets: 1, FirstTTL: first, LastTTL: 30, Flows: 1, Attempts: 1})
		w.Open(0)
		w.Append(addrOf(0))
		var at [31]probe.Addr
		enters, period := 1+rng.IntN(20), 1+rng.IntN(6)
		silence, top := rng.Float64()*0.5, first+uint8(rng.IntN(int(31-first)))
		for ttl := first; ttl <= top; ttl++ {
			slot := window.Slot{TTL: ttl}
			w.Stamp(slot, 1)
			r := probe.Reply{Facts: probe.Facts{Kind: probe.KindTTLExceeded, Probe: probe.Probe{Target: addrOf(0), TTL: ttl}}}
			r.Responder = routerAt(uint8(min(int(ttl), enters+(int(ttl)-enters)%period)))
			if rng.Float64() < silence {
				continue
			}
			if rng.IntN(30) == 0 {
				r.Kind = probe.KindAdmin
			} else {
				at[ttl] = r.Responder
			}
			w.Answer(slot, &r)
			w.Learn(0, &r.Facts, nil)
		}
		p := newPath(w, new(window.Faults), 1)
		p.State = w.State(0, 0)
		_, want := window.FindLoop(at[:p.State.Exceeded()+1])
		if got := p.InLoop(); got != want {
			t.Fatalf("seed %d: InLoop() = %t, want %t", seed, got, want)
		}
		if want {
			loops++
		}
	}
	if loops < 20 {
		t.Errorf("%d loops are too few to tell", loops)
	}
}
