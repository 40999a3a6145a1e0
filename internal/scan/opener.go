package scan

import (
	"context"

	"github.com/masstrace/masstrace/internal/target"
	"github.com/masstrace/masstrace/internal/window"
)

// Opener fills windows with targets, ahead of the scheduler.
type Opener struct {
	Order *target.Order
	Shape window.Shape
	Set   *window.Set

	free  <-chan *window.Window // cleared ones
	ready []chan *window.Window // one for each sender
}

// run opens the windows from number first to, not including, windows, until all are open
// or stop ends, and closes ready. It returns the number of the first that it did not open.
func (o *Opener) run(stop context.Context, first, windows uint64) (taken uint64) {
	defer func() {
		for _, ready := range o.ready {
			close(ready)
		}
	}()
	for id := first; id < windows; id++ {
		var w *window.Window
		select {
		case w = <-o.free:
		case <-stop.Done():
			return id
		}
		o.Open(w, id)
		w.Share(len(o.ready))
		for _, ready := range o.ready {
			ready <- w // has room for every window there is
		}
	}
	return max(first, windows)
}

// Open makes the cleared w the live window number id.
func (o *Opener) Open(w *window.Window, id uint64) {
	w.Open(id)
	last := min(w.Position+uint64(o.Shape.Targets), o.Order.Len())
	for i := w.Position; i < last; i++ {
		w.Append(o.Order.At(i))
	}
	o.Set.Put(w)
}
