package engine

import (
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/matcher"
)

// The strategies, by the names that --strategy takes.
const (
	Exhaustive = "exhaustive"
	Complete   = "complete"
	Topology   = "topology"
)

// strategy is which probes a scan makes of all that it could. Zero values of its
// parameters are the defaults.
type strategy struct {
	// Strategy is empty in captures from before there was a choice: exhaustive.
	Strategy string `json:"strategy,omitempty"`
	// GapLimit is how many silent TTLs in a row end a trace.
	GapLimit int `json:"gap_limit,omitempty"`
	// Overlap is how many TTLs topology follows a path back behind the last
	// interface that was new.
	Overlap int `json:"overlap,omitempty"`
	// Stitch completes traces of topology by what others know.
	Stitch bool `json:"stitch,omitempty"`
}

// Defaults of the parameters. Those of topology are a point on the curve of probes
// against interfaces that bench/strategy draws.
const (
	completeGapLimit = 5
	topologyGapLimit = 3
	topologyOverlap  = 3
)

// Sizes of what strategies learn over a scan, in entries of 8 octets: for all
// prefixes that a busy scan is in the middle of, and for the interfaces of the
// Internet at a few TTLs each.
const (
	nearEntries  = 1 << 18
	knownEntries = 1 << 21
	// Nodes of trace.NodeOctets: interfaces at a TTL each.
	treeNodes = 1 << 20
)

// withDefaults returns s with what was not asked for.
func (s strategy) withDefaults() strategy {
	switch s.Strategy {
	case Complete:
		s.Overlap, s.Stitch = 0, false
		if s.GapLimit == 0 {
			s.GapLimit = completeGapLimit
		}
	case Topology:
		if s.GapLimit == 0 {
			s.GapLimit = topologyGapLimit
		}
		if s.Overlap == 0 {
			s.Overlap = topologyOverlap
		}
	default:
		s = strategy{Strategy: Exhaustive}
	}
	return s
}

// stopSet returns what the matcher has to keep for the strategy, nil for nothing.
func (s strategy) stopSet() *window.StopSet {
	if s.Strategy != Topology {
		return nil
	}
	return window.NewStopSet(knownEntries)
}

// tree returns what completes traces, nil if nothing does.
func (s strategy) tree() *trace.Tree {
	if !s.Stitch {
		return nil
	}
	return trace.NewTree(treeNodes)
}

// backward reports whether traces begin near their ends.
func (s strategy) backward() bool { return s.Strategy == Topology }

// schedules returns what makes the schedule of each sender: they share what they
// learn.
func (s strategy) schedules() func(schedule.Config) schedule.Schedule {
	if s.Strategy == Exhaustive {
		return func(c schedule.Config) schedule.Schedule { return schedule.NewExhaustive(c) }
	}
	shared := schedule.StrategyConfig{
		GapLimit: s.GapLimit, Overlap: s.Overlap, Near: schedule.NewNear(nearEntries),
	}
	var chosen schedule.Strategy = schedule.NewComplete(shared)
	if s.Strategy == Topology {
		chosen = schedule.NewTopology(shared)
	}
	return func(c schedule.Config) schedule.Schedule { return schedule.NewAdaptive(c, chosen) }
}

// octetsPerTarget returns what the strategy's schedule keeps of a target.
func (s strategy) octetsPerTarget(shape window.Shape) uint64 {
	if s.Strategy == Exhaustive {
		return 0
	}
	return uint64(shape.Flows) * schedule.MemoryOctets
}

// watch returns what the matcher tells of answers, nil if nobody wants to know.
func (s *scan) watch() matcher.Watch {
	if s.manners == nil {
		return nil
	}
	return s.manners
}
