package window

import "github.com/masstrace/masstrace/internal/account"

// Open gives the empty w the number id and one part. Append then adds its targets.
func (w *Window) Open(id uint64) {
	w.ID, w.Position = id, w.cut.Begin(id)
	w.parts.Store(1)
}

// Share divides w into parts, one for each sender. It must be called before any sender uses w.
func (w *Window) Share(parts int) { w.parts.Store(int32(parts)) }

// Close closes one part: no probe of it will follow. Replies stamped before deadline, ns since the
// Unix epoch, still count. halted means that probes were left out because the run was stopped. When
// all parts are closed, w is closed with the latest deadline. After Close the caller must not touch
// w.
func (w *Window) Close(deadline int64, halted bool) {
	if halted {
		w.halted.Store(true)
	}
	for {
		latest := w.latest.Load()
		if deadline <= latest || w.latest.CompareAndSwap(latest, deadline) {
			break
		}
	}
	if w.parts.Add(-1) == 0 { // all other parts have stored their deadlines before
		if w.abandoned.Load() {
			w.latest.Store(0)
		}
		w.deadline.Store(max(w.latest.Load(), 1)) // 0 would mean that w is open
	}
}

// Abandon closes one part of a window that another process will probe again. Then the window is
// halted, and its deadline has passed when all parts are closed. Deadlines of other parts do not
// count.
func (w *Window) Abandon() {
	w.abandoned.Store(true)
	w.Close(0, true)
}

// Leave marks a window that another process will probe again, although all its probes were sent.
// All parts must be closed.
func (w *Window) Leave() { w.halted.Store(true) }

// Deadline returns the time at which w ends, in ns since the Unix epoch. It returns 0 while a part
// is open.
func (w *Window) Deadline() int64 { return w.deadline.Load() }

// Halted reports whether the run was stopped before all probes were sent. It may be called after
// Deadline returns a time that is not 0.
func (w *Window) Halted() bool { return w.halted.Load() }

// Reset empties w for the next Open. It keeps the memory.
func (w *Window) Reset() {
	if w.pages != nil {
		w.resetPages()
	} else {
		w.resetPaths(len(w.paths))
	}
	clear(w.targets)
	w.targets = w.targets[:0]
	for i := range w.planes {
		if p := w.planes[i].Load(); p != nil {
			clear(*p)
		}
	}
	w.arena.reset()
	clear(w.floods)
	w.Heard = account.Heard[uint64]{}
	w.deadline.Store(0)
	w.latest.Store(0)
	w.halted.Store(false)
	w.abandoned.Store(false)
}

// resetPaths clears the first n paths.
func (w *Window) resetPaths(n int) {
	clear(w.states[:n])
	clear(w.paths[:n])
	clear(w.known[:min(n, len(w.known))])
}
