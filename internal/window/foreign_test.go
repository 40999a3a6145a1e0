package window

import (
	"math"
	"testing"
	"unsafe"

	"github.com/masstrace/masstrace/internal/probe"
)

// A quotation of a foreign source is a guess with two tags, and never one with one tag. So many of
// them make replies late, and cast no doubt on replies with one tag.
func TestForeignMisses(t *testing.T) {
	const most = MostWaiting / 18
	p := newPath(dest6, 9, 2)
	short := probe.Facts{Probe: probe.Probe{TTL: 4}, Kind: probe.KindTTLExceeded, Valid: probe.Weak, HasQuote: true,
		QuotedTTL: 1, Responder: hopOf(4, true), Stamp: 2e8}
	strong := short
	strong.TTL, strong.Valid, strong.Responder, strong.Stamp = 5, probe.Strong, hopOf(5, true), 2e8
	p.take(short)
	p.take(strong)
	for i := range most {
		p.take(probe.Facts{Valid: probe.Garbled, HasQuote: true, Mangled: probe.MangledSource, Responder: hopOf(4, true), Stamp: int64(3e8 + i*1000)})
	}
	late := strong
	late.TTL, late.Responder, late.Stamp = 6, hopOf(6, true), 1e9
	p.take(late)
	p.Settle()
	for ttl, want := range map[uint8]Standing{4: IsHop, 5: Steers, 6: Withheld} {
		if got := p.standing(ttl); got != want {
			t.Errorf("the reply with TTL %d has standing %d, want %d", ttl, got, want)
		}
	}
	if n := p.Misses(0, 0); n != 0 {
		t.Errorf("%d misses", n)
	}
	p.miss(0, &probe.Facts{Valid: probe.Garbled, HasQuote: true, Responder: hopOf(99, true)})
	if n := p.Misses(0, 0); n != 1 {
		t.Errorf("%d misses, want 1", n)
	}
}

// A path is small, because each (target, flow) of a window has one. Counts that are full err on the safe
// side: the misses stay at their maximum, and each floodStep-th guess of any kind is a mark for ever.
func TestPathFull(t *testing.T) {
	if n := unsafe.Sizeof(path{}); n != 24 {
		t.Errorf("%d octets", n)
	}
	const most = 5<<16 + 7
	own := &probe.Facts{Valid: probe.Garbled, HasQuote: true, Responder: hopOf(99, false)}
	foreign := &probe.Facts{Valid: probe.Garbled, HasQuote: true, Responder: hopOf(99, false), Mangled: probe.MangledSource}
	for _, before := range []uint32{0, math.MaxUint32 - most/4} {
		p := path{misses: before}
		misses, marks := uint64(before), 0
		for i := range most {
			r := foreign
			if i%2 == 0 {
				r = own
				misses++
			}
			if p.miss(r) {
				marks++
			}
			if p.misses != uint32(min(misses, math.MaxUint32)) {
				t.Fatalf("%d misses instead of %d", p.misses, misses)
			}
		}
		if marks != most/floodStep {
			t.Errorf("%d marks of %d guesses, want %d", marks, most, most/floodStep)
		}
		if !p.traits.has(garbled) || p.traits.has(touched) {
			t.Errorf("traits %b", p.traits)
		}
	}
}

// The tags of a reply without variation are held against those of all variations. So it is a miss of
// each, and of no other flow.
func TestVariedMisses(t *testing.T) {
	w := New(Shape{Targets: 2, FirstTTL: 1, LastTTL: 8, Flows: probe.BaseFlows, Attempts: 1, OnDemand: 1 << 12})
	w.Append(dest6)
	w.Append(dest)
	flows := []uint16{7, probe.VaryTOS.Of(7), probe.VaryLabel.Of(7), 8, probe.VaryTOS.Of(8)}
	for _, flow := range flows {
		w.Stamp(Slot{Flow: flow, TTL: 3}, 1)
		w.Stamp(Slot{Target: 1, Flow: flow, TTL: 3}, 1)
	}
	for range 5 {
		w.Learn(0, &probe.Facts{Probe: probe.Probe{Target: dest6, Flow: 7}, Valid: probe.Garbled, HasQuote: true, Responder: hopOf(99, true), Stamp: 2}, nil)
	}
	for i, flow := range flows {
		want := 5
		if i >= 3 {
			want = 0
		}
		if n := w.Misses(0, flow); n != want {
			t.Errorf("%d misses of flow %d, want %d", n, flow, want)
		}
		if n := w.Misses(1, flow); n != 0 {
			t.Errorf("%d misses of another target", n)
		}
	}
}
