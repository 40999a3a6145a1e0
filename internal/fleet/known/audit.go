package known

import (
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// Audit compares paths of another agent with our own: of some targets that we probe in full.
// Beyond the first router that both have, they should have the same.
type Audit struct {
	Routers uint64 // that we met beyond
	Missing uint64 // of them, those that the other agent does not have
}

// Add compares a trace.
func (a *Audit) Add(t *record.Trace, o *window.Others) {
	if !o.Audits(t.Target) {
		return
	}
	var last probe.Addr
	joined := false
	for i := range t.Hops {
		h := &t.Hops[i]
		if !isRouter(h, t.Target) || h.Responder == last {
			continue
		}
		last = h.Responder
		has := o.Has(last, t.Target)
		if joined {
			a.Routers++
			if !has {
				a.Missing++
			}
		}
		joined = joined || has
	}
}

// Sum adds the counts of another audit.
func (a *Audit) Sum(b Audit) {
	a.Routers += b.Routers
	a.Missing += b.Missing
}

// Bounds of a verdict.
const (
	fewRouters = 24 // fewer prove nothing
	mostShare  = 2  // of so many routers, one may be missing
)

// Contradicts reports whether the paths of the other agent are not to be believed. Branches of load
// balancers, losses and rate limits let honest agents miss some routers, but fewer than half.
func (a *Audit) Contradicts() bool {
	return a.Routers >= fewRouters && a.Missing*mostShare > a.Routers
}
