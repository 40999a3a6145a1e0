package trace

import (
	"maps"
	"math"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
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

// groupKey is the hash of the last responder at a lower TTL, 0 for none, the TTL and
// the family.
type groupKey uint64

func groupOf(before uint32, ttl uint8, is4 bool) groupKey {
	k := groupKey(before) | groupKey(ttl)<<32
	if is4 {
		k |= 1 << 40
	}
	return k
}

func (k groupKey) ttl() uint8 { return uint8(k >> 32) }

type group struct {
	probes  int
	silent  int
	asked   bins
	answers []*responder
	limited bool
}

// responderKey is the hash of a responder, and the TTL.
type responderKey uint64

func responderOf(from uint32, ttl uint8) responderKey {
	return responderKey(from) | responderKey(ttl)<<32
}

type responder struct {
	addr            probe.Addr
	ttl             uint8
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
	l.each(w, func(k groupKey, sent int64, _ window.Slot, _ uint32) {
		l.from, l.to = min(l.from, sent), max(l.to, sent)
		g := l.group(k)
		if g == nil {
			g = new(group)
			l.groups[k], l.recent[k.ttl()].group = g, g
		}
		g.probes++
	})
	clear(l.recent[:])
	maps.DeleteFunc(l.groups, func(_ groupKey, g *group) bool { return g.probes < fewestProbes })
	l.each(w, func(k groupKey, sent int64, slot window.Slot, from uint32) {
		g := l.group(k)
		switch {
		case g == nil:
		case from == 0:
			g.add(l.bin(sent), nil)
		default:
			g.add(l.bin(sent), l.responder(w, slot, from))
		}
	})
	l.judge()
}

// group returns the group of k, nil if there is none.
func (l *limits) group(k groupKey) *group {
	r := &l.recent[k.ttl()]
	if r.groupKey != k || r.group == nil {
		r.groupKey, r.group = k, l.groups[k]
	}
	return r.group
}

// responder returns what is known of who answered a slot, from the first time on.
func (l *limits) responder(w *window.Window, slot window.Slot, from uint32) *responder {
	k, recent := responderOf(from, slot.TTL), &l.recent[slot.TTL]
	if recent.responderKey == k && recent.responder != nil {
		return recent.responder
	}
	r := l.responders[k]
	if r == nil {
		r = &responder{addr: w.Reply(slot).Responder, ttl: slot.TTL}
		l.responders[k] = r
	}
	recent.responderKey, recent.responder = k, r
	return r
}

// each calls f for every probe of w that was sent, with the hash of who answered it,
// 0 for nobody.
func (l *limits) each(w *window.Window, f func(k groupKey, sent int64, slot window.Slot, from uint32)) {
	s := w.Shape()
	for target := range uint32(w.Len()) {
		is4 := w.Target(int(target)).Is4()
		for flow := range uint16(s.Flows) {
			end := w.State(target, flow).End()
			before := uint32(0)
			slot := window.Slot{Target: target, Flow: flow}
			for slot.TTL = s.FirstTTL; slot.TTL <= s.LastTTL && (end == 0 || slot.TTL < end); slot.TTL++ {
				k := groupOf(before, slot.TTL, is4)
				for slot.Attempt = 0; slot.Attempt < uint8(s.Attempts); slot.Attempt++ {
					sent := w.Sent(slot)
					if sent <= 0 {
						continue
					}
					from := w.From(slot)
					f(k, sent, slot, from)
					if from != 0 {
						before = from
					}
				}
			}
		}
	}
}

func (l *limits) bin(sent int64) int {
	return int(float64(sent-l.from) / float64(l.to-l.from+1) * numBins)
}

// add puts one probe, with who answered or nil, into its bin.
func (g *group) add(bin int, r *responder) {
	g.asked[bin]++
	if r == nil {
		g.silent++
		return
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
func (l *limits) appendLimited(ttls []uint8, t *record.Trace) []uint8 {
	before, hop := uint32(0), 0
	for _, s := range t.Silent {
		for hop < len(t.Hops) && t.Hops[hop].TTL < s.TTL {
			before = window.HashRouter(t.Hops[hop].Responder)
			hop++
		}
		g := l.groups[groupOf(before, s.TTL, t.Target.Is4())]
		if g != nil && g.limited && (len(ttls) == 0 || ttls[len(ttls)-1] != s.TTL) {
			ttls = append(ttls, s.TTL)
		}
	}
	return ttls
}
