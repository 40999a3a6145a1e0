package trace

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/masstrace/masstrace/probe"
	"github.com/masstrace/masstrace/window"
)

// A router that limits its ICMP errors answers some probes and not others, and
// so does one whose answers are lost; but a limit answers evenly in time
// whatever is asked, where chance scatters. limits tells the two apart by that.
//
// It cannot know which router a silent probe met. So it takes together the
// probes of a window that were sent with one TTL behind the same last responder:
// a group. For each responder R, over the groups of one TTL in which it answered
// and cut into bins of time, let n be the probes asked in a bin and o the answers
// of R. Under chance o is binomial, with q = Σo/Σn, and the squared differences of
// neighbouring bins add up to about
//
//	E = Σ q(1−q)(n + n′) + q²(n − n′)²
//
// Under a limit o hardly changes from bin to bin but where a burst ends, and they
// add up to a fraction of that. So the greatest of them are left out, and the
// ratio of the rest to E is held against bounds that chance undercuts less than
// once in a hundred thousand times, while limits stay at a third of them
// (simulated; TestEvenTellsLimitFromLoss).
type limits struct {
	groups     map[groupKey]*group
	responders map[responderKey]*responder
	from, to   int64 // first and last stamp of the window
}

type groupKey struct {
	before probe.Addr // the last responder at a lower TTL, zero for none
	ttl    uint8
	is4    bool
}

type group struct {
	probes  int
	silent  int
	asked   bins
	answers []*responder
	limited bool
}

type responderKey struct {
	addr probe.Addr
	ttl  uint8
}

type responder struct {
	silent          int // in the groups that it answers in
	asked, answered bins
}

const (
	numBins      = 64
	fewestProbes = 8  // of a group, below which it tells nothing
	fewestSilent = 10 // around a responder
	mostAnswers  = 64 // responders of a group
)

// evenness says, by how many bins make one, which ratio is no chance, and how
// many differences are left out.
var evenness = map[int]struct {
	ratio float64
	burst int
}{1: {0.15, 4}, 2: {0.08, 3}, 4: {0.03, 2}}

type bins [numBins]uint32

// pair is the squared difference of two neighbouring bins, and its mean under
// chance.
type pair struct{ seen, chance float64 }

// scan looks at a whole window, which is retired.
func (l *limits) scan(w *window.Window) {
	if l.groups == nil {
		l.groups, l.responders = make(map[groupKey]*group), make(map[responderKey]*responder)
	}
	clear(l.groups)
	clear(l.responders)
	l.from, l.to = math.MaxInt64, 0
	l.each(w, func(k groupKey, sent int64, _ *window.Entry) {
		l.from, l.to = min(l.from, sent), max(l.to, sent)
		g := l.groups[k]
		if g == nil {
			g = new(group)
			l.groups[k] = g
		}
		g.probes++
	})
	maps.DeleteFunc(l.groups, func(_ groupKey, g *group) bool { return g.probes < fewestProbes })
	l.each(w, func(k groupKey, sent int64, e *window.Entry) {
		if g := l.groups[k]; g != nil {
			l.add(g, k.ttl, l.bin(sent), e)
		}
	})
	l.judge()
}

// each calls f for every probe of w that was sent, with its answer or nil.
func (l *limits) each(w *window.Window, f func(k groupKey, sent int64, e *window.Entry)) {
	s := w.Shape()
	for target := range uint32(w.Len()) {
		for flow := range uint16(s.Flows) {
			end := w.State(target, flow).End()
			k := groupKey{is4: w.Target(int(target)).Is4()}
			slot := window.Slot{Target: target, Flow: flow}
			for slot.TTL = s.FirstTTL; slot.TTL <= s.LastTTL && (end == 0 || slot.TTL < end); slot.TTL++ {
				k.ttl = slot.TTL
				before := k.before
				for slot.Attempt = 0; slot.Attempt < uint8(s.Attempts); slot.Attempt++ {
					sent := w.Sent(slot)
					if sent <= 0 {
						continue
					}
					e := w.Reply(slot)
					f(k, sent, e)
					if e != nil {
						before = e.Responder
					}
				}
				k.before = before
			}
		}
	}
}

func (l *limits) bin(sent int64) int {
	return int(float64(sent-l.from) / float64(l.to-l.from+1) * numBins)
}

// add puts one probe of group g, with its answer or nil, into its bin.
func (l *limits) add(g *group, ttl uint8, bin int, e *window.Entry) {
	g.asked[bin]++
	if e == nil {
		g.silent++
		return
	}
	k := responderKey{e.Responder, ttl}
	r := l.responders[k]
	if r == nil {
		r = new(responder)
		l.responders[k] = r
	}
	r.answered[bin]++
	if !slices.Contains(g.answers, r) && len(g.answers) < mostAnswers {
		g.answers = append(g.answers, r)
	}
}

// judge decides which groups have a responder that answers by a limit.
func (l *limits) judge() {
	for _, g := range l.groups {
		for _, r := range g.answers {
			r.silent += g.silent
			for i := range r.asked {
				r.asked[i] += g.asked[i]
			}
		}
	}
	for _, g := range l.groups {
		g.limited = slices.ContainsFunc(g.answers, func(r *responder) bool {
			return r.silent >= fewestSilent && r.answered.even(&r.asked)
		})
	}
}

// even reports whether o is spread over the bins too evenly for chance.
func (o *bins) even(n *bins) bool {
	answered, asked := 0.0, 0.0
	for i := range o {
		answered += float64(o[i])
		asked += float64(n[i])
	}
	// Few answers want wide bins: at least four in each.
	width := 1
	for answered*float64(width) < 4*numBins {
		width *= 2
	}
	bound := evenness[width]
	if bound.burst == 0 {
		return false
	}
	q := answered / asked
	var room [numBins]pair
	pairs := room[:0]
	for at := width; at < numBins; at += width {
		var o0, o1, n0, n1 float64
		for i := range width {
			o0 += float64(o[at-width+i])
			o1 += float64(o[at+i])
			n0 += float64(n[at-width+i])
			n1 += float64(n[at+i])
		}
		pairs = append(pairs, pair{
			(o1 - o0) * (o1 - o0), q*(1-q)*(n0+n1) + q*q*(n1-n0)*(n1-n0),
		})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(a.seen, b.seen) })
	seen, chance := 0.0, 0.0
	for _, p := range pairs[:len(pairs)-bound.burst] {
		seen += p.seen
		chance += p.chance
	}
	return seen < bound.ratio*chance
}

// appendLimited appends the TTLs of t at which a probe went unanswered in a
// group with a limit.
func (l *limits) appendLimited(ttls []uint8, t *Trace) []uint8 {
	k := groupKey{is4: t.Target.Is4()}
	hop := 0
	for _, s := range t.Silent {
		for hop < len(t.Hops) && t.Hops[hop].TTL < s.TTL {
			k.before = t.Hops[hop].Responder
			hop++
		}
		k.ttl = s.TTL
		g := l.groups[k]
		if g != nil && g.limited && (len(ttls) == 0 || ttls[len(ttls)-1] != s.TTL) {
			ttls = append(ttls, s.TTL)
		}
	}
	return ttls
}
