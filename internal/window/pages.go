package window

import (
	"github.com/masstrace/masstrace/internal/memory"
)

// pages is the memory of the slots of a window on demand.
type pages struct {
	tree  *tree  // rows: (target, TTL); lanes: attempts; its cells are slots
	slots []slot // by cell
	paths *tree  // rows: targets; its cells are places in Window.paths
}

func newPages(s Shape) *pages {
	return &pages{
		tree:  newTree(s.Targets*s.TTLs(), s.Attempts, s.slots()),
		slots: memory.Make[slot](s.slots()),
		paths: newTree(s.Targets, 1, s.paths()),
	}
}

// row returns the row of a (target, TTL).
func (w *Window) row(s Slot) int { return int(s.Target)*w.ttls + int(s.TTL-w.shape.FirstTTL) }

// slotOnDemand is slot in a window on demand.
func (w *Window) slotOnDemand(s Slot) *slot {
	cell := w.pages.tree.find(w.row(s), int(s.Attempt), s.Flow)
	if cell < 0 {
		return nil
	}
	return &w.pages.slots[cell]
}

// findPath is pathIndex in a window on demand. It is not inlined, so that pathIndex is.
//
//go:noinline
func (w *Window) findPath(target uint32, flow uint16) int {
	return w.pages.paths.find(int(target), 0, flow)
}

// stateOnDemand is State in a window on demand.
func (w *Window) stateOnDemand(target uint32, flow uint16) State {
	i := w.findPath(target, flow)
	if i < 0 {
		return 0
	}
	return State(w.states[i].Load()) &^ undecided
}

// Reserve reports whether there is room for the slot s and its path, and allocates it. The slots of
// the flows next to it at the same TTL come with it. In a window that is not on demand there is
// always room. Only the sender that owns s calls it.
//
// Without room, the probe must not be sent. There may still be room for other slots: those that
// were allocated with others.
func (w *Window) Reserve(s Slot) bool {
	return w.pages == nil ||
		w.pages.paths.place(int(s.Target), 0, s.Flow) >= 0 && w.pages.tree.place(w.row(s), int(s.Attempt), s.Flow) >= 0
}

// stampOnDemand is Stamp in a window on demand. The path has memory before its first slot is
// stamped.
func (w *Window) stampOnDemand(s Slot, ns int64) {
	slot := w.slotOnDemand(s)
	if slot == nil && w.Reserve(s) {
		slot = w.slotOnDemand(s)
	}
	if slot != nil {
		slot.sent.Store(ns)
	}
}

// countSent returns how many probes were sent.
func (p *pages) countSent() (n uint64) {
	slots := p.slots[:p.tree.cellsUsed()]
	for i := range slots {
		if slots[i].sent.Load() > 0 {
			n++
		}
	}
	return n
}

// resetPages clears the slots and paths in use.
func (w *Window) resetPages() {
	p := w.pages
	w.resetPaths(p.paths.cellsUsed())
	clear(p.slots[:p.tree.cellsUsed()])
	p.tree.reset(len(w.targets) * w.ttls)
	p.paths.reset(len(w.targets))
}
