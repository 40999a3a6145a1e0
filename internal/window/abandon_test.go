package window

import "testing"

// A window with an abandoned part is over at once, in any order of its parts.
func TestAbandon(t *testing.T) {
	const later = 1 << 60
	for order, closing := range [][2]func(*Window){
		{(*Window).Abandon, func(w *Window) { w.Close(later, false) }},
		{func(w *Window) { w.Close(later, false) }, (*Window).Abandon},
		{(*Window).Abandon, (*Window).Abandon},
	} {
		w := New(Shape{Targets: 1, FirstTTL: 1, LastTTL: 2, Flows: 1, Attempts: 1})
		w.Open(0)
		w.Share(2)
		closing[0](w)
		if w.Deadline() != 0 {
			t.Errorf("order %d: over while a part is open", order)
		}
		closing[1](w)
		if w.Deadline() != 1 || !w.Halted() {
			t.Errorf("order %d: deadline %d, halted %t; want 1, true", order, w.Deadline(), w.Halted())
		}
		w.Reset()
		w.Open(0)
		w.Close(later, false)
		if w.Deadline() != later || w.Halted() {
			t.Errorf("order %d: after Reset deadline %d, halted %t", order, w.Deadline(), w.Halted())
		}
	}
}
