package schedule

// Topology finds the interfaces of a network with few probes, as Doubletree does
// (Donnet, Raoult, Friedman and Crovella, 2005): paths from one vantage point are a
// tree, so that a path begins near its end and is followed back only to where it
// meets what is known.
//
// One known interface may be where the branches of a balancer come together again,
// with others before it. So the way back ends Overlap TTLs below the last
// interface that was new. Forward it goes as Complete does.
type Topology struct {
	cfg StrategyConfig
}

// NewTopology returns the strategy. The matcher must have a window.StopSet.
func NewTopology(cfg StrategyConfig) *Topology { return &Topology{cfg: cfg} }

// Next implements Strategy.
func (t *Topology) Next(p *Path) Step {
	f := t.cfg.forecast(p)
	if p.Sent == 0 {
		return Step(p.Within(f.first() - 1)) // the last router rather than the target
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
	case !ok || exact && uint8(ttl) == top: // the target has answered already
		return Enough
	case t.cfg.endless(p, f, ttl, top):
		return Enough
	}
	return ttl
}

// isKnown reports whether the path meets what is known below start.
func (t *Topology) isKnown(p *Path, start uint8) bool {
	met, fresh := p.State.Met(), start+1
	if f := p.State.Fresh(); f != 0 {
		fresh = min(fresh, f)
	}
	return met != 0 && int(met)+t.cfg.Overlap <= int(fresh)
}
