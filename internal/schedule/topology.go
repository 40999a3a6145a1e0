package schedule

import "math"

// Topology finds the interfaces of a network with few probes, as Doubletree does (Donnet, Raoult,
// Friedman and Crovella, 2005). Paths from one vantage point form a tree. So a trace begins near
// the end of its path, and goes back only until it meets an interface that is known.
//
// At one known interface the branches of a load balancer may join, with unknown interfaces before
// it. So the way back ends Overlap TTLs below the last new interface. Behind a common interface the
// flows of several paths have found branches. There it ends one TTL earlier, as long as the stop set has
// a debt of probes to repay. Forward, Topology does as Complete.
//
// If another vantage point has traced the target, the trace begins where it probably meets that
// path, and goes on only until it does: both paths are the same from there on. It ends earlier at common
// interfaces without a debt: it begins in the middle, where many paths meet.
type Topology struct {
	cfg StrategyConfig
}

// NewTopology returns the strategy. The matcher must have a window.StopSet.
func NewTopology(cfg StrategyConfig) *Topology {
	if cfg.Shared {
		cfg.GapLimit += sharedGap
	}
	return &Topology{cfg: cfg}
}

// sharedGap is how many silent TTLs more than usual end a path on which other vantage points rely. Each of
// them alone might begin beyond the silence.
const sharedGap = 2

// Next implements Strategy.
func (t *Topology) Next(p *Path) Step {
	f := t.cfg.forecast(p)
	if t.cfg.Shared {
		f &^= endOfForecast
	}
	if p.Sent == 0 {
		return t.begin(p, f)
	}
	if p.Pending() {
		return Await
	}
	top, exact := bounds(p)
	t.cfg.Distances.learnFrom(p, top, exact)
	if top < p.First() {
		return Enough
	}
	start := min(p.Within(int(p.Note>>startShift)), top)
	if !t.isKnown(p, start) {
		if ttl, ok := p.Highest(p.First(), start-1); ok {
			return ttl
		}
	}
	if joined := p.State.Joined(); joined != 0 {
		t.learnJoin(p, joined)
		return Enough
	}
	ttl, ok := p.Lowest(start, top)
	proof := exact && uint8(ttl) == top // the target has answered already
	switch {
	case !ok || proof && !p.proves():
		return Enough
	case t.cfg.endless(p, f, ttl, top):
		return Enough
	case proof && p.Note&isProof == 0:
		t.cfg.Known.OweProof(p.Target())
		p.Note |= isProof
	}
	return ttl
}

// Bits of Path.Note beside the forecast.
const (
	joinLearned = 1 << 18
	endsEarly   = 1 << 19 // the way back ends a TTL earlier, and the stop set has accounted for it
	startShift  = 24      // the TTL of the first probe
)

// begin chooses the first probe of a path: that to the last router, or that to the router at which
// the path meets that of another vantage point.
func (t *Topology) begin(p *Path, f forecast) Step {
	ttl := f.first() - 1
	if t.cfg.Others.Spares(p.Target()) {
		join := float64(f.first()) / 2 // where Doubletree begins
		if g := t.cfg.Joins.Estimate(p.Target()); g.Count > 0 {
			join = g.Mean
		}
		ttl = min(ttl, int(math.Round(join)))
	}
	start := p.Within(ttl)
	p.Note |= uint64(start) << startShift
	return Step(start)
}

// learnJoin remembers, once, where a path met that of another vantage point.
func (t *Topology) learnJoin(p *Path, ttl uint8) {
	if p.Note&joinLearned == 0 {
		t.cfg.Joins.Learn(p.Target(), ttl, 1)
		p.Note |= joinLearned
	}
}

// isKnown reports whether the path, below start, has met enough interfaces that are known. A path that
// begins where it meets that of another vantage point needs one less: it begins in the middle, where
// each router is probed for many targets.
func (t *Topology) isKnown(p *Path, start uint8) bool {
	met, fresh := p.State.Met(), start+1
	if f := p.State.Fresh(); f != 0 {
		fresh = min(fresh, f)
	}
	overlap := t.cfg.Overlap
	if joined := p.State.Joined(); joined != 0 && joined <= start {
		overlap--
	}
	overlap = max(overlap, 1)
	run := int(fresh) - int(met)
	return met != 0 && (run >= overlap || run > 0 && run == overlap-1 && t.mayEnd(p))
}

// mayEnd reports whether the way back may end one TTL earlier.
func (t *Topology) mayEnd(p *Path) bool {
	if !p.State.IsCommon() {
		return false
	}
	if p.Note&endsEarly == 0 && t.cfg.Known.Repay(p.Target()) {
		p.Note |= endsEarly
	}
	return p.Note&endsEarly != 0
}
