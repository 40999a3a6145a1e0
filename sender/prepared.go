package sender

import (
	"unsafe"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/memory"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// prepared holds the codec's results for each (target, flow) of the live windows. Windows on demand
// have too many flows for that, and few probes of each: their probes are prepared one by one.
type prepared struct {
	shape   window.Shape
	one     codec.Prepared // the last probe of a window on demand
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

// PreparedOctets returns the memory of a sender for each target of a window, in bytes.
func PreparedOctets(s window.Shape) uint64 {
	if s.IsOnDemand() {
		return 0
	}
	return uint64(s.Flows) * uint64(unsafe.Sizeof(codec.Prepared{})+unsafe.Sizeof(state(0)))
}

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
	if s.ready.shape.IsOnDemand() {
		return s.prepareOne(item)
	}
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
		if s.isAllowed(target) {
			w.state[i] = allowed
			s.cfg.Codec.Prepare(&w.flows[i], target, item.Flow)
		}
	}
	if w.state[i] == excluded {
		return nil
	}
	return &w.flows[i]
}

// prepareOne is prepare in a window on demand. The result is valid until the next call.
func (s *Sender) prepareOne(item window.Item) *codec.Prepared {
	target := item.Window.Target(int(item.Target))
	if !s.isAllowed(target) {
		return nil
	}
	s.cfg.Codec.Prepare(&s.ready.one, target, item.Flow)
	return &s.ready.one
}

// isAllowed is the last check of a target.
func (s *Sender) isAllowed(target probe.Addr) bool {
	return s.cfg.Allowed.Contains(target) && !s.cfg.Codec.Source(target.Is4()).IsZero()
}
