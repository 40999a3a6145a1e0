package window

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/probe"
)

func TestFloodDuring(t *testing.T) {
	f := flood(nil).with(10).with(30).with(20).with(50) // the third came out of order
	for _, tt := range []struct {
		from, to int64
		marks    int
	}{{0, 9, 0}, {0, 10, 1}, {10, 10, 1}, {11, 29, 0}, {11, 30, 2}, {0, 100, 4}, {-5, 100, 4}, {60, 100, 0}, {100, 0, 0}} {
		if got, want := f.during(tt.from, tt.to), (tt.marks+1)*floodStep; got != want {
			t.Errorf("%d to %d: %d misses at most, want %d", tt.from, tt.to, got, want)
		}
	}
}

// On a path with many misses, a reply that came late is a hop after another probe confirms it. The
// path has 18 probes, so that a reply is late after 28 marks.
func TestLateReplies(t *testing.T) {
	const most = MostWaiting / 18
	te := func(ttl, attempt uint8, from int, stamp int64) probe.Facts {
		return probe.Facts{Probe: probe.Probe{TTL: ttl, Attempt: attempt}, Kind: probe.KindTTLExceeded, Valid: probe.Strong,
			HasQuote: true, QuotedTTL: 1, Responder: hopOf(from, false), Stamp: stamp}
	}
	with := func(f probe.Facts, change func(*probe.Facts)) probe.Facts { change(&f); return f }
	reached := func(f *probe.Facts) { f.Kind, f.HasQuote, f.Responder = probe.KindSYNACK, false, dest }
	end := func(f *probe.Facts) { f.Kind, f.Responder = probe.KindPortUnreach, dest }
	for _, tt := range []struct {
		name    string
		misses  int
		replies []probe.Facts
		want    []Standing
		end     uint8
	}{
		{"few misses", floodStep, []probe.Facts{te(5, 0, 5, 1e9)}, []Standing{Steers}, 0},
		{"not too many", most - 2*floodStep, []probe.Facts{te(5, 0, 5, 1e9)}, []Standing{Steers}, 0},
		{"late", most, []probe.Facts{te(5, 0, 5, 1e9)}, []Standing{Withheld}, 0},
		{"soon", most, []probe.Facts{te(5, 0, 5, 3e8)}, []Standing{Steers}, 0},
		{"late, from the target", most, []probe.Facts{with(te(5, 0, 5, 1e9), end)}, []Standing{Withheld}, 0},
		{"soon, from the target", most, []probe.Facts{with(te(5, 0, 5, 3e8), end)}, []Standing{Steers}, 5},
		{"late, of TCP", most, []probe.Facts{with(te(5, 0, 5, 1e9), reached)}, []Standing{Withheld}, 0},
		{"late, an echo reply with the seal", most,
			[]probe.Facts{with(te(5, 0, 5, 1e9), func(f *probe.Facts) { reached(f); f.Kind = probe.KindEchoReply })}, []Standing{Steers}, 5},
		{"late, confirmed", most, []probe.Facts{te(5, 0, 5, 1e9), te(5, 1, 5, 1e9)}, []Standing{Steers, Steers}, 0},
		{"late, confirmed from the target", most, []probe.Facts{with(te(5, 0, 5, 1e9), end), with(te(5, 1, 5, 1e9), end)},
			[]Standing{Steers, Steers}, 5},
		{"late, from two routers", most, []probe.Facts{te(5, 0, 5, 1e9), te(5, 1, 6, 1e9)}, []Standing{Withheld, Withheld}, 0},
		{"late, from a router of another TTL", most, []probe.Facts{te(5, 0, 5, 1e9), te(6, 0, 5, 2e8)}, []Standing{Withheld, Steers}, 0},
		{"late, one tag does not confirm it", most,
			[]probe.Facts{te(5, 0, 5, 1e9), with(te(5, 1, 5, 1e9), func(f *probe.Facts) { f.Valid = probe.Weak })}, []Standing{Withheld, Withheld}, 0},
		{"late, before another answer", most, []probe.Facts{te(5, 0, 5, 1e9), te(7, 0, 7, 2e8)}, []Standing{Withheld, Steers}, 0},
	} {
		p := newPath(dest, 9, 2)
		for i := range tt.misses { // from 0.1 s to 1 s
			p.take(probe.Facts{Valid: probe.Garbled, Responder: hopOf(99, false), Stamp: int64(1e8 + float64(i)/float64(tt.misses)*9e8)})
		}
		for i := range tt.replies {
			p.take(tt.replies[i])
		}
		for _, when := range []string{"while probed", "settled"} {
			hops := State(0)
			for i := range tt.replies {
				f := &tt.replies[i]
				if _, got := p.Best(Slot{TTL: f.TTL, Attempt: f.Attempt}); got != tt.want[i] {
					t.Errorf("%s, %s: reply %d has standing %d, want %d", tt.name, when, i, got, tt.want[i])
				}
				hops = hops.heard(f)
			}
			if s := p.State(0, 0); s.End() != tt.end || s.Heard() != hops.Heard() {
				t.Errorf("%s, %s: end %d, heard %d; want %d, %d", tt.name, when, s.End(), s.Heard(), tt.end, hops.Heard())
			}
			p.Settle()
		}
	}
}

// A seal of 64 bits cannot be guessed. A late reply teaches the stop set nothing.
func TestLateReplySealed(t *testing.T) {
	for _, sealed := range []bool{true, false} {
		shape := Shape{Targets: 1, FirstTTL: 1, LastTTL: 9, Flows: 1, Attempts: 2}
		set, w, stops := NewSet(shape), New(shape), NewStopSet(64)
		set.Sealed6 = sealed
		set.Put(w)
		w.Append(dest6)
		for round := range 2 { // a window is used again
			slot := Slot{TTL: 4}
			w.Stamp(slot, 100)
			f := probe.Facts{Probe: probe.Probe{Target: dest6, TTL: 4}, Kind: probe.KindTTLExceeded, Valid: probe.Strong,
				HasQuote: true, QuotedTTL: 1, Responder: hopOf(1+round, true), Stamp: 1e9}
			miss := f
			for miss.Valid, miss.Stamp = probe.Garbled, 5e8; w.Misses(0, 0) < MostWaiting; {
				w.Learn(0, &miss, nil)
			}
			match(w, 0, &probe.Reply{Facts: f}, stops)
			if hop, fresh := w.Reply(slot) != nil, w.State(0, 0).Fresh() != 0; hop != sealed || fresh != sealed {
				t.Errorf("sealed %t: a hop %t, in the stop set %t", sealed, hop, fresh)
			}
			w.Reset()
			w.Append(dest6)
			if w.Misses(0, 0) != 0 || w.flooded(0, 0) != nil {
				t.Error("a flood outlives its window")
			}
		}
	}
}

// lateTrial is a path that is attacked for five seconds.
type lateTrial struct {
	judgedPath
	rand    *rand.Rand
	n       int           // misses
	answers []probe.Facts // to come, by time
}

const (
	lateSpan     = int64(5e9)
	lateTTLs     = 24
	lateDistance = 16
)

// send sends a probe. Three routers of four answer it, and the target.
func (l *lateTrial) send(ttl, attempt uint8, at, rtt int64) {
	l.Stamp(Slot{TTL: ttl, Attempt: attempt}, at)
	f := probe.Facts{Probe: probe.Probe{TTL: ttl, Attempt: attempt}, Kind: probe.KindTTLExceeded, Valid: probe.Strong,
		HasQuote: true, QuotedTTL: 1, Responder: hopOf(int(ttl), false), Stamp: at + rtt}
	switch {
	case ttl >= lateDistance:
		f.Kind, f.Responder, f.QuotedTTL = probe.KindPortUnreach, dest, ttl-lateDistance+1
	case ttl%4 == 3:
		return
	}
	l.answers = append(l.answers, f)
}

// flood takes n misses from a time on, and the answers that come meanwhile.
func (l *lateTrial) flood(n int, from, span int64) {
	for i := range n {
		now := from + int64(float64(i)/float64(n)*float64(span))
		for k := 0; k < len(l.answers); k++ {
			if a := l.answers[k]; a.Stamp <= now {
				// A guess may come before its probe is sent.
				if a.Stamp >= l.Sent(Slot{TTL: a.TTL, Attempt: a.Attempt}) {
					l.take(a)
				}
				l.answers = append(l.answers[:k], l.answers[k+1:]...)
				k--
			}
		}
		l.take(probe.Facts{Valid: probe.Garbled, HasQuote: true, Responder: hopOf(99, false), Stamp: now})
	}
}

// A million guesses name probes of one path, and one of them has both tags by chance: the test
// makes it happen. The share of such guesses that become hops, times their probability, is the
// number of false hops on the path: at most 10⁻³. Answers come after a round trip of at most 0.3 s;
// or at any time, and then each silent TTL has a second attempt. No true hop is lost but the one
// whose reply the lucky guess overtakes.
func TestLateGuesses(t *testing.T) {
	const n = 1_000_000
	for _, attempts := range []int{1, 2} {
		t.Run(fmt.Sprint(attempts), func(t *testing.T) {
			t.Parallel()
			l := &lateTrial{rand: rand.New(rand.NewPCG(effort.Seed(t), 3)), n: n}
			trials, wrong, lost, early := effort.Count(4, 600), 0, 0, 0
			for range trials {
				f, gone, end := l.run(attempts)
				wrong, lost = wrong+f, lost+gone
				if gone > 1 {
					t.Errorf("%d true hops are lost on one path", gone)
				}
				if end {
					early++
				}
			}
			// Guesses with both tags on a path.
			each := float64(n) * float64(lateTTLs*attempts) / (1 << 32)
			t.Logf("%d of %d such guesses are hops: %.2g false hops and %.2g lost ones a path, %d traces end early",
				wrong, trials, each*float64(wrong)/float64(trials), each*float64(lost)/float64(trials), early)
			if effort.Soaking() && each*float64(wrong)/float64(trials) > 1e-3 || early > wrong {
				t.Error("more than the bounds")
			}
			if attempts == 2 && wrong > 3+trials/10 {
				t.Errorf("%d of %d guesses are hops without a confirmation", wrong, trials)
			}
		})
	}
}

// run attacks a path, with one guess that has both tags. It returns whether that guess is a hop,
// how many true hops are lost, and whether the trace would end early.
func (l *lateTrial) run(attempts int) (wrong, lost int, early bool) {
	l.judgedPath, l.answers = judgedPath{New(Shape{Targets: 1, FirstTTL: 1, LastTTL: lateTTLs, Flows: 1, Attempts: attempts, Unlinked: 8})}, nil
	l.Append(dest)
	lucky := probe.Facts{Probe: probe.Probe{TTL: uint8(1 + l.rand.IntN(lateTTLs)), Attempt: uint8(l.rand.IntN(attempts))},
		Kind: probe.KindTTLExceeded, Valid: probe.Strong, HasQuote: true, QuotedTTL: 1,
		Responder: hopOf(200, false), Stamp: l.rand.Int64N(lateSpan)}
	l.answers = append(l.answers, lucky)
	half, most := lateSpan/2, int64(280e6)
	if attempts == 2 {
		most = half - 1e9 - 20e6
	}
	for ttl := uint8(1); ttl <= lateTTLs; ttl++ {
		l.send(ttl, 0, 1+l.rand.Int64N(1e9), 20e6+l.rand.Int64N(most))
	}
	l.flood(l.n/2, 0, half)
	for ttl := uint8(1); attempts == 2 && ttl <= lateTTLs; ttl++ {
		if l.Reply(Slot{TTL: ttl}) == nil {
			l.send(ttl, 1, half, 20e6+l.rand.Int64N(half-30e6))
		}
	}
	l.flood(l.n/2, half, half)
	l.Settle()
	for ttl := uint8(1); ttl <= lateTTLs; ttl++ {
		found := false
		for attempt := range uint8(attempts) {
			if e := l.Reply(Slot{TTL: ttl, Attempt: attempt}); e != nil && e.Responder == lucky.Responder {
				wrong++
			} else if e != nil {
				found = true
			}
		}
		if !found && (ttl >= lateDistance || ttl%4 != 3) {
			lost++
		}
	}
	end := l.State(0, 0).End()
	return wrong, lost, end != 0 && end < lateDistance
}
