package plan

import (
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/window"
)

// Learned is the memory of strategies over several runs of one request, such as its shards. One run
// uses it at a time.
type Learned struct {
	Distances *schedule.Distances
	StopSet   *window.StopSet // of strategy topology
}

// NewLearned returns an empty memory.
func NewLearned() *Learned {
	return &Learned{Distances: schedule.NewDistances(nearEntries), StopSet: window.NewStopSet(knownEntries)}
}

// distances returns the table of distances of the run.
func (p *Plan) distances() *schedule.Distances {
	if p.learned != nil {
		return p.learned.Distances
	}
	return schedule.NewDistances(nearEntries)
}

// Known returns the stop set of the run, or nil if its strategy has none.
func (p *Plan) Known() *window.StopSet {
	if p.learned != nil && p.Backward() {
		return p.learned.StopSet
	}
	return p.StopSet()
}
