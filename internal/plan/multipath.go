package plan

import (
	"github.com/masstrace/masstrace/internal/multipath"
	"github.com/masstrace/masstrace/internal/record"
)

// setMultipath makes the configuration of strategy multipath, and leaves that of other strategies nil.
func (p *Plan) setMultipath() (err error) {
	if p.Strategy.Strategy != Multipath {
		return nil
	}
	p.paths, err = PathSearch(p.Strategy, multipath.Config{
		Method: p.ProbeMethod, FirstTTL: p.Shape.FirstTTL, LastTTL: p.Shape.LastTTL, Attempts: p.Asked,
	})
	return err
}

// PathSearch completes the configuration c of strategy multipath by the parameters of s.
func PathSearch(s record.Strategy, c multipath.Config) (*multipath.Config, error) {
	s, err := withDefaults(s)
	if err != nil {
		return nil, err
	}
	if c.MDA, err = record.ParseMDA(s.MDA); err != nil {
		return nil, Refuse("MDA", "%w", err)
	}
	c.Confidence, c.MaxBranches, c.MaxProbes = s.Confidence, s.MaxBranches, s.MaxProbes
	c.HashFields, c.GapLimit, c.MaxFlows = s.HashFields, s.GapLimit, multipath.MaxFlows
	if s.Scope == ScopeTrace {
		c.Scope = multipath.PerTrace
	}
	c.Known, c.Borrow = multipath.NewKnown(branchOctets), !s.NoBorrow
	if err := c.Validate(); err != nil {
		return nil, &ConfigError{Err: err}
	}
	return &c, nil
}

// mostTogether is how many targets of a prefix are next to each other in the order, at most. They
// are probed at the same time.
const mostTogether = 64

// together returns how many targets of a prefix must be next to each other, so that one window has
// them. Only strategy multipath compares them.
func (p *Params) together() uint64 {
	if p.Strategy.Strategy != Multipath {
		return 1
	}
	return min(p.PerPrefix, mostTogether)
}
