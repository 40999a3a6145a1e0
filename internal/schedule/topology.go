package schedule

// Topology finds the interfaces of a network with few probes, as Doubletree does (Donnet, Raoult,
// Friedman and Crovella, 2005). Paths from one vantage point form a tree. So a trace begins near
// the end of its path, and goes back only until it meets an interface that is known.
//
// At one known interface the branches of a load balancer may join, with unknown interfaces before
// it. So the way back ends Overlap TTLs below the last new interface. Forward, Topology does as
// Complete.
type Topology struct {
	cfg StrategyConfig
}

// NewTopology returns the strategy. The matcher must have a window.StopSet.
func NewTopology(cfg StrategyConfig) *Topology { return &Topology{cfg: cfg} }

// Next implements Strategy.
func (t *Topology) Next(p *Path) Step {
	f := t.cfg.forecast(p)
	if p.Sent == 0 {
		return Step(p.Within(f.first() - 1)) // probably the last router
	}
	if p.Pending() {
		return Await
	}
	top, exact := bounds(p)
	t.cfg.Distances.learnFrom(p, top, exact)
	if top < p.First() {
		return Enough
	}
	start := min(p.Within(f.first()-1), top)
	if !t.isKnown(p, start) {
		if ttl, ok := p.Highest(p.First(), start-1); ok {
			return ttl
		}
	}
	ttl, ok := p.Lowest(start, top)
	switch {
	case !ok || exact && uint8(ttl) == top && !p.proves(): // the target has answered already
		return Enough
	case t.cfg.endless(p, f, ttl, top):
		return Enough
	}
	return ttl
}

// isKnown reports whether the path, below start, has met interfaces that are known.
func (t *Topology) isKnown(p *Path, start uint8) bool {
	met, fresh := p.State.Met(), start+1
	if f := p.State.Fresh(); f != 0 {
		fresh = min(fresh, f)
	}
	return met != 0 && int(met)+t.cfg.Overlap <= int(fresh)
}
