package schedule

import (
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// Silent TTLs end a path, but for those whose silence may be this machine's doing.
func TestSilentUnderDrops(t *testing.T) {
	const wait = 1000
	w := window.New(window.Shape{Targets: 1, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1})
	w.Open(0)
	w.Append(probe.Addr4From([4]byte{11, 0, 0, 9}))
	for ttl := uint8(1); ttl <= 12; ttl++ {
		w.Stamp(window.Slot{TTL: ttl}, 10_000*int64(ttl))
	}
	w.Learn(0, &probe.Facts{Probe: probe.Probe{TTL: 5}, Kind: probe.KindTTLExceeded, Responder: probe.Addr4From([4]byte{11, 0, 0, 1})}, nil)
	faults := new(window.Faults)
	p := newPath(w, faults, wait)
	p.State, p.now = w.State(0, 0), 1e6
	for ttl := uint8(6); ttl <= 13; ttl++ {
		if got, want := forecast(0).silent(&p, ttl, 5), ttl >= 11; got != want {
			t.Errorf("TTL %d, router at 5: the end %t, want %t", ttl, got, want)
		}
	}
	faults.Drops.Add(70_000+wait, 70_000+wait) // within the wait of TTL 7
	faults.Drops.Add(90_000+wait+1, 90_000+wait+2)
	for ttl := uint8(6); ttl <= 13; ttl++ {
		if got, want := forecast(0).silent(&p, ttl, 5), ttl >= 12; got != want {
			t.Errorf("TTL %d, drops at 7: the end %t, want %t", ttl, got, want)
		}
	}
}

// A path that began before any distance was known ends by the distances that are known later.
func TestEndLearnedLater(t *testing.T) {
	const wait = 1000
	w := window.New(window.Shape{Targets: 1, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1})
	w.Append(probe.Addr4From([4]byte{11, 0, 0, 9}))
	for ttl := uint8(1); ttl <= 7; ttl++ {
		w.Stamp(window.Slot{TTL: ttl}, 1)
	}
	w.Learn(0, &probe.Facts{Probe: probe.Probe{TTL: 5}, Kind: probe.KindTTLExceeded, Responder: routerAt(5)}, nil)
	c := StrategyConfig{GapLimit: 5, Distances: NewDistances(64)}
	p := newPath(w, new(window.Faults), wait)
	c.forecast(&p)
	p.State, p.Sent = w.State(0, 0), 0xfe
	for known := range enoughDistances + 1 {
		if got, want := c.endless(&p, c.withEnd(&p, c.forecast(&p)), 8, p.Last()), known == enoughDistances; got != want {
			t.Errorf("with %d distances: the end %t, want %t", known, got, want)
		}
		c.Distances.Learn(probe.Addr4From([4]byte{11, 0, 0, byte(known)}), 6, 1)
	}
	if f := c.forecast(&p); f.first() != unknownDistance || f.end() != 6 {
		t.Errorf("forecast %d, end %d; want %d and 6", f.first(), f.end(), unknownDistance)
	}
}

// A distance is learned once the target has answered a probe with that very TTL. A liar cannot.
func TestLearnProved(t *testing.T) {
	target := probe.Addr4From([4]byte{11, 0, 0, 9})
	port := func(ttl, quoted uint8) *probe.Facts {
		return &probe.Facts{Probe: probe.Probe{Target: target, TTL: ttl}, Kind: probe.KindPortUnreach, Valid: probe.Strong,
			Responder: target, HasQuote: true, QuotedTTL: quoted}
	}
	for _, tt := range []struct {
		name    string
		answers []*probe.Facts
		want    float64
	}{
		{"a distance that is stated", []*probe.Facts{port(16, 10)}, 0},
		{"and proved", []*probe.Facts{port(16, 10), port(7, 1)}, 7},
		{"another one is proved", []*probe.Facts{port(16, 10), port(12, 6)}, 0},
	} {
		w := window.New(window.Shape{Targets: 1, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1})
		w.Append(target)
		for _, f := range tt.answers {
			slot := window.Slot{TTL: f.TTL}
			w.Stamp(slot, 1)
			w.Answer(slot, &probe.Reply{Facts: *f})
			w.Learn(0, f, nil)
		}
		p := newPath(w, new(window.Faults), 1000)
		p.State = w.State(0, 0)
		d := NewDistances(64)
		top, exact := bounds(&p)
		d.learnFrom(&p, top, exact)
		if got := d.Estimate(target).Mean; got != tt.want {
			t.Errorf("%s: estimate %v, want %v", tt.name, got, tt.want)
		}
	}
}
