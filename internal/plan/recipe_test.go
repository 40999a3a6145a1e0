package plan

import (
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/window"
)

// enough is a strategy that probes nothing, and counts how often it is asked.
type enough struct{ asked int }

func (e *enough) Next(*schedule.Path) schedule.Step {
	e.asked++
	return schedule.Enough
}

// One line in the table makes a strategy known by its name, as docs/strategies.md describes it.
func TestRecipe(t *testing.T) {
	const name = "lasthop"
	asked := record.Strategy{Strategy: name, GapLimit: 4, Overlap: 2}
	if _, err := withDefaults(asked); err == nil {
		t.Fatal("an unknown name is accepted")
	}
	s := new(enough)
	strategies[name] = strategy{
		record.Strategy{GapLimit: 9},
		func(schedule.StrategyConfig) schedule.Strategy { return s },
	}
	defer delete(strategies, name)
	got, err := withDefaults(asked)
	if want := (record.Strategy{Strategy: name, GapLimit: 4}); err != nil || got != want {
		t.Fatalf("withDefaults = %+v, %v; want %+v", got, err, want)
	}
	p := &Plan{Params: Params{Strategy: got}}
	shape := window.Shape{Targets: 1, FirstTTL: 1, LastTTL: 1, Flows: 1, Attempts: 1}
	w, set, ready := window.New(shape), window.NewSet(shape), make(chan *window.Window, 1)
	w.Open(0)
	w.Append(probe.Addr4From([4]byte{198, 18, 0, 1}))
	set.Put(w)
	ready <- w
	close(ready)
	sched := p.Schedules()(schedule.Config{Shape: shape, Ready: ready, Set: set})
	if n, next := sched.Next(make([]window.Item, 1), 1); n != 0 || next != schedule.Done || s.asked == 0 {
		t.Errorf("Next = %d, %d after %d questions; want 0, Done after some", n, next, s.asked)
	}
}
