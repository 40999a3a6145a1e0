package window

import "iter"

// Sent is a probe of a window, with its reply.
type Sent struct {
	Stamp    int64    // see Window.Sent; never 0
	Best     *Entry   // nil without a reply
	Standing Standing // of Best
}

// Probes yields all slots of a target whose stamp is not 0, with the best reply to each: by TTL,
// then attempt, then flow. Any goroutine may call it. Probes that are stamped meanwhile may be
// left out.
func (w *Window) Probes(target uint32) iter.Seq2[Slot, Sent] {
	return func(yield func(Slot, Sent) bool) {
		s := Slot{Target: target}
		for s.TTL = w.shape.FirstTTL; s.TTL <= w.shape.LastTTL; s.TTL++ {
			for s.Attempt = 0; int(s.Attempt) < w.shape.Attempts; s.Attempt++ {
				if !w.probesOf(s, yield) {
					return
				}
			}
		}
	}
}

// probesOf yields the slots of the TTL and attempt of s. It returns false if yield does.
func (w *Window) probesOf(s Slot, yield func(Slot, Sent) bool) bool {
	if w.pages == nil {
		for s.Flow = range uint16(w.shape.Flows) {
			if slot := w.slot(s); slot != nil && !w.give(s, slot, yield) {
				return false
			}
		}
		return true
	}
	for r := range w.pages.tree.runs(w.row(s), int(s.Attempt)) {
		for i := range r.n {
			s.Flow = r.flow + uint16(i)
			if !w.give(s, &w.pages.slots[r.cell+i], yield) {
				return false
			}
		}
	}
	return true
}

// give yields a slot if its stamp is not 0.
func (w *Window) give(s Slot, at *slot, yield func(Slot, Sent) bool) bool {
	stamp := at.sent.Load()
	if stamp == 0 {
		return true
	}
	sent := Sent{Stamp: stamp}
	if word := answer(at.reply.Load()); word != 0 {
		sent.Best, sent.Standing = w.arena.entry(word.entry()), word.standing()
	}
	return yield(s, sent)
}

// Flows yields the flows of a target over which a probe was sent, in their order. Any goroutine may
// call it.
func (w *Window) Flows(target uint32) iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		for flow := range w.pathsOf(target) {
			if w.Touched(target, flow) && !yield(flow) {
				return
			}
		}
	}
}
