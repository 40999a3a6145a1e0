package trace

import (
	"maps"
	"math"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// A router that limits its ICMP errors answers some probes and not others. A router whose answers
// are lost looks the same. But a limit lets through as many answers as a token bucket has tokens,
// however many probes come, while random loss scatters. limits tells the two apart by that.
//
// It cannot know which router a silent probe met. So it groups probes: a group is the probes with one
// TTL and the same last responder before it. Take a responder R and the groups of one TTL in which
// it answered, cut into bins of time. In a bin, n is the number of probes and o the number of
// answers of R. If loss is random, o is binomial with q = Σo/Σn, and Σ(o − nq)² is about Σnq(1−q).
// With a limit, there is a bucket that predicts every o to within a packet or two. Then the ratio
// of Σ(o − prediction)² to Σnq(1−q) is far below that of random loss, which is χ²/k over k bins
// (see even).
//
// One window may have too few probes to be certain. So those of earlier windows are kept, as far as
// they add evidence.
type limits struct {
	sightings  []sighting // of the kept windows, in their order
	windows    []int      // how many sightings each of them has
	groups     map[groupKey]*group
	responders map[responderKey]*responder
	from, to   int64 // first and last stamp of the sightings
	recent     [probe.MaxTTL + 1]recent
}

// sighting is a probe that was sent below the end of its path.
type sighting struct {
	group groupKey
	sent  int64
	from  *origin // nil if there was no reply
}

// origin is a responder at a TTL.
type origin struct {
	addr probe.Addr
	ttl  uint8
	hash uint32
}

// enoughSightings is how many make windows before them unnecessary: the probes of about two thousand
// targets. They take 0.75 MiB.
const enoughSightings = 1 << 15

// recent is the last group and responder found at a TTL. Near the source they are mostly the ones
// that are looked up next.
type recent struct {
	groupKey
	group  *group
	origin *origin
}

// groupKey is the hash of the last responder at a lower TTL, 0 if there is none, the TTL and the
// address family.
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
	last    int // of silent, in the last window
	asked   bins
	answers []*responder
	limited bool
}

// responderKey is the hash of a responder and the TTL.
type responderKey uint64

func responderOf(from uint32, ttl uint8) responderKey {
	return responderKey(from) | responderKey(ttl)<<32
}

type responder struct {
	*origin
	silent          int // silent probes of the groups in which it answers
	limited         bool
	asked, answered bins
	last            struct{ answered, silent int } // the same, in the last window
}

const (
	numBins      = 64
	fewestProbes = 8  // a group with fewer is ignored
	fewestSilent = 10 // in the groups of a responder; with fewer it is not judged
	mostAnswers  = 64 // responders of a group
)

// evenness maps the number of merged bins to a bound of the ratio. Random loss falls below the
// bound about once in 100,000 cases. With wider bins there are too few to be certain.
var evenness = map[int]float64{1: 0.42, 2: 0.26, 4: 0.1}

type bins [numBins]uint32

// scan examines a whole retired window. Probes that isLost reports are no evidence: this machine may have
// dropped their replies. isLost may be nil.
func (l *limits) scan(w *window.Window, isLost func(sent int64) bool) {
	if l.groups == nil {
		l.groups, l.responders = make(map[groupKey]*group), make(map[responderKey]*responder)
	}
	first := l.take(w, isLost)
	clear(l.groups)
	clear(l.responders)
	clear(l.recent[:])
	l.from, l.to = math.MaxInt64, 0
	for i := range l.sightings {
		s := &l.sightings[i]
		l.from, l.to = min(l.from, s.sent), max(l.to, s.sent)
		g := l.group(s.group)
		if g == nil {
			g = new(group)
			l.groups[s.group], l.recent[s.group.ttl()].group = g, g
		}
		g.probes++
	}
	clear(l.recent[:])
	maps.DeleteFunc(l.groups, func(_ groupKey, g *group) bool { return g.probes < fewestProbes })
	for i := range l.sightings {
		s := &l.sightings[i]
		if g := l.group(s.group); g != nil {
			g.add(l.bin(s.sent), l.responder(s.from), i >= first)
		}
	}
	l.judge()
}

// take adds the sightings of w, and drops those of windows that are not needed any more. It returns
// the index of the first one of w.
func (l *limits) take(w *window.Window, isLost func(sent int64) bool) (first int) {
	drop := 0
	for len(l.windows) > 0 && len(l.sightings)-drop-l.windows[0] >= enoughSightings {
		drop += l.windows[0]
		l.windows = l.windows[1:]
	}
	l.sightings = slices.Delete(l.sightings, 0, drop)
	first = len(l.sightings)
	clear(l.recent[:])
	l.each(w, func(k groupKey, sent int64, slot window.Slot, from uint32) {
		if isLost == nil || !isLost(sent) {
			l.sightings = append(l.sightings, sighting{k, sent, l.origin(w, slot, from)})
		}
	})
	l.windows = append(l.windows, len(l.sightings)-first)
	return first
}

// origin returns the origin of a reply, nil if from is 0. It need not be the only one of that
// responder and TTL.
func (l *limits) origin(w *window.Window, slot window.Slot, from uint32) *origin {
	if from == 0 {
		return nil
	}
	recent := &l.recent[slot.TTL]
	if recent.origin == nil || recent.origin.hash != from {
		if r := l.responders[responderOf(from, slot.TTL)]; r != nil { // of the scan before
			recent.origin = r.origin
		} else {
			recent.origin = &origin{addr: w.Reply(slot).Responder, ttl: slot.TTL, hash: from}
			l.responders[responderOf(from, slot.TTL)] = &responder{origin: recent.origin}
		}
	}
	return recent.origin
}

// group returns the group of k, or nil.
func (l *limits) group(k groupKey) *group {
	r := &l.recent[k.ttl()]
	if r.groupKey != k || r.group == nil {
		r.groupKey, r.group = k, l.groups[k]
	}
	return r.group
}

// responder returns the responder of an origin, nil for none. It makes one at the first call.
func (l *limits) responder(o *origin) *responder {
	if o == nil {
		return nil
	}
	k := responderOf(o.hash, o.ttl)
	r := l.responders[k]
	if r == nil {
		r = &responder{origin: o}
		l.responders[k] = r
	}
	return r
}

// each calls f for every probe of w that was sent below the end of its path. from is the hash of
// the responder, 0 if there was no reply.
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

// add counts one probe in its bin, with its responder or nil. last is whether it is of the last
// window.
func (g *group) add(bin int, r *responder, last bool) {
	one := 0
	if last {
		one = 1
	}
	g.asked[bin]++
	if r == nil {
		g.silent++
		g.last += one
		return
	}
	r.answered[bin]++
	r.last.answered += one
	if !slices.Contains(g.answers, r) && len(g.answers) < mostAnswers {
		g.answers = append(g.answers, r)
	}
}

// judge decides which groups have a responder with a rate limit.
func (l *limits) judge() {
	for _, g := range l.groups {
		for _, r := range g.answers {
			r.silent += g.silent
			r.last.silent += g.last
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

// even reports whether a token bucket explains o, the answers to n, and random loss does not.
func (o *bins) even(n *bins) bool {
	answered := o.sum()
	// With few answers, use wide bins: at least four answers in each on average.
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

// bursts are the bucket sizes that are tried: common sizes of routers.
var bursts = [...]float64{1, 5, 10, 20, 50, 100, 200, 500}

// bucket is a token bucket. rate is in tokens per bin; burst and full, its first filling, are in
// tokens.
type bucket struct{ rate, burst, full float64 }

// newBucket returns the bucket with that burst, starting with full tokens, that lets through as
// many of asked as answered has in total.
func newBucket(burst, full float64, answered, asked []float64) bucket {
	total, most := 0.0, 0.0
	for i := range answered {
		total += answered[i]
		most = max(most, asked[i])
	}
	b := bucket{burst: burst, full: full}
	low, high := 0.0, most
	for range 24 { // bisects to 10⁻⁷ of the range
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

// each calls f for each bin with the number of its asked probes that pass.
func (b bucket) each(asked []float64, f func(bin int, passed float64)) {
	tokens := b.full
	for i, n := range asked {
		// Tokens that arrive within a bin can be used in it.
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

// appendLimited appends the TTLs of t at which a probe of a rate-limited group was not answered.
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
