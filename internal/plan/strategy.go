package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/internal/window"
)

// The strategies, by name.
const (
	Exhaustive = "exhaustive"
	Complete   = "complete"
	Topology   = "topology"
	Multipath  = "multipath"
)

// Sizes of the shared tables of strategies, in entries of 8 bytes. They are large enough
// for all prefixes in progress of a busy scan, and for the interfaces of the Internet at a
// few TTLs each.
const (
	nearEntries  = 1 << 18
	knownEntries = 1 << 21
	treeNodes    = 1 << 20  // of trace.NodeOctets: interfaces at a TTL each
	branchOctets = 32 << 20 // of multipath.Known; in bytes
)

// strategy is the implementation of a named strategy.
type strategy struct {
	// defaults replace parameters that are zero. Parameters that are zero here,
	// too, are not the strategy's.
	defaults record.Strategy
	// make returns the strategy, nil for a schedule of its own.
	make func(schedule.StrategyConfig) schedule.Strategy
}

// strategies are those that there are. The defaults of topology are a point on the curve
// of probes against interfaces that bench/strategy draws.
var strategies = map[string]strategy{
	Exhaustive: {},
	Complete: {record.Strategy{GapLimit: 5},
		func(c schedule.StrategyConfig) schedule.Strategy { return schedule.NewComplete(c) }},
	Topology: {record.Strategy{GapLimit: 3, Overlap: 3, Stitch: true},
		func(c schedule.StrategyConfig) schedule.Strategy { return schedule.NewTopology(c) }},
	Multipath: {record.Strategy{GapLimit: 5, MultipathOptions: record.MultipathOptions{
		Confidence: 0.95, Scope: ScopeBalancer, MDA: record.Lite.String(), MaxBranches: 100,
	}}, nil},
}

// The scopes of the confidence of strategy multipath, by name.
const (
	ScopeBalancer = "balancer"
	ScopeTrace    = "trace"
)

// strategyOptions are the options of strategies, as a resume compares them.
var strategyOptions = []option{
	{"Strategy", "strategy", func(p *Params) any { return p.Strategy.Strategy }, fixed},
	{"GapLimit", "gap_limit", func(p *Params) any { return p.GapLimit }, fixed},
	{"Overlap", "overlap", func(p *Params) any { return p.Overlap }, fixed},
	{"Stitch", "stitch", func(p *Params) any { return p.Stitch }, fixed},
	{"NoStop", "no_stop", func(p *Params) any { return p.NoStop }, fixed},
	{"Confidence", "confidence", func(p *Params) any { return p.Confidence }, fixed},
	{"Scope", "confidence_scope", func(p *Params) any { return p.Scope }, fixed},
	{"MDA", "mda", func(p *Params) any { return p.MDA }, fixed},
	{"MaxBranches", "max_branches", func(p *Params) any { return p.MaxBranches }, fixed},
	{"MaxProbes", "max_probes", func(p *Params) any { return p.MaxProbes }, fixed},
	{"HashFields", "hash_fields", func(p *Params) any { return p.HashFields }, fixed},
	{"NoBorrow", "no_borrow", func(p *Params) any { return p.NoBorrow }, fixed},
}

// withDefaults returns s with defaults for parameters that are zero, and without those
// that are not the strategy's. An unknown name is an error.
func withDefaults(s record.Strategy) (record.Strategy, error) {
	known, ok := strategies[s.Strategy]
	if !ok {
		var names []string
		for name := range strategies {
			names = append(names, name)
		}
		slices.Sort(names)
		return s, Refuse("Strategy", "%q is not a strategy: use one of %s", s.Strategy, strings.Join(names, ", "))
	}
	d := known.defaults
	if d.GapLimit == 0 {
		s.GapLimit = 0
	}
	if d.Overlap == 0 {
		s.Overlap = 0
	}
	s.GapLimit, s.Overlap = cmp.Or(s.GapLimit, d.GapLimit), cmp.Or(s.Overlap, d.Overlap)
	s.Stitch = s.Stitch && d.Stitch
	s.MultipathOptions = multipathWithDefaults(s.MultipathOptions, d.MultipathOptions)
	return s, nil
}

// multipathWithDefaults returns m with the defaults d for parameters that are zero. It returns zero
// parameters if d has none: the strategy is another one.
func multipathWithDefaults(m, d record.MultipathOptions) record.MultipathOptions {
	if d == (record.MultipathOptions{}) {
		return d
	}
	m.Confidence, m.Scope = cmp.Or(m.Confidence, d.Confidence), cmp.Or(m.Scope, d.Scope)
	m.MDA, m.MaxBranches = cmp.Or(m.MDA, d.MDA), cmp.Or(m.MaxBranches, d.MaxBranches)
	return m
}

// Backward reports whether traces begin near their ends.
func (p *Params) Backward() bool { return p.Strategy.Strategy == Topology }

// StopSet returns the stop set of the strategy, or nil if it has none.
func (p *Params) StopSet() *window.StopSet {
	if !p.Backward() {
		return nil
	}
	return window.NewStopSet(knownEntries)
}

// Tree returns the tree that completes traces, or nil.
func (p *Params) Tree() *trace.Tree {
	if !p.Stitch {
		return nil
	}
	return trace.NewTree(treeNodes)
}

// Schedules returns a function that makes the schedule of each sender. They share one
// memory of the scan.
func (p *Plan) Schedules() func(schedule.Config) schedule.Schedule {
	kind := strategies[p.Strategy.Strategy]
	switch {
	case p.paths != nil:
		return func(c schedule.Config) schedule.Schedule { return schedule.NewMultipath(c, p.paths) }
	case kind.make == nil:
		return func(c schedule.Config) schedule.Schedule { return schedule.NewExhaustive(c) }
	}
	c := schedule.StrategyConfig{GapLimit: p.GapLimit, Overlap: p.Overlap, Distances: p.distances(), Known: p.Known()}
	if p.learned != nil {
		c.Others, c.Joins, c.Shared = p.learned.Others, p.learned.Joins, p.learned.Shared
	}
	shared := kind.make(c)
	return func(c schedule.Config) schedule.Schedule { return schedule.NewAdaptive(c, shared) }
}

// scheduleOctets returns the memory of the schedule for a target, in bytes.
func (p *Params) scheduleOctets() uint64 {
	if p.Strategy.Strategy == Multipath {
		return schedule.MultipathOctets
	}
	if strategies[p.Strategy.Strategy].make == nil {
		return 0
	}
	return uint64(p.Shape.Flows) * schedule.PathOctets
}

// Assembler returns the configuration of an assembler of the plan's traces. Sources must be
// known.
func (p *Plan) Assembler(c *codec.Codec, faults *window.Faults) trace.AssemblerConfig {
	cfg := trace.AssemblerConfig{
		Method: p.ProbeMethod, Source4: probe.AddrFrom(p.Source4), Source6: probe.AddrFrom(p.Source6),
		Size4: c.Size(true), Size6: c.Size(false),
		DstPort: p.DstPort, TOS: p.TOS, Wait: p.Wait(), Flows: c,
		Faults: faults, GapLimit: p.GapLimit, Backward: p.Backward(), Tree: p.tree(), Multipath: p.paths,
	}
	if p.together() > 1 {
		cfg.Prefix4, cfg.Prefix6 = p.Granularity4, p.Granularity6
	}
	return cfg
}
