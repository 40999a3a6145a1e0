package window

import "github.com/masstrace/masstrace/internal/probe"

// Standing is the use that is made of the reply in a slot. Strategies and records use the same
// standing, while the path is probed and afterwards.
type Standing uint8

// The standings, in ascending order.
const (
	// Withheld: the reply is in reply records and nowhere else. Its probe counts as silent, and
	// has its further attempts. The path goes on as if the reply were a hop.
	Withheld Standing = iota
	// IsHop: the reply is the hop of its TTL. It keeps the path going, and decides nothing
	// else.
	IsHop
	// Steers: the reply also decides the distance of the target and the end of its path. It is
	// learned for the stop set and for the limits of routers. So it may save probes.
	Steers
)

// Bounds of the belief in replies with one tag. An invented reply has a valid tag for one given
// probe with a probability of 2⁻¹⁶ for each field that may carry one. It makes a false hop only if
// that probe has no better answer.
const (
	// mostChance bounds guesses × probes × fields of a path. From there on the expected
	// number of false hops of the path is above mostChance/2¹⁶, which is 10⁻³.
	mostChance = 65
	// fewMisses is how many misses of a path may come from routers of the same path. Noise
	// causes some. A second scan with the same seed and another key causes one for each
	// probe. Its answers come from the true routers and fit no probe of ours.
	fewMisses = 2
)

// judged is an answer of a path while the path is judged.
type judged struct {
	slot     *slot
	entry    *Entry
	late     bool // so many misses came since its probe left that it may be a guess, see flood
	standing Standing
}

// standing returns the standing of the reply a. All rules are here; docs/records.md has them as a
// table.
//
// A reply with two tags, with the 32-bit tag of TCP or with the seal may do everything, unless it is
// late. A reply with one tag of 16 bits needs something else that speaks for it. A short one is believed
// without, as long as its path shows no guesses, but decides nothing.
func (w *Window) standing(p *path, answers []judged, a *judged, few bool) Standing {
	e := a.entry
	switch {
	case a.late && !isConfirmed(answers, a):
		return Withheld
	case !e.OneTag():
		return Steers
	case (p.contested|w.crowded)>>e.TTL&1 != 0 || p.misses > mostChance:
		return Withheld
	case !e.HasQuote: // an echo reply
		if few && isCut(answers, a) {
			return Steers
		}
		return Withheld
	case !e.Short():
		if few && (isFromBox(answers, a) || isOwn(answers, e) || w.isBoxOfTarget(a)) {
			return Steers
		}
		return Withheld
	case p.traits.has(garbled) && isLone(w, answers, a):
		return Withheld
	case w.others.knows(&e.Facts), few && (isOwn(answers, e) || isRepeated(answers, a)):
		return Steers
	case few:
		return IsHop
	}
	return Withheld
}

// isFew reports whether the misses of a path are few enough to believe replies with one tag.
// silent is how many probes of the path have no answer. If a reply is false, its probe is one
// more.
func (p *path) isFew(answers []judged, silent int) bool {
	if p.misses <= fewMisses {
		return true
	}
	fields := 1
	if len(answers) > 0 && answers[0].entry.Probe.Target.Is4() {
		fields = 2 // an IPv4 quotation may carry either tag
	}
	return int(p.misses)*(silent+1)*fields <= mostChance && p.fromWithin(answers) <= fewMisses
}

// fromWithin returns how many of the latest misses came from routers that answered on the path.
func (p *path) fromWithin(answers []judged) (n int) {
	for _, from := range p.sources[:min(int(p.misses), len(p.sources))] {
		for i := range answers {
			if sourceOf(answer(answers[i].slot.reply.Load()).from()) == from {
				n++
				break
			}
		}
	}
	return n
}

// isBoxOfTarget reports whether flow 0 shows the box that rewrites the tag which is wrong in a. If
// flows are chosen while the target is probed, most of them have too few probes to show it.
func (w *Window) isBoxOfTarget(a *judged) bool {
	e := a.entry
	if !w.witness || e.Flow == 0 {
		return false
	}
	wrong, box := e.WrongTag(), false
	slot := Slot{Target: e.Target}
	for ; int(slot.Attempt) < w.shape.Attempts; slot.Attempt++ {
		for slot.TTL = w.shape.FirstTTL; slot.TTL <= w.shape.LastTTL; slot.TTL++ {
			o, _ := w.Best(slot)
			switch {
			case o == nil || !o.HasQuote:
			case o.Mangled.Has(wrong):
				box = box || o.TTL <= e.TTL
			case o.TTL >= e.TTL && !o.Short():
				return false // the tag comes back whole from there
			}
		}
	}
	return box
}

// sourceOf shortens HashRouter of the source of a reply.
func sourceOf(from uint32) uint16 { return uint16(from >> 8) }

// isOwn reports whether a reply from the target's own address states a distance that nothing
// contradicts: no router, and no answer of the target with two tags.
func isOwn(answers []judged, e *Entry) bool {
	if e.Responder != e.Probe.Target || e.Kind == probe.KindTTLExceeded || e.QuotedTTL < 1 || e.QuotedTTL > e.TTL {
		return false
	}
	distance := e.TTL - e.QuotedTTL + 1
	for i := range answers {
		o := answers[i].entry
		switch {
		case o.OneTag():
		case o.Kind == probe.KindTTLExceeded && o.TTL >= distance:
			return false
		case o.Kind == probe.KindPortUnreach && o.QuotedTTL >= 1 && o.QuotedTTL <= o.TTL && o.TTL-o.QuotedTTL+1 != distance:
			return false
		}
	}
	return true
}

// isRepeated reports whether the responder of a also answered another probe of the path. That does
// not speak for an answer that ends the path: the target's address is known to all.
func isRepeated(answers []judged, a *judged) bool {
	if e := a.entry; e.Responder == e.Probe.Target && e.Kind != probe.KindTTLExceeded {
		return false
	}
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

// isFromBox reports whether other replies of the path show that a box rewrites the tag that is
// wrong in a. Another probe was then answered with the same tag wrong, and all replies with that
// tag intact are from before both.
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
