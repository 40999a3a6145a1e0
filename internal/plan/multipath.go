package plan

import (
	"github.com/masstrace/masstrace/internal/multipath"
	"github.com/masstrace/masstrace/internal/record"
)

// setMultipath makes the configuration of strategy multipath, and leaves that of other strategies nil.
func (p *Plan) setMultipath() error {
	if p.Strategy.Strategy != Multipath {
		return nil
	}
	variant, err := record.ParseMDA(p.MDA)
	if err != nil {
		return Refuse("MDA", "%w", err)
	}
	c := &multipath.Config{
		Confidence: p.Confidence, MaxBranches: p.MaxBranches, MaxProbes: p.MaxProbes, MDA: variant, Method: p.ProbeMethod,
		HashFields: p.HashFields, FirstTTL: p.Shape.FirstTTL, LastTTL: p.Shape.LastTTL, Attempts: p.Attempts,
		GapLimit: p.GapLimit, MaxFlows: multipath.MaxFlows,
	}
	if p.Scope == ScopeTrace {
		c.Scope = multipath.PerTrace
	}
	if !p.NoBorrow {
		c.Known, c.Borrow = multipath.NewKnown(branchOctets), true
	}
	if err := c.Validate(); err != nil {
		return &ConfigError{Err: err}
	}
	p.paths = c
	return nil
}
