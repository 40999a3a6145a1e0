package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/internal/wire"
)

// The path that forgers attack: routers up to the target, and TTLs beyond it. Every fourth router
// is silent. Over IPv6, every other answer has one tag, and over IPv4 every eighth.
const (
	boundTTLs     = 24
	boundDistance = 16
)

// forged marks the replies of a forger, by their stamp.
const forged = 2

// attackedPath is the path of one target while a forger guesses.
type attackedPath struct {
	*Codec
	method probe.Method
	w      *window.Window
	target probe.Addr
	rand   *rand.Rand
	heard  int // forged replies that a tag made valid
	missed int // guesses that cast doubt on others
	router []probe.Addr
}

func newAttacked(t *testing.T, method probe.Method, is4 bool) *attackedPath {
	cfg := testConfig(method)
	cfg.Flows, cfg.Attempts, cfg.MaxTTL = 1, 1, boundTTLs
	w := window.New(window.Shape{Targets: 1, FirstTTL: 1, LastTTL: boundTTLs, Flows: 1, Attempts: 1, Unlinked: 8})
	a := &attackedPath{Codec: newCodec(t, cfg), method: method, w: w, target: addr("2600:9::42"), rand: newRand(50 + uint64(method))}
	if is4 {
		a.target = addr("20.1.2.3")
	}
	for n := range 200 {
		if is4 {
			a.router = append(a.router, addr(fmt.Sprint("203.0.113.", n)))
		} else {
			a.router = append(a.router, addr(fmt.Sprintf("2001:db8::%x", n)))
		}
	}
	return a
}

// begin begins another path. Its target differs, and so do all tags.
func (a *attackedPath) begin() {
	binary.BigEndian.PutUint16(a.target[14:], uint16(a.rand.Uint32()))
	if !a.target.Is4() {
		binary.BigEndian.PutUint32(a.target[8:], a.rand.Uint32())
	}
	a.w.Reset()
	a.w.Append(a.target)
	for ttl := uint8(1); ttl <= boundTTLs; ttl++ {
		a.w.Stamp(window.Slot{TTL: ttl}, 1)
	}
}

// take matches a reply as the matcher does.
func (a *attackedPath) take(f *probe.Facts) {
	switch {
	case f.Valid == probe.Garbled:
		a.w.Learn(0, f, nil)
		return
	case f.TTL > boundTTLs:
		return
	}
	r := probe.Reply{Facts: *f}
	if out := a.w.Answer(window.Slot{TTL: f.TTL}, &r); out.Role == window.First && !out.Unsent {
		a.w.Learn(0, f, nil)
	}
}

// genuine returns the true answers of the path.
func (a *attackedPath) genuine() (all []probe.Facts) {
	short := uint8(2)
	if a.target.Is4() {
		short = 8
	}
	all = make([]probe.Facts, 0, 2*boundTTLs) // with room for those of another scan
	for ttl := uint8(1); ttl <= boundTTLs; ttl++ {
		f := probe.Facts{Probe: probe.Probe{Target: a.target, TTL: ttl}, Kind: probe.KindTTLExceeded, Valid: probe.Strong,
			HasQuote: true, QuotedTTL: 1, Responder: a.router[ttl], Stamp: 1}
		switch {
		case ttl >= boundDistance:
			f.Kind, f.Responder, f.QuotedTTL = probe.KindPortUnreach, a.target, ttl-boundDistance+1
		case ttl%4 == 3:
			continue
		case ttl%short == 0:
			f.Valid = probe.Weak
			if a.target.Is4() {
				f.Mangled = probe.MangledIPID // a box before it rewrites the other tag
			}
		}
		all = append(all, f)
	}
	a.rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// guess takes one quotation with guessed tags: whole or short, from nowhere, from a router of the
// path, or from the target.
func (a *attackedPath) guess(q wire.Quotation) {
	k := kind{method: a.method, is4: a.target.Is4()}
	guess(a.rand, k, &q)
	q.TTL = 1
	f := probe.Facts{Kind: probe.KindTTLExceeded, Stamp: forged, Type: 3}
	h := a.rand.Uint32()
	switch h & 7 {
	case 0:
		f.Responder = a.router[1+h>>8%boundDistance]
	case 1:
		f.Responder, f.Kind = a.target, probe.KindPortUnreach
		q.TTL = uint8(1 + h>>8%boundTTLs)
	default:
		f.Responder = a.router[100+h>>8%100]
	}
	if h>>16&1 == 0 {
		q.Transport = q.Transport[:wire.MinTransport]
	}
	if h>>17&7 == 0 {
		q.Src = a.router[1] // a box rewrites our address there
	}
	switch a.Quoted(&q, &f) {
	case Accepted:
		a.heard++
		a.take(&f)
	case Garbled, BadSource:
		a.missed++
		a.take(&f)
	}
}

// attack attacks a path with n packets alone, and returns how many of them were neither valid nor
// cast doubt on others. Such guesses would be free.
func (a *attackedPath) attack(n int) (free int) {
	a.begin()
	packet := encode(a.Codec, probe.Probe{Target: a.target, TTL: 1})
	q := quote(packet, len(packet))
	a.heard, a.missed = 0, 0
	for range n {
		a.guess(q)
	}
	return n - a.heard - a.missed
}

// run attacks a path with n packets. The genuine answers come at random times among them. It
// returns how many hops are false, how many strong ones are lost and withheld ones there are, and
// whether the trace would end early.
func (a *attackedPath) run(n int) (false, lost, withheld int, early bool) {
	a.begin()
	packet := encode(a.Codec, probe.Probe{Target: a.target, TTL: 1})
	q := quote(packet, len(packet))
	answers := a.genuine()
	for i := range n {
		for len(answers) > 0 && a.rand.IntN(n-i) < len(answers) {
			a.take(&answers[0])
			answers = answers[1:]
		}
		a.guess(q)
	}
	for i := range answers {
		a.take(&answers[i])
	}
	a.w.Settle()
	for _, f := range a.genuine() {
		switch e, standing := a.w.Best(window.Slot{TTL: f.TTL}); {
		case e == nil, e.Stamp == forged && f.Valid == probe.Strong, standing == window.Withheld && f.Valid == probe.Strong:
			lost++
		case standing == window.Withheld:
			withheld++
		}
	}
	for ttl := uint8(1); ttl <= boundTTLs; ttl++ {
		if e := a.w.Reply(window.Slot{TTL: ttl}); e != nil && e.Stamp == forged {
			false++
		}
	}
	s := a.w.State(0, 0)
	end := s.End()
	return false, lost, withheld, end != 0 && end < boundDistance || s.Unreach() != 0
}

// bound returns the number of events in each trial that n events in all trials rule out, with a
// confidence of 95 %.
func bound(n, trials int) float64 {
	mean := float64(n) + 3 + 2*math.Sqrt(float64(n)) // above Garwood's limit for a Poisson variable
	return mean / float64(trials)
}

// No guess is free: with a tag it is a reply, and without one a miss. Once in 2¹⁶ it has two that
// differ.
func TestGuessesCount(t *testing.T) {
	for _, k := range kinds {
		n := effort.Count(50_000, 5_000_000)
		a := newAttacked(t, k.method, k.is4)
		if free := a.attack(n); float64(free) > 5+10*float64(n)/(1<<16) {
			t.Errorf("%v: %d of %d guesses are free", k, free, n)
		}
		if a.missed < n*9/10 {
			t.Errorf("%v: %d of %d guesses are misses", k, a.missed, n)
		}
	}
}

// An attacker who knows target and flow, and not the key, guesses tags: some packets for each path,
// up to a million. At most one path in a thousand gets a false hop, no trace ends early, and strong
// hops are lost only to guesses with all tags. docs/threat-model.md has these figures.
func TestGuessBounds(t *testing.T) {
	for _, k := range kinds {
		for _, tt := range []struct{ packets, few, many int }{
			{15, 4000, 200_000}, {65, 1000, 50_000}, {1000, 100, 10_000}, {1_000_000, 1, 30},
		} {
			if k.isTCP() && tt.packets < 1000 {
				continue // only one tag of 32 bits to guess
			}
			if tt.packets == 1_000_000 && k.method != probe.UDP && !effort.Soaking() {
				continue
			}
			t.Run(fmt.Sprintf("%v %d packets", k, tt.packets), func(t *testing.T) {
				t.Parallel()
				a, paths := newAttacked(t, k.method, k.is4), effort.Count(tt.few, tt.many)
				var wrong, lost, withheld, early int
				for range paths {
					f, l, w, e := a.run(tt.packets)
					wrong, lost, withheld = wrong+f, lost+l, withheld+w
					if e {
						early++
					}
				}
				t.Logf("%d paths: %d guesses with a valid tag; %d false hops, below %.2g a path with a confidence of 95 %%; %d strong hops lost, %d hops withheld, %d traces end early",
					paths, a.heard, wrong, bound(wrong, paths), lost, withheld, early)
				if mean := float64(paths) / 1000; float64(wrong) > mean+5*math.Sqrt(mean) {
					t.Errorf("%d false hops on %d paths", wrong, paths)
				}
				// A guess with both tags, or with that of TCP, may come before the true answer.
				mean := float64(paths) * float64(tt.packets) * boundTTLs / (1 << 32)
				if most := 3 + mean + 5*math.Sqrt(mean); float64(lost) > most || early > wrong {
					t.Errorf("%d strong hops are lost, %d traces end early", lost, early)
				}
			})
		}
	}
}
