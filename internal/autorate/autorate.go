// Package autorate finds the highest rate at which the share of answered probes is that at
// low rates. It samples sent probes, and looks a little later which samples were answered.
// Then it sets the rate as ratelimit.Auto decides, trial by trial.
package autorate

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/sender"
)

// Control stands between strategies and their senders: it takes samples of first attempts as
// they are handed out, the control group. The goroutines of the senders do its work; one
// that finds another at it passes by. A nil Control controls nothing.
type Control struct {
	faults  *window.Faults
	live    func(id uint64) *window.Window // nil of a window that is over
	setRate func(pps float64)
	observe observe.Observer
	delay   int64 // from the handing out of a sample to the look at it, ns
	wait    int64 // after which it is not looked at any more
	high    uint8 // TTL of the control group, the highest

	mu      sync.Mutex
	auto    *ratelimit.Auto
	trial   ratelimit.Trial
	began   int64 // of the trial, ns since the Unix epoch; 0 before the first
	drawn   int   // samples of the trial
	ended   int64 // when no more were drawn, 0 while they are
	handed  uint64
	stride  int // every which probe is one
	skipped int
	samples []sampled // a ring
	head    int       // the oldest
	n       int

	found atomic.Pointer[ratelimit.Found]
}

// sampled is a probe of the control group.
type sampled struct {
	item window.Item
	id   uint64 // of its window, whose memory may be another window's when it is looked at
	at   int64  // when it was handed out
}

// Of a trial: a second long, longer at low rates for the samples that it takes to
// tell anything. Near the targets paths end, and how many do changes while a
// window is probed: so only lower TTLs are in the control group.
const (
	trialTime    = int64(time.Second)
	trialMost    = 10 * trialTime
	trialSamples = 500
	samplesPPS   = 2000
	mostSamples  = 1 << 14
	controlTTL   = 12
	startPPS     = 500
)

// Config has the parts that a Control needs.
type Config struct {
	MaxPPS         float64 // never exceeded
	Wait           time.Duration
	MinTTL, MaxTTL uint8
	Set            *window.Set
	// SetRate may be called by the goroutine of any sender.
	SetRate  func(pps float64)
	Observer observe.Observer
}

// New returns a control, which sets the rate to begin with.
func New(c Config) *Control {
	wait := int64(c.Wait)
	a := &Control{
		faults: &c.Set.Faults, live: c.Set.Get, setRate: c.SetRate, observe: c.Observer,
		delay: min(wait/2, int64(time.Second)), wait: wait, high: controlTTL,
		auto:    ratelimit.NewAuto(ratelimit.AutoConfig{StartPPS: startPPS, MaxPPS: c.MaxPPS}),
		samples: make([]sampled, mostSamples),
	}
	if c.MinTTL > controlTTL {
		a.high = c.MaxTTL
	}
	a.setRate(a.auto.Rate())
	return a
}

// Source returns a strategy whose probes the control sees.
func (a *Control) Source(s sender.Source) sender.Source { return &controlled{s, a} }

type controlled struct {
	sender.Source
	control *Control
}

// Next implements sender.Source.
func (c *controlled) Next(items []window.Item, now int64) (n int, next int64) {
	n, next = c.Source.Next(items, now)
	c.control.saw(items[:n], now)
	return n, next
}

// saw notes a probe that is about to leave.
func (a *Control) saw(items []window.Item, now int64) {
	if !a.mu.TryLock() {
		return
	}
	defer a.mu.Unlock()
	if a.began == 0 {
		a.begin(now)
	}
	a.look(now)
	if a.ended == 0 {
		a.draw(items, now)
	} else if a.n == 0 {
		a.judge(now)
	}
}

func (a *Control) begin(now int64) {
	a.trial, a.began, a.ended, a.drawn, a.handed = ratelimit.Trial{}, now, 0, 0, 0
	a.stride = max(int(a.auto.Rate()/samplesPPS/3), 1) // a third of TTLs, about
}

// draw takes samples of items, and ends that when there are enough.
func (a *Control) draw(items []window.Item, now int64) {
	a.handed += uint64(len(items))
	for i := range items {
		if items[i].Attempt != 0 || items[i].TTL > a.high {
			continue
		}
		if a.skipped++; a.skipped < a.stride || a.n == len(a.samples) {
			continue
		}
		a.skipped = 0
		a.samples[(a.head+a.n)%len(a.samples)] = sampled{items[i], items[i].Window.ID, now}
		a.n++
		a.drawn++
	}
	took := now - a.began
	if took >= trialTime && a.drawn >= trialSamples || took >= trialMost {
		a.ended = now
		a.trial.SentPPS = float64(a.handed) / float64(took) * 1e9
	}
}

// look looks at the samples that are due. Those that could not be looked at in
// time are left out: their windows may be gone.
func (a *Control) look(now int64) {
	for ; a.n > 0; a.n-- {
		s := &a.samples[a.head]
		if now-s.at < a.delay {
			return
		}
		a.head = (a.head + 1) % len(a.samples)
		w := s.item.Window
		if now-s.at > a.wait*3/4 || a.live(s.id) != w || w.Sent(s.item.Slot) <= 0 {
			continue
		}
		a.trial.Sent[s.item.TTL]++
		if w.Answered(s.item.Slot) {
			a.trial.Answered[s.item.TTL]++
		}
	}
}

// judge ends the trial and begins the next.
func (a *Control) judge(now int64) {
	a.trial.Dropped = a.faults.Drops.Touch(a.began, now)
	rate := a.auto.Rate()
	verdict := a.auto.Judge(&a.trial)
	found := a.auto.Found()
	a.found.Store(&found)
	next := a.auto.Rate()
	if verdict == ratelimit.Fell || verdict == ratelimit.Drowned {
		a.observe.Event(observe.RateFell{FromPPS: rate, ToPPS: next, Drowned: verdict == ratelimit.Drowned})
	}
	if next != rate {
		a.setRate(next)
	}
	a.begin(now)
}

// Record returns the result for the summary, or nil if c is nil.
func (a *Control) Record() *record.AutoRate {
	if a == nil {
		return nil
	}
	r := new(record.AutoRate)
	if f := a.found.Load(); f != nil {
		*r = record.AutoRate{RatePPS: f.RatePPS, FellPPS: f.FellPPS, Share: f.Share, Trials: f.Trials, Falls: f.Falls}
	}
	return r
}
