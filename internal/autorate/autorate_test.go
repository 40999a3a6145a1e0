package autorate

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/ratelimit"
)

// policed is a strategy, a sender and a network in one, in virtual time. It sends all
// probes of a window in random order, at the current rate, through a link with a limited
// rate. After 50 ms, 0.8 of the (target, TTL) answer.
type policed struct {
	t      *testing.T
	rng    *rand.Rand
	shape  window.Shape
	window *window.Window
	order  []int // of the window's slots
	next   int
	set    float64
	limit  float64

	now    int64
	tokens float64
	flight []sampled
	opened map[uint64]*window.Window
}

// live returns a window that is not over: here none ever is.
func (p *policed) live(id uint64) *window.Window { return p.opened[id] }

func newPoliced(t *testing.T, limit float64) *policed {
	p := &policed{
		t: t, rng: rand.New(rand.NewPCG(1, 9)), limit: limit, now: 1e18, opened: map[uint64]*window.Window{},
		shape: window.Shape{Targets: 4096, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1},
	}
	p.order = p.rng.Perm(p.shape.Targets * 32)
	p.open()
	return p
}

func (p *policed) open() {
	id := uint64(0)
	if p.window != nil {
		id = p.window.ID + 1
	}
	p.window, p.next = window.New(p.shape), 0
	p.window.Open(id)
	p.opened[id] = p.window
	for i := range p.shape.Targets {
		p.window.Append(probe.Addr4From([4]byte{11, 0, byte(i >> 8), byte(i)}))
	}
}

// Next implements sender.Source.
func (p *policed) Next(items []window.Item, _ int64) (int, int64) {
	for i := range items {
		if p.next == len(p.order) {
			p.open()
		}
		q := p.order[p.next]
		items[i] = window.Item{Window: p.window, Slot: window.Slot{Target: uint32(q / 32), TTL: uint8(1 + q%32)}}
		p.next++
	}
	return len(items), p.now
}

func (p *policed) Halt() {}

// step runs the sender for a millisecond.
func (p *policed) step(next func([]window.Item, int64) (int, int64)) {
	const ms = int64(time.Millisecond)
	p.now += ms
	p.tokens = min(p.tokens+p.limit/1000, 100)
	for len(p.flight) > 0 && p.now-p.flight[0].at > 50*ms {
		item := p.flight[0].item
		p.flight = p.flight[1:]
		item.Window.Answer(item.Slot, &probe.Reply{Facts: probe.Facts{Stamp: p.now}})
	}
	items := make([]window.Item, int(p.set/1000+p.rng.Float64()))
	if n, _ := next(items, p.now); n != len(items) {
		p.t.Fatal("not all")
	}
	for _, item := range items {
		item.Window.Stamp(item.Slot, p.now)
		if p.tokens < 1 {
			continue
		}
		p.tokens--
		if item.Target*2654435761>>16%10 < 8 {
			p.flight = append(p.flight, sampled{item, item.Window.ID, p.now})
		}
	}
}

// A limit on the way is found and used. Without a limit the rate reaches the allowed
// maximum, and never more.
func TestAutoRate(t *testing.T) {
	for _, tt := range []struct{ limit, most, low, high float64 }{
		{3000, 12_000, 2400, 3600},
		{1e9, 8000, 8000, 8000},
		{2500, 2000, 2000, 2000},
	} {
		p := newPoliced(t, tt.limit)
		a := &Control{
			faults: new(window.Faults), observe: observe.Nobody{}, live: p.live, delay: 1e9, wait: 2e9, high: controlTTL,
			auto: ratelimit.NewAuto(ratelimit.AutoConfig{StartPPS: startPPS, MaxPPS: tt.most}), samples: make([]sampled, mostSamples),
		}
		a.setRate = func(pps float64) {
			if pps > tt.most {
				t.Errorf("a rate of %v is set, above %v", pps, tt.most)
			}
			p.set = pps
		}
		a.setRate(a.auto.Rate())
		next := a.Source(p).Next
		for range 45_000 {
			p.step(next)
		}
		found := a.Record()
		if found.RatePPS < tt.low || found.RatePPS > tt.high || found.Trials < 15 {
			t.Errorf("limit %.0f, most %.0f: %+v", tt.limit, tt.most, found)
		}
	}
}

// Replies that our own kernel drops slow the scan down. Probes that were not checked in
// time, as after a suspension, do not count as missing answers.
func TestAutoRateOwnFaults(t *testing.T) {
	p := newPoliced(t, 1e9)
	a := &Control{
		faults: new(window.Faults), observe: observe.Nobody{}, live: p.live, delay: 1e9, wait: 2e9, high: controlTTL,
		auto: ratelimit.NewAuto(ratelimit.AutoConfig{StartPPS: startPPS, MaxPPS: 8000}), samples: make([]sampled, mostSamples),
		setRate: func(pps float64) { p.set = pps },
	}
	a.setRate(a.auto.Rate())
	next := a.Source(p).Next
	for range 20_000 {
		p.step(next)
	}
	if p.set != 8000 {
		t.Fatalf("at %v", p.set)
	}
	p.now += 5e9 // suspended
	for range 5000 {
		p.step(next)
	}
	if p.set != 8000 || a.Record().Falls != 0 {
		t.Errorf("after a suspension at %v: %+v", p.set, a.Record())
	}
	a.faults.Drops.Add(p.now-1e6, p.now)
	for range 3000 {
		p.step(next)
	}
	if p.set >= 8000 {
		t.Errorf("after drops at %v", p.set)
	}
}

// A sample whose window is over is left out: its memory is another window's by now.
func TestAutoRateWindowGone(t *testing.T) {
	p := newPoliced(t, 1e9)
	a := &Control{
		faults: new(window.Faults), observe: observe.Nobody{}, live: p.live, delay: 1e9, wait: 4e9, high: controlTTL,
		auto: ratelimit.NewAuto(ratelimit.AutoConfig{StartPPS: startPPS, MaxPPS: 8000}), samples: make([]sampled, mostSamples),
		setRate: func(float64) {},
	}
	items := make([]window.Item, 64)
	n, _ := a.Source(p).Next(items, p.now)
	for _, item := range items[:n] {
		item.Window.Stamp(item.Slot, p.now)
	}
	if a.n == 0 {
		t.Fatal("no sample was drawn")
	}
	delete(p.opened, p.window.ID)
	a.look(p.now + 2e9)
	if a.n != 0 || a.trial.Sent != (ratelimit.Trial{}).Sent {
		t.Errorf("samples of a window that is over count: %v, %d wait", a.trial.Sent, a.n)
	}
}
