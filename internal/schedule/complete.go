package schedule

// Complete finds whole paths with few probes: every TTL up to the end of the
// path, and as few beyond it as it takes to know that it is the end.
//
// The first probe goes to where the target is likely to be. If the target
// answers, its distance is known at once (UDP), or is not greater (ICMP, TCP). If a
// router does, the path is longer. Then follow, in random order, the TTLs that are
// certainly on the path, or nearly so; from there on one after another, until the
// target answers, somebody says that it cannot be reached, the path runs in a
// loop, or so many TTLs are silent that nothing will answer any more.
type Complete struct {
	cfg StrategyConfig
}

// StrategyConfig is what strategies share.
type StrategyConfig struct {
	// GapLimit is how many silent TTLs in a row end a path.
	GapLimit int
	// Overlap is how far Topology follows a path back below the last interface
	// that was new, in TTLs.
	Overlap   int
	Distances *Distances
}

// NewComplete returns the strategy.
func NewComplete(cfg StrategyConfig) *Complete { return &Complete{cfg: cfg} }

// Next implements Strategy.
func (c *Complete) Next(p *Path) Step {
	f := c.cfg.forecast(p)
	if p.Sent == 0 {
		return Step(p.Within(f.first()))
	}
	top, exact := bounds(p)
	c.cfg.Distances.learnFrom(p, top, exact)
	// Up to sure every TTL is on the path, or the forecast says so.
	sure := min(max(p.State.Exceeded(), p.Within(f.first()-2)), top)
	if exact {
		sure = top
	}
	if ttl, ok := p.Any(p.First(), sure); ok {
		return ttl
	}
	ttl, ok := p.Lowest(p.First(), top)
	if !ok {
		return Enough
	}
	pending := p.Pending()
	switch {
	case pending && !c.mayHurry(p, f):
		return Await
	case !c.cfg.endless(p, f, ttl, top):
		return ttl
	case pending:
		return Await
	}
	return Enough
}

// mayHurry reports whether the next TTL is sent while answers are awaited: where that
// holds up the whole scan, two beyond the last router, and more where the path leads
// farther than the forecast says.
func (c *Complete) mayHurry(p *Path, f forecast) bool {
	longer := int(p.State.Exceeded()) - f.first()
	return p.Idle() && p.Ahead() < 2+min(max(longer/2, 0), 2)
}
