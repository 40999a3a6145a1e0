package plan

import (
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/internal/window"
)

// Learned is the memory of strategies over several runs of one request, such as its shards. One run
// uses it at a time.
type Learned struct {
	Distances *schedule.Distances
	StopSet   *window.StopSet // of strategy topology
	// politeness knows the limits of routers; nil before the first run.
	politeness *schedule.Politeness
	// Tree completes the traces of strategy topology.
	Tree *trace.Tree
	// Shared is set if other vantage points rely on the paths of this one.
	Shared bool
	// Joins remembers where paths meet those of other vantage points, and Others has the latter for
	// the next run; nil if it has none.
	Joins  *schedule.Distances
	Others *window.Others
}

// NewLearned returns an empty memory.
func NewLearned() *Learned {
	return &Learned{
		Distances: schedule.NewDistances(nearEntries), Joins: schedule.NewDistances(nearEntries),
		StopSet: window.NewStopSet(knownEntries), Tree: trace.NewTree(treeNodes),
	}
}

// Politeness returns the politeness of the run. That of a further run of one request knows the
// limits of routers. c is the same for all of them.
func (p *Plan) Politeness(c schedule.PolitenessConfig) *schedule.Politeness {
	if p.learned == nil {
		return schedule.NewPoliteness(c)
	}
	if p.learned.politeness == nil {
		p.learned.politeness = schedule.NewPoliteness(c)
	} else {
		p.learned.politeness.Resume()
	}
	return p.learned.politeness
}

// distances returns the table of distances of the run.
func (p *Plan) distances() *schedule.Distances {
	if p.learned != nil {
		return p.learned.Distances
	}
	return schedule.NewDistances(nearEntries)
}

// Known returns the stop set of the run, or nil if its strategy has none. Matcher and strategy share it.
func (p *Plan) Known() *window.StopSet {
	if p.learned != nil && p.Backward() {
		p.learned.StopSet.Heed(p.learned.Others)
		return p.learned.StopSet
	}
	if p.known == nil {
		p.known = p.StopSet()
	}
	return p.known
}

// tree returns the tree that completes the traces of the run, or nil.
func (p *Plan) tree() *trace.Tree {
	if p.learned != nil && p.Stitch {
		return p.learned.Tree
	}
	return p.Tree()
}
