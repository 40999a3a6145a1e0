package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/sender"
)

// autoRate is what --rate auto puts between strategies and their senders: it
// takes a sample of the first attempts as they are handed out, the control group,
// looks a little later which of them were answered, and has a ratelimit.Auto
// choose the rate by that, trial by trial. What it does is done by the senders'
// goroutines; one that finds another at it passes by.
type autoRate struct {
	faults  *window.Faults
	setRate func(pps float64)
	say     func(format string, args ...any)
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
	at   int64 // when it was handed out
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

// newAutoRate returns the control of a scan that never exceeds mostPPS. setRate
// may be called by any sender.
func (s *scan) newAutoRate(setRate func(pps float64)) *autoRate {
	wait := int64(s.cfg.Wait)
	a := &autoRate{
		faults: &s.set.Faults, setRate: setRate, say: s.console.say,
		delay: min(wait/2, int64(time.Second)), wait: wait, high: controlTTL,
		auto:    ratelimit.NewAuto(ratelimit.AutoConfig{StartPPS: startPPS, MaxPPS: s.plan.ratePPS}),
		samples: make([]sampled, mostSamples),
	}
	if s.cfg.MinTTL > controlTTL {
		a.high = s.cfg.MaxTTL
	}
	a.setRate(a.auto.Rate())
	return a
}

// source returns a strategy whose probes the control sees.
func (a *autoRate) source(s sender.Source) sender.Source { return &controlled{s, a} }

type controlled struct {
	sender.Source
	control *autoRate
}

// Next implements sender.Source.
func (c *controlled) Next(items []window.Item, now int64) (n int, next int64) {
	n, next = c.Source.Next(items, now)
	c.control.saw(items[:n], now)
	return n, next
}

// saw takes note of what is about to leave.
func (a *autoRate) saw(items []window.Item, now int64) {
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

func (a *autoRate) begin(now int64) {
	a.trial, a.began, a.ended, a.drawn, a.handed = ratelimit.Trial{}, now, 0, 0, 0
	a.stride = max(int(a.auto.Rate()/samplesPPS/3), 1) // a third of TTLs, about
}

// draw takes samples of items, and ends that when there are enough.
func (a *autoRate) draw(items []window.Item, now int64) {
	a.handed += uint64(len(items))
	for i := range items {
		if items[i].Attempt != 0 || items[i].TTL > a.high {
			continue
		}
		if a.skipped++; a.skipped < a.stride || a.n == len(a.samples) {
			continue
		}
		a.skipped = 0
		a.samples[(a.head+a.n)%len(a.samples)] = sampled{items[i], now}
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
func (a *autoRate) look(now int64) {
	for ; a.n > 0; a.n-- {
		s := &a.samples[a.head]
		if now-s.at < a.delay {
			return
		}
		a.head = (a.head + 1) % len(a.samples)
		w := s.item.Window
		if now-s.at > a.wait*3/4 || w.Sent(s.item.Slot) <= 0 {
			continue
		}
		a.trial.Sent[s.item.TTL]++
		if w.Answered(s.item.Slot) {
			a.trial.Answered[s.item.TTL]++
		}
	}
}

// judge ends the trial and begins the next.
func (a *autoRate) judge(now int64) {
	a.trial.Dropped = a.faults.Drops.Touch(a.began, now)
	rate := a.auto.Rate()
	verdict := a.auto.Judge(&a.trial)
	found := a.auto.Found()
	a.found.Store(&found)
	next := a.auto.Rate()
	switch verdict {
	case ratelimit.Fell:
		a.say("rate: at %.0f pps fewer answered: back to %.0f", rate, next)
	case ratelimit.Drowned:
		a.say("rate: at %.0f pps our own kernel dropped replies: back to %.0f", rate, next)
	}
	if next != rate {
		a.setRate(next)
	}
	a.begin(now)
}

// record returns what was found, for the summary; nil of a nil control.
func (a *autoRate) record() *record.AutoRate {
	if a == nil {
		return nil
	}
	r := new(record.AutoRate)
	if f := a.found.Load(); f != nil {
		*r = record.AutoRate{RatePPS: f.RatePPS, FellPPS: f.FellPPS, Share: f.Share, Trials: f.Trials, Falls: f.Falls}
	}
	return r
}
