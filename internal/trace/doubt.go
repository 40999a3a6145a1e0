package trace

import (
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// doubts are the replies of a path that are not believed.
type doubts struct {
	one  *window.Entry // by itself, or nil
	weak bool          // all that are weak
}

// has reports whether e, the first reply to its probe, is one of them.
func (d doubts) has(e *window.Entry) bool {
	return e.Valid == probe.Weak && (d.weak || e == d.one)
}

// doubt returns which replies of target over flow are not believed. Who sees probes
// with one TTL can make up the tags of others, and meets one by chance in some
// thousand tries: where more quotations have missed than there were probes, which no
// honest box on the way brings about, weak ones tell nothing.
func (a *Assembler) doubt(w *window.Window, target uint32, flow uint16) doubts {
	misses := int(w.State(target, flow).Misses())
	if misses > 0 && misses > w.CountPath(target, flow) {
		return doubts{weak: true}
	}
	return doubts{one: a.lone(w, target, flow)}
}

// lone returns the UDP reply of target over flow that is not believed, or nil.
//
// Behind a box that rewrites what the first tag rides in, a router that quotes no
// second one gives a tag by chance once in 65,536 for each probe that there may
// be: then it is as likely to be any. No first tag comes through there, all do
// before. So where some do not, the quotation with the highest TTL of those that
// bear one is doubted if it bears no other and nothing speaks for it (see backed).
func (a *Assembler) lone(w *window.Window, target uint32, flow uint16) *window.Entry {
	if a.cfg.Method != probe.UDP || !w.State(target, flow).Garbled() {
		return nil
	}
	s := w.Shape()
	for ttl := s.LastTTL; ttl >= s.FirstTTL; ttl-- {
		e, more := vouching(w, target, flow, ttl)
		if e == nil {
			continue
		}
		if !e.Alone() || more || backed(w, e, target, flow) {
			return nil
		}
		return e
	}
	return nil
}

// backed reports whether something speaks for the TTL of a reply: its responder
// answered at a lower TTL too, as targets do; or there is an answer at the TTL
// before, or at the one before that with which a probe just reaches the responder,
// as the quoted TTL tells it; or nobody was asked there.
func backed(w *window.Window, e *window.Entry, target uint32, flow uint16) bool {
	first := w.Shape().FirstTTL
	if e.TTL == first {
		return true
	}
	for ttl := first; ttl < e.TTL; ttl++ {
		if other, _ := vouching(w, target, flow, ttl); other != nil && other.Responder == e.Responder {
			return true
		}
	}
	for _, hops := range []uint8{1, max(e.QuotedTTL, 1)} {
		if e.TTL < first+hops {
			continue
		}
		before := window.Slot{Target: target, Flow: flow, TTL: e.TTL - hops}
		if other, _ := vouching(w, target, flow, before.TTL); other != nil || w.Sent(before) == 0 {
			return true
		}
	}
	return false
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
