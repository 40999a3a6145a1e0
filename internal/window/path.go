package window

import (
	"iter"
	"math"
	"math/bits"

	"github.com/masstrace/masstrace/internal/probe"
)

// path is the knowledge of the matcher about one (target, flow) besides its State. Most paths need
// nothing of it.
type path struct {
	contested uint64    // bit t: several sources answered a probe with TTL t equally well
	misses    uint32    // replies without a valid tag, or to a probe that was not sent with one tag
	guesses   uint16    // misses and quotations of a foreign source, modulo 2¹⁶, see isForeign
	sources   [4]uint16 // of the latest misses, see sourceOf
	alone     uint8     // answers in slots that one tag identifies
	traits    trait
}

// trait is a set of properties of a path.
type trait uint8

const (
	garbled trait = 1 << iota // a device rewrites first tags: a short reply may have one by chance
	touched                   // the target answered at no known TTL
)

func (t trait) has(one trait) bool { return t&one != 0 }

// known is the TTLs of a path at which interfaces of a StopSet answered, as bits. Those of met are
// known, and some of them common. At those of joined the path meets that of another vantage point.
type known struct{ met, common, fresh, joined uint64 }

// path returns the knowledge about a path, or nil if no probe of the path has memory.
func (w *Window) path(target uint32, flow uint16) *path {
	i := w.pathIndex(target, flow)
	if i < 0 {
		return nil
	}
	return &w.paths[i]
}

// pathIndex returns the place of a path in states, paths and known, or -1 if it has no memory.
func (w *Window) pathIndex(target uint32, flow uint16) int {
	if w.pages == nil {
		return int(target)*w.shape.Flows + int(flow)
	}
	return w.findPath(target, flow)
}

// Learn updates the state of target over r.Flow after a reply that fills a slot, or shows no hop,
// or is Garbled. If stopSet is not nil, Learn adds the interface of a router to it and records
// whether it was already there. Only the matcher calls Learn.
func (w *Window) Learn(target uint32, r *probe.Facts, stopSet *StopSet) {
	standing := Steers
	if r.Valid != probe.Strong && r.Valid != probe.Unverified || !r.HasHop() {
		if r.Valid == probe.Garbled {
			w.miss(target, r)
			return
		}
		standing = w.learnOdd(target, r)
	}
	if stopSet != nil && r.Kind == probe.KindTTLExceeded && r.Responder != r.Target &&
		r.Responder.Is4() == r.Target.Is4() && !w.isLate(target, r) {
		w.learnKnown(target, r, stopSet)
	}
	word := &w.states[w.pathIndex(target, r.Flow)]
	old := State(word.Load())
	if old&undecided != 0 {
		w.judge(target, r.Flow)
		return
	}
	s := old
	if standing == Steers {
		s = s.with(r)
	} else {
		s = s.heard(r)
	}
	if stopSet != nil {
		s = w.withKnown(s, target, r.Flow, math.MaxUint64)
	}
	if s != old {
		word.Store(uint64(s))
	}
}

// undecide makes Learn judge the path after each reply.
func (w *Window) undecide(target uint32, flow uint16) {
	w.stateWord(target, flow).Or(uint64(undecided))
}

// learnOdd takes a reply that is not strong, or shows no hop, and returns its standing.
func (w *Window) learnOdd(target uint32, r *probe.Facts) Standing {
	p := w.path(target, r.Flow)
	switch {
	case !r.HasHop():
		p.traits |= touched
	case r.OneTag():
		return w.learnAlone(target, r, p)
	case r.HasQuote && r.Mangled.Has(probe.MangledCsum):
		p.traits |= garbled
		if p.alone > 0 {
			w.undecide(target, r.Flow)
		}
	}
	return Steers
}

// learnAlone takes a reply with one tag, which fills a slot and is withheld. If it is a router's,
// short, and nothing on the path speaks against it, learnAlone gives it its standing at once.
// Otherwise the path is to be judged, after this reply and each later one.
func (w *Window) learnAlone(target uint32, r *probe.Facts, p *path) Standing {
	if r.HasQuote && r.Mangled.Has(probe.MangledCsum) {
		p.traits |= garbled
	}
	w.others.heard(r)
	if !r.Short() || r.Kind != probe.KindTTLExceeded || p.traits.has(garbled) || p.misses > fewMisses ||
		p.contested != 0 {
		w.undecide(target, r.Flow)
		return Withheld
	}
	standing := IsHop
	if w.others.knows(r) {
		standing = Steers
	}
	slot := w.slot(Slot{Target: target, Flow: r.Flow, TTL: r.TTL, Attempt: r.Attempt})
	slot.reply.Store(uint64(answer(slot.reply.Load()).with(standing)))
	return standing
}

// miss counts a reply without a valid tag. It casts doubt on replies with one tag. The tags of a
// flow that varies were held against those of its other variations too.
func (w *Window) miss(target uint32, r *probe.Facts) {
	if !isForeign(r) {
		w.others.missed(r.Responder)
	}
	if w.pages == nil {
		w.missFlow(target, r.Flow, r)
		return
	}
	base, _ := probe.SplitFlow(r.Flow)
	for v := range probe.Variations {
		w.missFlow(target, v.Of(base), r)
	}
}

// missFlow counts a miss of one path.
func (w *Window) missFlow(target uint32, flow uint16, r *probe.Facts) {
	i := w.pathIndex(target, flow)
	if i < 0 {
		return // no reply to this flow can be valid
	}
	p := &w.paths[i]
	traits, misses := p.traits, p.misses
	if p.miss(r) {
		w.mark(i, r.Stamp)
	}
	if p.alone > 0 && (p.traits != traits || p.misses != misses && p.misses > fewMisses && p.misses <= mostChance+1) {
		w.judge(target, flow)
	}
}

// isForeign reports whether a miss quotes a probe with a source that is not ours. Such a quotation
// is valid with two tags only. So it casts no doubt on replies with one tag.
func isForeign(r *probe.Facts) bool { return r.Mangled.Has(probe.MangledSource) }

// miss counts a miss, and reports whether it is to be a mark of the flood of its path. The number of
// misses stops at its maximum, and that of guesses begins anew: its range is a multiple of floodStep.
func (p *path) miss(r *probe.Facts) (mark bool) {
	if !isForeign(r) {
		p.sources[int(p.misses)%len(p.sources)] = sourceOf(HashRouter(r.Responder))
		if r.HasQuote {
			p.traits |= garbled
		}
		if p.misses < math.MaxUint32 {
			p.misses++
		}
	}
	p.guesses++
	return p.guesses%floodStep == 0
}

// Miss counts a reply with one tag that names a probe which was not sent: a guess. Only the matcher
// calls it.
func (w *Window) Miss(target uint32, r *probe.Facts) { w.miss(target, r) }

// learnKnown adds the interface of a router to a StopSet.
func (w *Window) learnKnown(target uint32, r *probe.Facts, stopSet *StopSet) {
	if len(w.known) == 0 {
		w.known = make([]known, len(w.paths))
	}
	if r.OneTag() && !r.Short() {
		return
	}
	k, bit := &w.known[w.pathIndex(target, r.Flow)], uint64(1)<<r.TTL
	k.met, k.common, k.fresh, k.joined = k.met&^bit, k.common&^bit, k.fresh&^bit, k.joined&^bit
	switch stopSet.Add(r.TTL, r.Responder, r.Target, r.OneTag()) {
	case Fresh:
		k.fresh |= bit
	case Common:
		k.common |= bit
		fallthrough
	default:
		k.met |= bit
	}
	if o := stopSet.others; o.Spares(r.Target) && !r.OneTag() && o.Has(r.Responder, r.Target) {
		k.joined |= bit
	}
}

// withKnown returns s with Met, IsCommon, Fresh and Joined of a path, where only the TTLs in the set hops have a hop.
func (w *Window) withKnown(s State, target uint32, flow uint16, hops uint64) State {
	if len(w.known) == 0 {
		return s
	}
	k := w.known[w.pathIndex(target, flow)]
	met := lowest(k.met & hops)
	return s.set(40, met|uint8(k.common>>met&1)*isCommon).set(48, lowest(k.fresh&hops)).set(joinedShift, lowest(k.joined&hops))
}

// lowest returns the lowest TTL of a set, 0 if it is empty.
func lowest(ttls uint64) uint8 { return uint8(bits.TrailingZeros64(ttls)) & probe.MaxTTL }

// judge gives each answer of a path its standing anew, and computes the state from those that may
// steer. Only the matcher calls it.
func (w *Window) judge(target uint32, flow uint16) {
	p := w.path(target, flow)
	answers, silent := w.answers(target, flow)
	few, flood := p.isFew(answers, silent), w.flooded(target, flow)
	s, hops := State(0), uint64(0)
	if p.traits.has(touched) {
		s |= alive
	}
	for i := range answers {
		a := &answers[i]
		a.late = w.isGuessable(&a.entry.Facts) && flood.isLate(a.slot.sent.Load(), a.entry.Stamp, w.probes)
		a.standing = w.standing(p, answers, a, few)
		if word := answer(a.slot.reply.Load()); word.standing() != a.standing {
			a.slot.reply.Store(uint64(word.with(a.standing)))
		}
		s = s.heard(&a.entry.Facts)
		if a.standing >= IsHop {
			hops |= 1 << a.entry.TTL
		}
		if a.standing == Steers {
			s = s.with(&a.entry.Facts)
		}
	}
	s = w.withKnown(s, target, flow, hops)
	if flood != nil || p.alone > 0 && (p.misses > fewMisses || isUndecided(answers)) {
		s |= undecided
	}
	w.stateWord(target, flow).Store(uint64(s))
}

// isUndecided reports whether a later answer may change the standing of one of answers.
func isUndecided(answers []judged) bool {
	for i := range answers {
		if e := answers[i].entry; e.OneTag() && (!e.Short() || e.Kind != probe.KindTTLExceeded) {
			return true
		}
	}
	return false
}

// answers returns the answers of a path by attempt, then TTL. They are valid until the next call.
// silent is how many of its probes have no answer.
func (w *Window) answers(target uint32, flow uint16) (list []judged, silent int) {
	w.judged = w.judged[:0]
	slot := Slot{Target: target, Flow: flow}
	for ; int(slot.Attempt) < w.shape.Attempts; slot.Attempt++ {
		for slot.TTL = w.shape.FirstTTL; slot.TTL <= w.shape.LastTTL; slot.TTL++ {
			s := w.slot(slot)
			if s == nil {
				continue
			}
			word := answer(s.reply.Load())
			if word == 0 {
				if s.sent.Load() > 0 {
					silent++
				}
				continue
			}
			w.judged = append(w.judged, judged{slot: s, entry: w.arena.entry(word.entry())})
		}
	}
	return w.judged, silent
}

// Settle judges the paths once more whose verdict depends on which probes were sent. The matcher
// calls it when the window is over.
func (w *Window) Settle() {
	for target := range uint32(len(w.targets)) {
		w.crowded = w.findCrowded(target)
		for flow, i := range w.pathsOf(target) {
			p := &w.paths[i]
			later := w.states[i].Load()&uint64(undecided) != 0
			if p.alone > 0 && (p.traits.has(garbled) || w.crowded != 0 || later) || w.flooded(target, flow) != nil {
				w.judge(target, flow)
			}
		}
	}
	w.crowded = 0
}

// pathsOf yields the flows of a target that have memory, with their pathIndex.
func (w *Window) pathsOf(target uint32) iter.Seq2[uint16, int] {
	return func(yield func(uint16, int) bool) {
		if w.pages == nil {
			for flow := range uint16(w.shape.Flows) {
				if !yield(flow, w.pathIndex(target, flow)) {
					return
				}
			}
			return
		}
		for r := range w.pages.paths.runs(int(target), 0) {
			for i := range r.n {
				if !yield(r.flow+uint16(i), r.cell+i) {
					return
				}
			}
		}
	}
}

// Contested returns the TTLs of a path, as bits, at which several sources sent equally good
// answers to one probe. It may be called after the window is retired.
func (w *Window) Contested(target uint32, flow uint16) uint64 {
	if p := w.path(target, flow); p != nil {
		return p.contested
	}
	return 0
}

// Misses returns how many replies to target over flow came without a valid tag, or were guesses.
// Only the matcher calls it before the window is retired.
func (w *Window) Misses(target uint32, flow uint16) int {
	if p := w.path(target, flow); p != nil {
		return int(p.misses)
	}
	return 0
}
