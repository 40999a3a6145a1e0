package window

// isLone reports whether a is a short reply that probably has a valid tag by chance.
//
// Some devices rewrite the field that carries the first tag. A router after such a device may quote
// no second tag. Then its quotation carries a valid first tag by chance, once in 65,536 for each
// possible probe, and any probe is equally likely. After such a device no true first tag comes
// through, before it all do. So if some first tags did not come through, take the quotation with
// the highest TTL that carries one. It is doubted if it carries no other tag and no other reply
// supports it (see isBacked).
func isLone(w *Window, answers []judged, a *judged) bool {
	for i := range answers {
		o := &answers[i]
		if o.slot != a.slot && o.entry.Vouches() && o.entry.TTL >= a.entry.TTL {
			return false
		}
	}
	return !isBacked(w, answers, a.entry)
}

// isBacked reports whether there is support for the TTL of a reply. Its responder may have answered
// at a lower TTL too, as targets do. Or there is an answer at the TTL before, or at the TTL before
// the lowest that reaches the responder according to the quoted TTL. Or no probe was sent at one of
// these TTLs.
func isBacked(w *Window, answers []judged, e *Entry) bool {
	first := w.shape.FirstTTL
	if e.TTL == first {
		return true
	}
	heard := uint64(0) // TTLs whose first tags came through
	for i := range answers {
		o := answers[i].entry
		if !o.Vouches() {
			continue
		}
		heard |= 1 << o.TTL
		if o.TTL < e.TTL && o.Responder == e.Responder {
			return true
		}
	}
	for _, hops := range []uint8{1, max(e.QuotedTTL, 1)} {
		if e.TTL < first+hops {
			continue
		}
		before := Slot{Target: e.Target, Flow: e.Flow, TTL: e.TTL - hops}
		if heard>>before.TTL&1 != 0 || w.Sent(before) == 0 {
			return true
		}
	}
	return false
}
