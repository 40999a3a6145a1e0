package ratelimit

import (
	"math"
	"slices"
)

// Auto finds the highest rate at which the network still answers as it does at a
// low one. It is told, trial after trial, what became of a control group of probes
// sent at the rate that it asked for, and says which rate is tried next:
//
//   - it doubles the rate while the answers hold;
//   - when they fall, it goes back to the highest rate at which they held, and
//     from there closes in between the two, until they are a tenth apart;
//   - then it stays, and tries a little more every now and then, ever more seldom;
//   - a rate that held and does so no more is lowered, to no less than the start.
//
// What may be chance is tried twice before it counts as a fall.
//
// The control group's probes are told apart by TTL: at each, the answered share is
// compared with what it was at low rates. What counts is the median over the TTLs:
// a limit on the way falls on all of them alike, where single routers that limit
// their answers fall on a few. It decides by nothing but what it is told, and
// belongs to one goroutine.
type Auto struct {
	cfg    AutoConfig
	rate   float64 // of the next trial
	good   float64 // the highest that held, 0 at first
	bad    float64 // the lowest above it that did not, infinite if there is none
	normal Control // as answered at rates that are no trouble
	hold   int     // trials to stay for
	stay   int     // how many that will be the next time
	gentle bool    // after a fall, the rate rises by a tenth
	doubt  bool    // the trial before showed less, and may have been chance
	found  Found
}

// AutoConfig bounds the rates, in packets a second.
type AutoConfig struct{ StartPPS, MaxPPS float64 }

// Controls is how many kinds of probe a control group may have, a kind for each
// TTL.
const Controls = 64

// Control counts probes of the control group, by kind.
type Control struct{ Sent, Answered [Controls]float64 }

// Trial is what became of the control group at the rate asked for.
type Trial struct {
	Control
	SentPPS float64 // the rate that came about
	Dropped bool    // this machine dropped replies meanwhile
}

// Found is what came out so far.
type Found struct {
	RatePPS float64 // the highest rate at which the answers held
	FellPPS float64 // the lowest at which they did not, 0 if they always did
	Share   float64 // median of answers at RatePPS, against those at low rates
	Trials  int
	Falls   int
}

const (
	tolerance = 0.1  // of the answers, that may be missing
	certain   = 0.3  // that are missing by no chance
	untouched = 0.97 // share above which a trial tells what is normal
	fewSent   = 10   // probes of a kind below which it tells nothing
	closeBy   = 1.1  // what is not further apart is the same rate
	useful    = 1.5  // part of a rate that comes about, below which more is no use
	firstStay = 10   // trials
	mostStay  = 100
	forgets   = 0.9 // weight of what is normal, from one trial to the next
)

// NewAuto returns an Auto that starts low.
func NewAuto(c AutoConfig) *Auto {
	c.StartPPS = min(c.StartPPS, c.MaxPPS)
	return &Auto{cfg: c, rate: c.StartPPS, bad: math.Inf(1), stay: firstStay}
}

// Rate returns the rate of the next trial: never above MaxPPS.
func (a *Auto) Rate() float64 { return a.rate }

// Found returns what was found so far.
func (a *Auto) Found() Found { return a.found }

// Verdict is what a trial showed.
type Verdict int

// The verdicts.
const (
	Held    Verdict = iota
	Doubted         // to be tried once more
	Fell            // the answers did
	Drowned         // this machine could not take the replies
)

// Judge takes a trial at Rate, and chooses the next rate.
func (a *Auto) Judge(t *Trial) Verdict {
	a.found.Trials++
	lowest := a.rate <= a.cfg.StartPPS
	share, ok := a.normal.share(&t.Control)
	if !ok || lowest && !t.Dropped && share < 1-tolerance {
		// Whatever is answered at the lowest rate is normal.
		a.normal, share = Control{}, 1
		a.bad, a.gentle, a.hold, a.stay = math.Inf(1), false, 0, firstStay
	}
	doubted := a.doubt
	a.doubt = false
	switch {
	case t.Dropped:
		a.fell()
		return Drowned
	case share < 1-tolerance && share >= 1-certain && !doubted:
		a.doubt = true
		return Doubted
	case share < 1-tolerance:
		a.fell()
		return Fell
	}
	if share >= untouched {
		a.normal.learn(&t.Control)
	}
	a.held(t, share)
	return Held
}

// fell goes back.
func (a *Auto) fell() {
	a.found.Falls++
	a.bad, a.gentle, a.hold = a.rate, true, 0
	if a.rate <= a.good*closeBy { // what held does not any more, or a little more does not
		a.hold, a.stay = a.stay, min(2*a.stay, mostStay)
	}
	if a.rate <= a.good {
		a.good = max(0.8*a.rate, a.cfg.StartPPS)
	}
	a.rate = max(a.good, a.cfg.StartPPS)
	a.found.RatePPS, a.found.FellPPS = a.rate, a.bad
}

// held goes on.
func (a *Auto) held(t *Trial, share float64) {
	a.good = a.rate
	a.found.RatePPS, a.found.Share = min(a.rate, t.SentPPS), share
	if a.hold > 0 {
		if a.hold--; a.hold == 0 {
			a.bad = math.Inf(1) // it may be higher by now
		}
		return
	}
	if t.SentPPS < a.rate/useful {
		return // this machine does not send more, or has no more to send
	}
	next := 2 * a.rate
	if a.gentle {
		next = closeBy * a.rate
	}
	if !math.IsInf(a.bad, 1) {
		if next = math.Sqrt(a.good * a.bad); a.bad < closeBy*a.good {
			a.hold, a.stay = a.stay, min(2*a.stay, mostStay)
			return
		}
	}
	a.rate = min(next, a.cfg.MaxPPS)
}

// share returns the median over the kinds of what is answered of t, against what
// is normal; ok is false while that is not known.
func (c *Control) share(t *Control) (share float64, ok bool) {
	type kind struct{ share, weight float64 }
	var room [Controls]kind
	kinds, total := room[:0], 0.0
	for i := range t.Sent {
		if t.Sent[i] < fewSent || c.Sent[i] < fewSent || c.Answered[i] < fewSent/2 {
			continue
		}
		w := t.Sent[i]
		kinds = append(kinds, kind{t.Answered[i] / t.Sent[i] * c.Sent[i] / c.Answered[i], w})
		total += w
	}
	if len(kinds) == 0 {
		return 0, false
	}
	slices.SortFunc(kinds, func(x, y kind) int {
		if x.share < y.share {
			return -1
		}
		return 1
	})
	sum := 0.0
	for _, k := range kinds {
		if sum += k.weight; 2*sum >= total {
			return k.share, true
		}
	}
	return 1, true // not reached
}

func (c *Control) learn(t *Control) {
	for i := range t.Sent {
		c.Sent[i] = forgets*c.Sent[i] + t.Sent[i]
		c.Answered[i] = forgets*c.Answered[i] + t.Answered[i]
	}
}
