package trace

import (
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// learn adds the links of all paths of w to the tree, before any path is completed from it.
func (a *Assembler) learn(w *window.Window) {
	for target := range uint32(w.Len()) {
		for flow := range uint16(w.Shape().Flows) {
			a.learnPath(w, window.Slot{Target: target, Flow: flow})
		}
	}
}

// learnPath adds the links of one path. It links two hops only if every TTL between them was
// probed: at a TTL without a probe there may be any router. In a routing loop it links the hops up
// to the loop and none of the repetition. If the hops up to the loop were not seen, it links none
// of the loop.
func (a *Assembler) learnPath(w *window.Window, slot window.Slot) {
	path, gaps := a.path[:0], uint64(0)
	for slot.TTL = w.Shape().FirstTTL; slot.TTL <= w.Shape().LastTTL; slot.TTL++ {
		addr, clear := a.router(w, slot)
		if !clear {
			gaps |= 1 << slot.TTL
		} else if !addr.IsZero() {
			path = append(path, record.Interface{TTL: slot.TTL, Addr: addr})
		}
	}
	a.path = path
	var below record.Interface
	clear := false // below is not a repetition
	for i, at := range path {
		joined := below.TTL != 0 && gaps&(1<<at.TTL-1<<below.TTL) == 0
		was := clear && joined
		switch {
		// A router forwarded an expired probe, so that the next one answered twice.
		case joined && at == (record.Interface{TTL: below.TTL + 1, Addr: below.Addr}):
			clear = was
		case appears(path[:i], at.Addr):
			clear = false
		default:
			clear = was || !appears(path[i+1:], at.Addr)
		}
		if was && clear {
			a.cfg.Tree.Link(at, below)
		}
		below = at
	}
}

// appears reports whether a router is on a path.
func appears(path []record.Interface, router probe.Addr) bool {
	return slices.ContainsFunc(path, func(k record.Interface) bool { return k.Addr == router })
}

// router returns the router that answered the probes of a TTL by a time exceeded, zero if none did.
// clear is false if no probe was sent, or if several routers answered.
func (a *Assembler) router(w *window.Window, slot window.Slot) (addr probe.Addr, clear bool) {
	if w.Sent(slot) <= 0 {
		return addr, false
	}
	for int(slot.Attempt) < w.Shape().Attempts {
		if e := w.Reply(slot); e != nil && e.Kind == probe.KindTTLExceeded && e.Responder != e.Probe.Target {
			if !addr.IsZero() && addr != e.Responder {
				return addr, false
			}
			addr = e.Responder
		}
		slot.Attempt++
	}
	return addr, true
}

// stitch fills Inferred: the hops that were not probed because the path was known. They come from
// other traces.
func (a *Assembler) stitch(t *record.Trace) {
	if t.Met.TTL == 0 {
		return
	}
	a.cfg.Tree.Before(t.Met, func(k record.Interface) { t.Inferred = append(t.Inferred, k) })
	slices.Reverse(t.Inferred)
}
