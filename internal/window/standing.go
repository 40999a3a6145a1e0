package window

import "github.com/masstrace/masstrace/internal/probe"

// Standing is what the reply in a slot may do. Strategies and records use the same standing: what is
// not believed in the end was not believed while the path was probed.
type Standing uint8

// The standings, in ascending order.
const (
	// Withheld: the reply is in reply records and nowhere else. Its probe counts as silent, and
	// has its further attempts.
	Withheld Standing = iota
	// IsHop: the reply is the hop of its TTL. It keeps the path going, and decides nothing else.
	IsHop
	// Steers: the reply also decides the distance of the target, the end of its path, what the
	// stop set and the limits of routers are, and so which probes are not sent.
	Steers
)

// Bounds of the belief in replies with one tag. An invented quotation with one tag is valid for one
// given probe with a probability of 2⁻¹⁶ for each tag that it may have.
const (
	// fewMisses is how many replies without a valid tag a path may receive until a reply with one
	// tag needs more support. Noise causes them, and two scans with the same seed cause more. With n
	// unanswered probes, so few guesses make a false hop with a probability of
	// (fewMisses+1)·n/2¹⁶: for three probes 1.4·10⁻⁴.
	fewMisses = 2
	// mostMisses is how many misses a path may receive until no reply with one tag counts. Up to
	// there, a guess must hit the one TTL at which the attacker knows the responder: mostMisses/2¹⁶
	// is 10⁻³.
	mostMisses = 65
)

// judged is an answer of a path while the path is judged.
type judged struct {
	slot     *slot
	entry    *Entry
	standing Standing
}

// standing returns what the reply a may do. All rules are here; docs/records.md has them as a table.
//
// A reply with two tags, with the 32-bit tag of TCP or with the seal may do everything. A reply with
// one tag of 16 bits needs something else that speaks for it. A short one is believed without, as
// long as its path shows no guesses, but decides nothing.
func (w *Window) standing(p *path, answers []judged, a *judged) Standing {
	e := a.entry
	switch {
	case !e.OneTag():
		return Steers
	case p.contested>>e.TTL&1 != 0 || p.misses > mostMisses:
		return Withheld
	}
	few := p.misses <= fewMisses
	switch {
	case !e.HasQuote: // an echo reply
		if few && isCut(answers, a) {
			return Steers
		}
		return Withheld
	case !e.Short():
		if few && (isFromBox(answers, a) || isOwn(answers, e)) {
			return Steers
		}
		return Withheld
	case p.garbled && isLone(w, answers, a):
		return Withheld
	case w.others.knows(&e.Facts), few && (isOwn(answers, e) || isRepeated(answers, a)):
		return Steers
	case few:
		return IsHop
	}
	return Withheld
}

// isOwn reports whether a reply from the target's own address states a distance that no router
// contradicts.
func isOwn(answers []judged, e *Entry) bool {
	if e.Responder != e.Probe.Target || e.Kind == probe.KindTTLExceeded || e.QuotedTTL < 1 || e.QuotedTTL > e.TTL {
		return false
	}
	distance := e.TTL - e.QuotedTTL + 1
	for i := range answers {
		o := answers[i].entry
		if o.Kind == probe.KindTTLExceeded && o.TTL >= distance && !o.OneTag() {
			return false
		}
	}
	return true
}

// isRepeated reports whether the responder of a also answered another probe of the path.
func isRepeated(answers []judged, a *judged) bool {
	for i := range answers {
		if o := &answers[i]; o.slot != a.slot && o.entry.Responder == a.entry.Responder {
			return true
		}
	}
	return false
}

// isCut reports whether another reply of the path shows that payloads are cut there: another echo
// reply without the seal.
func isCut(answers []judged, a *judged) bool {
	if !a.entry.Short() {
		return false
	}
	for i := range answers {
		o := &answers[i]
		if o.slot != a.slot && o.entry.Kind == probe.KindEchoReply && o.entry.Short() {
			return true
		}
	}
	return false
}

// isFromBox reports whether other replies of the path show that a box rewrites the tag that is wrong
// in a. Another probe was then answered with the same tag wrong, and all replies with that tag intact
// are from before both.
func isFromBox(answers []judged, a *judged) bool {
	wrong, before, box := a.entry.WrongTag(), a.entry.TTL, false
	for i := range answers {
		o := &answers[i]
		if o.slot != a.slot && o.entry.HasQuote && o.entry.Mangled.Has(wrong) {
			before, box = min(before, o.entry.TTL), true
		}
	}
	for i := range answers {
		o := answers[i].entry
		if o.HasQuote && o.TTL >= before && o.Mangled&wrong == 0 && !o.Short() {
			return false
		}
	}
	return box
}
