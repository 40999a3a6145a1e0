package sender

import (
	"net/netip"
	"testing"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// newOnDemand returns a rig whose window has slots on demand. Its probes have many flows, with all
// variations over UDP.
func newOnDemand(t testing.TB, targets int) *rig {
	r := newRig(t, targets, unlimited())
	shape := r.window.Shape()
	shape.Flows, shape.OnDemand = probe.BaseFlows, 1<<12
	c, err := codec.New(codec.Config{
		Method: probe.UDP, Source4: netip.MustParseAddr("45.1.2.3"), Source6: netip.MustParseAddr("2a00:2::7"),
		DstPort: 33434, Flows: probe.BaseFlows, Variations: true, MinTTL: 1, MaxTTL: 8, Attempts: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	w := window.New(shape)
	w.Open(3)
	r.items = nil
	for i := range targets {
		w.Append(addrOf(i))
		for n := range 8 * flowsEach {
			base, v := uint16(i+3*n)%200, probe.Variation(n)%probe.Variations
			if !c.HasVariation(v, addrOf(i).Is4()) {
				v = probe.Unvaried
			}
			s := window.Slot{Target: uint32(i), Flow: v.Of(base), TTL: uint8(1 + n/flowsEach)}
			if !w.Reserve(s) {
				t.Fatal("no room")
			}
			r.items = append(r.items, window.Item{Window: w, Slot: s})
		}
	}
	cfg := r.sender.cfg
	cfg.Codec, cfg.Shape = c, shape
	r.window, r.sender = w, New(cfg)
	return r
}

// flowsEach is how many flows of a target have a probe at each TTL.
const flowsEach = 6

// Every probe leaves with the fields of its flow, and is stamped. An excluded target gets none.
func TestSendOnDemand(t *testing.T) {
	r := newOnDemand(t, 20)
	r.excluded[addrOf(4)] = true
	items := r.items
	if err := r.run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	next := 0
	for _, item := range items {
		if item.Target == 4 {
			if at := r.window.Sent(item.Slot); at != window.Excluded {
				t.Fatalf("%+v has stamp %d", item.Slot, at)
			}
			continue
		}
		var p codec.Prepared
		var want [codec.MaxSize]byte
		r.sender.cfg.Codec.Prepare(&p, addrOf(int(item.Target)), item.Flow)
		n := r.sender.cfg.Codec.Encode(want[:], &p, item.TTL, item.Attempt)
		if string(r.took[next]) != string(want[:n]) || r.window.Sent(item.Slot) <= 0 {
			t.Fatalf("%+v, stamp %d: % x, want % x", item.Slot, r.window.Sent(item.Slot), r.took[next], want[:n])
		}
		next++
	}
	if next != len(r.took) || next != 19*8*flowsEach {
		t.Errorf("%d frames, want %d", len(r.took), next)
	}
}

func TestSendOnDemandAllocs(t *testing.T) {
	r := newOnDemand(t, 64)
	r.sender.sleeper, r.sender.cfg.Port = r, quietPort{r}
	copy(r.sender.items[:], r.items)
	if n := testing.AllocsPerRun(100, func() {
		copy(r.sender.items[:], r.items)
		_, _ = r.sender.send(t.Context(), t.Context(), MaxBatch)
	}); n != 0 {
		t.Errorf("%v allocations per batch", n)
	}
}

func BenchmarkSendOnDemand(b *testing.B) {
	r := newOnDemand(b, 1024)
	r.sender.sleeper, r.sender.cfg.Port = r, quietPort{r}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%MaxBatch == 0 {
			copy(r.sender.items[:], r.items[n%(len(r.items)-MaxBatch):])
			_, _ = r.sender.send(b.Context(), b.Context(), MaxBatch)
		}
	}
}
