package ratelimit

import (
	"math"
	"slices"
)

// Auto finds the highest rate at which the share of answered probes is the same as at a low rate.
// Its caller sends a control group of probes at the rate that Auto chose. Then it passes the
// result to Judge, and gets the next rate from Rate:
//
//   - Auto doubles the rate while the share holds.
//   - When the share falls, Auto goes back to the highest rate at which it held. From
//     there it closes in between the two rates, until they are a tenth apart.
//   - Then it stays at that rate. From time to time it tries a little more, at longer and
//     longer intervals.
//   - If a rate held before and does not hold any more, Auto lowers it, but not below the
//     start.
//
// A result that may be chance is tried again before it counts as a fall.
//
// The control group counts probes by TTL. At each TTL, the answered share is compared with that
// at low rates. The median over the TTLs decides. A limit on the path reduces all TTLs alike,
// while single routers that limit their answers reduce only a few. Auto uses no clock and no
// other input, and belongs to one goroutine.
type Auto struct {
	cfg    AutoConfig
	rate   float64 // rate of the next trial
	good   float64 // highest rate that held, 0 at first
	bad    float64 // lowest rate above good that did not hold, infinite if there is none
	normal Control // answers at rates that the network carries
	hold   int     // trials before the next try of a higher rate
	stay   int     // the next value of hold
	gentle bool    // after a fall, the rate rises by a tenth
	doubt  bool    // the last trial showed less, perhaps by chance
	found  Found
}

// AutoConfig bounds the rates, in packets per second.
type AutoConfig struct{ StartPPS, MaxPPS float64 }

// Controls is how many kinds of probe a control group may have, one for each TTL.
const Controls = 64

// Control counts probes of the control group, by kind.
type Control struct{ Sent, Answered [Controls]float64 }

// Trial is the result of the control group at the rate of Rate.
type Trial struct {
	Control
	SentPPS float64 // the rate that was reached
	Dropped bool    // this machine dropped replies during the trial
}

// Found is the result so far.
type Found struct {
	RatePPS float64 // highest rate at which the share held
	FellPPS float64 // lowest rate at which it did not, 0 if it always did
	Share   float64 // median over TTLs of the share at RatePPS, relative to that at low rates
	Trials  int
	Falls   int
}

const (
	tolerance = 0.1  // part of the answers that may be missing
	certain   = 0.3  // missing part that is certainly not chance
	untouched = 0.97 // share above which a trial updates the normal shares
	fewSent   = 10   // a kind with fewer probes is ignored
	closeBy   = 1.1  // factor within which two rates count as the same
	useful    = 1.5  // if the sent rate is lower by this factor, a higher rate is of no use
	firstStay = 10   // trials
	mostStay  = 100
	forgets   = 0.9 // weight of the old normal counts when a trial is added
)

// NewAuto returns an Auto that starts at StartPPS.
func NewAuto(c AutoConfig) *Auto {
	c.StartPPS = min(c.StartPPS, c.MaxPPS)
	return &Auto{cfg: c, rate: c.StartPPS, bad: math.Inf(1), stay: firstStay}
}

// Rate returns the rate of the next trial. It is at most MaxPPS.
func (a *Auto) Rate() float64 { return a.rate }

// Found returns the result so far.
func (a *Auto) Found() Found { return a.found }

// Verdict is the result of a trial.
type Verdict int

// The verdicts.
const (
	Held    Verdict = iota
	Doubted         // must be tried again
	Fell            // the share of answered probes fell
	Drowned         // this machine dropped replies
)

// Judge evaluates a trial at Rate, and chooses the next rate.
func (a *Auto) Judge(t *Trial) Verdict {
	a.found.Trials++
	lowest := a.rate <= a.cfg.StartPPS
	share, ok := a.normal.share(&t.Control)
	if !ok || lowest && !t.Dropped && share < 1-tolerance {
		// The answers at the lowest rate are normal by definition.
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

// fell lowers the rate.
func (a *Auto) fell() {
	a.found.Falls++
	a.bad, a.gentle, a.hold = a.rate, true, 0
	if a.rate <= a.good*closeBy { // the rate that held, or one just above it, does not hold
		a.hold, a.stay = a.stay, min(2*a.stay, mostStay)
	}
	if a.rate <= a.good {
		a.good = max(0.8*a.rate, a.cfg.StartPPS)
	}
	a.rate = max(a.good, a.cfg.StartPPS)
	a.found.RatePPS, a.found.FellPPS = a.rate, a.bad
}

// held keeps or raises the rate.
func (a *Auto) held(t *Trial, share float64) {
	a.good = a.rate
	a.found.RatePPS, a.found.Share = min(a.rate, t.SentPPS), share
	if a.hold > 0 {
		if a.hold--; a.hold == 0 {
			a.bad = math.Inf(1) // the limit may be higher by now
		}
		return
	}
	if t.SentPPS < a.rate/useful {
		return // this machine cannot send more, or has no more to send
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

// share returns the median over the kinds of the answered share of t, relative to the normal share.
// ok is false while no normal share is known.
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
	return 1, true // unreachable
}

func (c *Control) learn(t *Control) {
	for i := range t.Sent {
		c.Sent[i] = forgets*c.Sent[i] + t.Sent[i]
		c.Answered[i] = forgets*c.Answered[i] + t.Answered[i]
	}
}
