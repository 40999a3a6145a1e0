package engine

import (
	"context"

	"github.com/masstrace/masstrace/target"
	"github.com/masstrace/masstrace/window"
)

// opener fills windows with targets, ahead of the scheduler.
type opener struct {
	order *target.Order
	shape window.Shape
	set   *window.Set
	free  <-chan *window.Window // cleared ones
	ready []chan *window.Window // one for each sender
}

// run opens window after window until all targets are in one or stop ends, and
// closes ready. It returns how many it opened.
func (o *opener) run(stop context.Context, windows uint64) (opened uint64) {
	defer func() {
		for _, ready := range o.ready {
			close(ready)
		}
	}()
	for id := range windows {
		var w *window.Window
		select {
		case w = <-o.free:
		case <-stop.Done():
			return id
		}
		o.open(w, id)
		w.Share(len(o.ready))
		for _, ready := range o.ready {
			ready <- w // has room for every window there is
		}
	}
	return windows
}

// open makes the cleared w the live window number id.
func (o *opener) open(w *window.Window, id uint64) {
	w.Open(id)
	last := min(w.Position+uint64(o.shape.Targets), o.order.Len())
	for i := w.Position; i < last; i++ {
		w.Append(o.order.At(i))
	}
	o.set.Put(w)
}
