package follow

import (
	"iter"

	"github.com/masstrace/masstrace/internal/follow/engine"
	"github.com/masstrace/masstrace/internal/probe"
)

// State is the present state of a target.
type State struct {
	Target probe.Addr
	engine.Brief
}

// mostStates is how many states are copied at a time, so that the measurement waits for a short time only.
const mostStates = 1 << 12

// states returns the states of all targets.
func (f *follower) states() iter.Seq[State] {
	return func(yield func(State) bool) {
		room := make([]State, 0, mostStates)
		for at := 0; ; at += len(room) {
			if room = f.some(room[:0], at); len(room) == 0 {
				return
			}
			for _, s := range room {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// some appends the states from a target on, as many as room has place for.
func (f *follower) some(room []State, from int) []State {
	f.mu.Lock()
	defer f.mu.Unlock()
	targets := f.engine.Targets()
	for i := from; i < len(targets) && len(room) < cap(room); i++ {
		room = append(room, State{targets[i], f.engine.Brief(i)})
	}
	return room
}
