package trace

import (
	"github.com/masstrace/masstrace/probe"
	"github.com/masstrace/masstrace/window"
)

// doubt returns the UDP reply of target over flow that is not believed, or nil.
//
// Behind a box that rewrites what the first tag rides in, a router that quotes no
// second one gives a tag by chance once in 65,536 for each probe that there may
// be: then it is as likely to be any. No first tag comes through there, all do
// before. So where some do not, the quotation with the highest TTL of those that
// bear one is doubted if it bears no other and the TTL before shows none.
func (a *Assembler) doubt(w *window.Window, target uint32, flow uint16) *window.Entry {
	if a.cfg.Method != probe.UDP || !w.State(target, flow).Garbled() {
		return nil
	}
	s := w.Shape()
	for ttl := s.LastTTL; ttl >= s.FirstTTL; ttl-- {
		e, more := vouching(w, target, flow, ttl)
		if e == nil {
			continue
		}
		if !e.Alone() || more || ttl == s.FirstTTL {
			return nil
		}
		if before, _ := vouching(w, target, flow, ttl-1); before != nil {
			return nil
		}
		return e
	}
	return nil
}

// vouching returns a reply whose checksum came through, nil if there is none at
// that TTL, and whether there are more.
func vouching(w *window.Window, target uint32, flow uint16, ttl uint8) (first *window.Entry, more bool) {
	slot := window.Slot{Target: target, Flow: flow, TTL: ttl}
	for ; slot.Attempt < uint8(w.Shape().Attempts); slot.Attempt++ {
		e := w.Reply(slot)
		switch {
		case e == nil || !e.Vouches():
		case first != nil:
			return first, true
		default:
			first = e
		}
	}
	return first, false
}
