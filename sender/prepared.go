package sender

import (
	"unsafe"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/memory"
	"github.com/masstrace/masstrace/internal/window"
)

// prepared holds the codec's results for each (target, flow) of the live windows.
type prepared struct {
	shape   window.Shape
	windows [window.Live]struct {
		id    uint64 // number of the window + 1; 0 for no window
		flows []codec.Prepared
		state []state
	}
}

type state uint8

const (
	unknown state = iota
	allowed
	excluded
)

// PreparedOctets is the memory of a sender for each (target, flow) of a window, in bytes.
const PreparedOctets = uint64(unsafe.Sizeof(codec.Prepared{}) + unsafe.Sizeof(state(0)))

func newPrepared(s window.Shape) prepared { return prepared{shape: s} }

// forget discards the results of the last check, so that every target is checked again.
func (p *prepared) forget() {
	for i := range p.windows {
		clear(p.windows[i].state)
	}
}

// prepare returns the prepared part of item's probe. It returns nil if the target may not be
// probed; then nothing is ever sent to it.
func (s *Sender) prepare(item window.Item) *codec.Prepared {
	w := &s.ready.windows[item.Window.ID%window.Live]
	if w.id != item.Window.ID+1 {
		if w.flows == nil {
			n := s.ready.shape.Targets * s.ready.shape.Flows
			w.flows, w.state = memory.Make[codec.Prepared](n), memory.Make[state](n)
		}
		clear(w.state)
		w.id = item.Window.ID + 1
	}
	i := int(item.Target)*s.ready.shape.Flows + int(item.Flow)
	if w.state[i] == unknown {
		target := item.Window.Target(int(item.Target))
		w.state[i] = excluded
		if s.cfg.Allowed.Contains(target) && !s.cfg.Codec.Source(target.Is4()).IsZero() {
			w.state[i] = allowed
			s.cfg.Codec.Prepare(&w.flows[i], target, item.Flow)
		}
	}
	if w.state[i] == excluded {
		return nil
	}
	return &w.flows[i]
}
