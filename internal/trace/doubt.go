package trace

import (
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// doubts are the replies of a path that are not believed.
type doubts struct {
	one  *window.Entry // this reply, if it is weak; or nil
	weak bool          // all weak replies
}

// has reports whether e, the first reply to its probe, is not believed.
func (d doubts) has(e *window.Entry) bool {
	return e.Valid == probe.Weak && (d.weak || e == d.one)
}

// doubt returns which replies of target over flow are not believed. An attacker that sees probes
// with one TTL can guess the tags of others, and meets a valid one by chance in some thousand
// tries. No honest device on the path causes more invalid quotations than there were probes. So if
// there are more, no weak reply is believed.
func (a *Assembler) doubt(w *window.Window, target uint32, flow uint16) doubts {
	misses := int(w.State(target, flow).Misses())
	if misses > 0 && misses > w.CountPath(target, flow) {
		return doubts{weak: true}
	}
	return doubts{one: a.lone(w, target, flow)}
}

// lone returns the UDP reply of target over flow that is not believed, or nil.
//
// Some devices rewrite the field that carries the first tag. A router after such a device may quote
// no second tag. Then its quotation carries a valid first tag by chance, once in 65,536 for each
// possible probe, and any probe is equally likely. After such a device no true first tag comes
// through, before it all do. So if some first tags did not come through, take the quotation with
// the highest TTL that carries one. It is doubted if it carries no other tag and no other reply
// supports it (see backed).
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

// backed reports whether there is support for the TTL of a reply. Its responder may have answered
// at a lower TTL too, as targets do. Or there is an answer at the TTL before, or at the TTL before
// the lowest that reaches the responder according to the quoted TTL. Or no probe was sent at one of
// these TTLs.
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

// vouching returns a reply at that TTL whose checksum came through, nil if there is none. more
// reports whether there are several.
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
