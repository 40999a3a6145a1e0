package window

import "sync/atomic"

// Live is how many windows may be probed at once. A window waits for the slowest of its paths and
// for late replies, some seconds in all. Meanwhile the windows after it are probed.
const Live = 48

// Set holds the live windows, so that the matcher finds them by number. It also holds the time up
// to which replies have been matched, and the faults of this machine.
type Set struct {
	// Faults are complete up to the time that Matched returns.
	Faults Faults

	// Sealed6 is set, before the first Put, if probes over IPv6 carry a seal. Without it, more
	// true replies are withheld under attack.
	Sealed6 bool

	shape     Shape
	cut       Cut
	others    *Responders // nil while one target has been put
	windows   [Live]atomic.Pointer[Window]
	watermark atomic.Int64
}

// NewSet returns an empty set for windows of shape s.
func NewSet(s Shape) *Set { return &Set{shape: s, cut: s.Cut()} }

// Put makes w live. The window with the same place must have been removed before.
func (s *Set) Put(w *Window) {
	// One target teaches nothing about itself, and a trace has one.
	if s.others == nil && (s.shape.Targets > 1 || w.ID > 0) {
		s.others = new(Responders)
	}
	w.others, w.sealed6 = s.others, s.Sealed6
	if !s.windows[w.ID%Live].CompareAndSwap(nil, w) {
		panic("window: two live windows share a place")
	}
}

// Remove removes w. Only the matcher calls it.
func (s *Set) Remove(w *Window) { s.windows[w.ID%Live].Store(nil) }

// At returns the live window that contains the target at a position of the order, and the index of
// the target in it. It returns nil if that window is not live.
func (s *Set) At(position uint64) (w *Window, target uint32) {
	w = s.Get(s.cut.Window(position))
	if w == nil {
		return nil, 0
	}
	return w, uint32(position - w.Position)
}

// Number returns the number of the window, live or not, that contains a position of the order.
func (s *Set) Number(position uint64) uint64 { return s.cut.Window(position) }

// Get returns the live window number id, or nil.
func (s *Set) Get(id uint64) *Window {
	w := s.windows[id%Live].Load()
	if w == nil || w.ID != id {
		return nil
	}
	return w
}

// Shape returns the shape of the windows.
func (s *Set) Shape() Shape { return s.shape }

// All calls yield for every live window.
func (s *Set) All(yield func(*Window) bool) {
	for i := range s.windows {
		if w := s.windows[i].Load(); w != nil && !yield(w) {
			return
		}
	}
}

// Matched returns the time, ns since the Unix epoch, before which every reply
// received has been matched.
func (s *Set) Matched() int64 { return s.watermark.Load() }

// SetMatched advances Matched. Only the matcher calls it.
func (s *Set) SetMatched(ns int64) { s.watermark.Store(ns) }

// Item is a probe to be sent: a slot of a window.
type Item struct {
	Window *Window
	Slot
}

// Fetch loads the slots of items, so that the processor brings all of them into its cache at once.
// Otherwise each later use of a slot would wait for memory in turn.
func Fetch(items []Item) {
	for i := range items {
		s := &items[i]
		w := s.Window
		if w.pages != nil {
			w.Find(s.Slot)
			continue
		}
		if p := w.plane(s.Flow, s.Attempt).Load(); p != nil {
			(*p)[w.index(s.Slot)].sent.Load()
		}
	}
}
