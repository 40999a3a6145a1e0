package trace

import (
	"maps"
	"math"
	"slices"

	"github.com/masstrace/masstrace/probe"
	"github.com/masstrace/masstrace/window"
)

// A router that limits its ICMP errors answers some probes and not others, and
// so does one whose answers are lost. But a limit lets through what a token
// bucket holds, whatever is asked, where chance scatters. limits tells the two
// apart by that.
//
// It cannot know which router a silent probe met. So it takes together the
// probes of a window that were sent with one TTL behind the same last responder:
// a group. For each responder R, over the groups of one TTL in which it answered
// and cut into bins of time, let n be the probes asked in a bin and o the answers
// of R. Under chance o is binomial with q = Σo/Σn, and Σ(o − nq)² is about
// Σnq(1−q). Under a limit there is a bucket that predicts every o to within a
// packet or two, and the ratio of Σ(o − prediction)² to the latter is far below
// that of chance, which is χ²/k over k bins (see even).
type limits struct {
	groups     map[groupKey]*group
	responders map[responderKey]*responder
	from, to   int64 // first and last stamp of the window
	recent     [probe.MaxTTL + 1]recent
}

// recent is what was last found for a TTL, which near the source is mostly what
// is looked for next.
type recent struct {
	groupKey
	group *group
	responderKey
	responder *responder
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
	limited         bool
	asked, answered bins
}

const (
	numBins      = 64
	fewestProbes = 8  // of a group, below which it tells nothing
	fewestSilent = 10 // around a responder
	mostAnswers  = 64 // responders of a group
)

// evenness says, by how many bins make one, which ratio chance undercuts about
// once in a hundred thousand times; few bins can never be sure.
var evenness = map[int]float64{1: 0.42, 2: 0.26, 4: 0.1}

type bins [numBins]uint32

// scan looks at a whole window, which is retired.
func (l *limits) scan(w *window.Window) {
	if l.groups == nil {
		l.groups, l.responders = make(map[groupKey]*group), make(map[responderKey]*responder)
	}
	clear(l.groups)
	clear(l.responders)
	clear(l.recent[:])
	l.from, l.to = math.MaxInt64, 0
	l.each(w, func(k groupKey, sent int64, _ *window.Entry) {
		l.from, l.to = min(l.from, sent), max(l.to, sent)
		g := l.group(k)
		if g == nil {
			g = new(group)
			l.groups[k], l.recent[k.ttl].group = g, g
		}
		g.probes++
	})
	clear(l.recent[:])
	maps.DeleteFunc(l.groups, func(_ groupKey, g *group) bool { return g.probes < fewestProbes })
	l.each(w, func(k groupKey, sent int64, e *window.Entry) {
		if g := l.group(k); g != nil {
			l.add(g, k.ttl, l.bin(sent), e)
		}
	})
	l.judge()
}

// group returns the group of k, nil if there is none.
func (l *limits) group(k groupKey) *group {
	r := &l.recent[k.ttl]
	if r.groupKey != k || r.group == nil {
		r.groupKey, r.group = k, l.groups[k]
	}
	return r.group
}

// responder returns what is known of k, from the first time on.
func (l *limits) responder(k responderKey) *responder {
	recent := &l.recent[k.ttl]
	if recent.responderKey == k && recent.responder != nil {
		return recent.responder
	}
	r := l.responders[k]
	if r == nil {
		r = new(responder)
		l.responders[k] = r
	}
	recent.responderKey, recent.responder = k, r
	return r
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
	r := l.responder(responderKey{e.Responder, ttl})
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
	for _, r := range l.responders {
		r.limited = r.silent >= fewestSilent && r.answered.even(&r.asked)
	}
	for _, g := range l.groups {
		g.limited = slices.ContainsFunc(g.answers, func(r *responder) bool { return r.limited })
	}
}

// even reports whether a token bucket explains o, the answers to n, and chance
// does not.
func (o *bins) even(n *bins) bool {
	answered := o.sum()
	// Few answers want wide bins: at least four in each.
	width := 1
	for answered*float64(width) < 4*numBins {
		width *= 2
	}
	bound, ok := evenness[width]
	if !ok {
		return false
	}
	var room [2][numBins]float64
	wide, asked := room[0][:0], room[1][:0]
	for at := 0; at < numBins; at += width {
		wide, asked = append(wide, sumOf(o[at:at+width])), append(asked, sumOf(n[at:at+width]))
	}
	q, chance := answered/n.sum(), 0.0
	for _, n := range asked {
		chance += n * q * (1 - q)
	}
	for _, burst := range bursts {
		for _, full := range [...]float64{burst, 0} {
			if newBucket(burst, full, wide, asked).error(wide, asked) < bound*chance {
				return true
			}
		}
	}
	return false
}

// bursts are the sizes of buckets that are tried: common ones of routers.
var bursts = [...]float64{1, 5, 10, 20, 50, 100, 200, 500}

// bucket is a token bucket, its rate in tokens a bin.
type bucket struct{ rate, burst, full float64 }

// newBucket returns the bucket of that burst, begun with full tokens, that lets
// as many through of asked as were answered in all.
func newBucket(burst, full float64, answered, asked []float64) bucket {
	total, most := 0.0, 0.0
	for i := range answered {
		total += answered[i]
		most = max(most, asked[i])
	}
	b := bucket{burst: burst, full: full}
	low, high := 0.0, most
	for range 24 { // to a millionth of the range
		b.rate = (low + high) / 2
		passed := 0.0
		b.each(asked, func(_ int, n float64) { passed += n })
		if passed < total {
			low = b.rate
		} else {
			high = b.rate
		}
	}
	return b
}

// each calls f with how many of those asked in each bin pass.
func (b bucket) each(asked []float64, f func(bin int, passed float64)) {
	tokens := b.full
	for i, n := range asked {
		// Within a bin, tokens come while they are used.
		passed := min(n, tokens+b.rate)
		tokens = min(tokens+b.rate-passed, b.burst)
		f(i, passed)
	}
}

// error returns the sum of the squared errors of the bucket's prediction.
func (b bucket) error(answered, asked []float64) (sum float64) {
	b.each(asked, func(i int, passed float64) { sum += (answered[i] - passed) * (answered[i] - passed) })
	return sum
}

func (o *bins) sum() float64 { return sumOf(o[:]) }

func sumOf(bins []uint32) (sum float64) {
	for _, n := range bins {
		sum += float64(n)
	}
	return sum
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
