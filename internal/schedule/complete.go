package schedule

import "github.com/masstrace/masstrace/internal/window"

// Complete finds whole paths with few probes. It probes every TTL up to the end of the path.
// Beyond the end it probes only as many TTLs as it needs to be sure of the end.
//
// The first probe has the TTL at which the target probably is. If the target answers, its
// distance is known (UDP), or an upper bound of it (ICMP, TCP). If a router answers, the path is
// longer. Then follow, in random order, the TTLs that are on the path for certain, or nearly so.
//
// From there it probes TTL after TTL. It ends when the target answers or is reported unreachable,
// when the path is in a loop, or after too many silent TTLs.
type Complete struct {
	cfg StrategyConfig
}

// StrategyConfig holds the parameters of strategies, and the memory that they share.
type StrategyConfig struct {
	// GapLimit is how many silent TTLs in a row end a path.
	GapLimit int
	// Overlap is how many TTLs Topology follows a path back below the last new interface.
	Overlap int
	// Distances remembers how far targets are; nil remembers nothing.
	Distances *Distances
	// Others, unless it is nil, has the paths of another vantage point. Joins remembers where paths
	// meet them.
	Others *window.Others
	Joins  *Distances
	// Shared is set if other vantage points end their traces where ours go on. What Topology gives up
	// would be lost to all of them, so that it goes on through more silent TTLs.
	Shared bool
	// Known is the stop set of the matcher; nil lets no way back of Topology end earlier.
	Known *window.StopSet
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
	// Every TTL up to sure is on the path, or the forecast puts it there.
	sure := min(max(p.State.Heard(), p.Within(f.first()-2)), top)
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
	case !c.cfg.endless(p, c.cfg.withEnd(p, f), ttl, top):
		return ttl
	case pending:
		return Await
	}
	return Enough
}

// mayHurry reports whether the next TTL is sent while an answer is awaited. That is so while
// waiting would delay the whole scan. It allows two TTLs beyond the last router, and more if the
// path is longer than its forecast.
func (c *Complete) mayHurry(p *Path, f forecast) bool {
	longer := int(p.State.Heard()) - f.first()
	return p.Idle() && p.Ahead() < 2+min(max(longer/2, 0), 2)
}
