package window

import (
	"math/bits"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

// dest6 is an IPv6 target.
var dest6 = probe.Addr{0x2a, 0x01, 15: 9}

// hopOf returns the n-th router of a family.
func hopOf(n int, six bool) probe.Addr {
	if six {
		return probe.Addr{0x20, 0x01, 0x0d, 0xb8, 15: byte(n)}
	}
	return probe.Addr4From([4]byte{203, 0, 113, byte(n)})
}

// judgedPath is a window of one target, all of whose probes are sent.
type judgedPath struct{ *Window }

func newPath(target probe.Addr, ttls uint8, attempts int) judgedPath {
	w := New(Shape{Targets: 1, FirstTTL: 1, LastTTL: ttls, Flows: 1, Attempts: attempts, Unlinked: 300})
	w.Append(target)
	for slot := (Slot{TTL: 1}); slot.TTL <= ttls; slot.TTL++ {
		for slot.Attempt = 0; int(slot.Attempt) < attempts; slot.Attempt++ {
			w.Stamp(slot, 100)
		}
	}
	return judgedPath{w}
}

// take matches a reply as the matcher does.
func (p judgedPath) take(f probe.Facts) {
	f.Target = p.Target(0)
	if f.Valid == probe.Garbled {
		p.Learn(0, &f, nil)
		return
	}
	r := probe.Reply{Facts: f}
	if out := p.Answer(Slot{TTL: f.TTL, Attempt: f.Attempt}, &r); out.Role == First && !out.Unsent {
		p.Learn(0, &f, nil)
	}
}

// missed takes replies without a valid tag: quotations, or answers of the target.
func (p judgedPath) missed(n int, quoted bool) {
	for range n {
		p.take(probe.Facts{Valid: probe.Garbled, HasQuote: quoted, Responder: hopOf(99, p.Target(0).Is6())})
	}
}

// standing returns the standing of the answer to the first attempt at a TTL.
func (p judgedPath) standing(ttl uint8) Standing {
	_, s := p.Best(Slot{TTL: ttl})
	return s
}

// TestLone checks which short reply of a path is withheld if first tags are rewritten.
func TestLone(t *testing.T) {
	const (
		strong = iota
		alone
		sealed // carries the second tag; the first was rewritten
	)
	type answer struct {
		ttl, attempt uint8
		how          int
		from, quoted uint8 // if from is 0, the TTL is the responder's number
	}
	tests := []struct {
		name    string
		garbled bool
		answers []answer
		unasked uint8 // TTL that was not probed, 0 for none
		want    uint8 // TTL of the reply that is not believed, 0 for none
	}{
		{"nothing rewritten", false, []answer{{ttl: 2}, {ttl: 5, how: alone}}, 0, 0},
		{"the last", true, []answer{{ttl: 1, how: alone}, {ttl: 2}, {ttl: 5, how: alone}}, 0, 5},
		{"a strong reply after it", true, []answer{{ttl: 2, how: alone}, {ttl: 5}}, 0, 0},
		{"a second tag after it does not vouch for checksums", false,
			[]answer{{ttl: 2}, {ttl: 4, how: alone}, {ttl: 6, how: sealed}}, 0, 4},
		{"two alike", true, []answer{{ttl: 2}, {ttl: 5, how: alone}, {ttl: 5, attempt: 1, how: alone}}, 0, 0},
		{"the only one, at the highest TTL", true, []answer{{ttl: 8, attempt: 1, how: alone}}, 0, 8},
		{"the only one, at the lowest TTL", true, []answer{{ttl: 1, how: alone}}, 0, 0},
		{"the TTL before shows one", true, []answer{{ttl: 4, attempt: 1, how: alone}, {ttl: 5, how: alone}}, 0, 0},
		{"the TTL before shows the other tag", true,
			[]answer{{ttl: 3, how: alone}, {ttl: 4, attempt: 1, how: sealed}, {ttl: 5, how: alone}}, 0, 5},
		{"the TTL before was not probed", true, []answer{{ttl: 2}, {ttl: 5, how: alone}}, 4, 0},
		{"a target beyond its distance", true, []answer{{ttl: 3}, {ttl: 7, how: alone, quoted: 4}}, 0, 0},
		{"a target at no distance", true, []answer{{ttl: 3}, {ttl: 7, how: alone, quoted: 7}}, 0, 7},
		{"a target at two TTLs", true,
			[]answer{{ttl: 5, how: alone, from: 9}, {ttl: 8, how: alone, from: 9, quoted: 2}}, 0, 0},
	}
	for _, tt := range tests {
		p := newPath(dest6, 8, 2)
		for attempt := range uint8(2) {
			if tt.unasked != 0 {
				p.slot(Slot{TTL: tt.unasked, Attempt: attempt}).sent.Store(0)
			}
		}
		if tt.garbled {
			p.missed(1, true)
		}
		for _, a := range tt.answers {
			f := probe.Facts{
				Probe: probe.Probe{TTL: a.ttl, Attempt: a.attempt}, HasQuote: true, QuotedTTL: max(a.quoted, 1),
				Kind: probe.KindTTLExceeded, Responder: hopOf(int(max(a.ttl, a.from)), true), Valid: probe.Weak,
			}
			if a.from != 0 {
				f.Responder = hopOf(int(a.from), true)
			}
			switch a.how {
			case strong:
				f.Valid = probe.Strong
			case sealed:
				f.Mangled = probe.MangledCsum
			}
			p.take(f)
		}
		p.Settle()
		for _, a := range tt.answers {
			e := p.Reply(Slot{TTL: a.ttl, Attempt: a.attempt})
			if (e == nil) != (a.ttl == tt.want) {
				t.Errorf("%s: TTL %d is a hop: %t", tt.name, a.ttl, e != nil)
			}
		}
	}
}

// Each row of the table in docs/records.md has its cases: a reply with one tag alone on its path,
// with other replies, and after misses.
func TestStanding(t *testing.T) {
	te := func(ttl uint8, v probe.Validity, m probe.Mangled) probe.Facts {
		return probe.Facts{Probe: probe.Probe{TTL: ttl}, Kind: probe.KindTTLExceeded, Valid: v, Mangled: m,
			HasQuote: true, QuotedTTL: 1, Responder: hopOf(int(ttl), false)}
	}
	port := func(ttl, quoted uint8, v probe.Validity, m probe.Mangled) probe.Facts {
		return probe.Facts{Probe: probe.Probe{TTL: ttl}, Kind: probe.KindPortUnreach, Valid: v, Mangled: m,
			HasQuote: true, QuotedTTL: quoted, Responder: dest}
	}
	from := func(f probe.Facts, a probe.Addr) probe.Facts { f.Responder = a; return f }
	kind := func(f probe.Facts, k probe.Kind) probe.Facts { f.Kind = k; return f }
	echo := func(ttl uint8, m probe.Mangled) probe.Facts {
		return probe.Facts{Probe: probe.Probe{TTL: ttl}, Kind: probe.KindEchoReply, Valid: probe.Weak, Mangled: m, Responder: dest}
	}
	within := func(n int) (list []probe.Facts) { // misses that come from routers of the path
		for ttl := range n {
			list = append(list, probe.Facts{Valid: probe.Garbled, Responder: hopOf(1+ttl, false)})
		}
		return list
	}
	const guesses = 6 // times 8 unanswered probes with two tags each: more than mostChance
	const weak, strong, id, csum = probe.Weak, probe.Strong, probe.MangledIPID, probe.MangledCsum
	for _, tt := range []struct {
		name   string
		reply  probe.Facts
		others []probe.Facts
		misses int
		want   Standing
	}{
		{"short, a second scan", te(5, weak, 0), append(within(3), te(1, strong, 0), te(2, strong, 0), te(3, strong, 0)), 0, Withheld},
		{"short, noise of routers", te(5, weak, 0), append(within(2), te(1, strong, 0), te(2, strong, 0), te(3, strong, 0)), 2, IsHop},
		{"strong", te(5, strong, id), nil, 1000, Steers},
		{"short", te(5, weak, 0), nil, 0, IsHop},
		{"short, some noise", te(5, weak, 0), nil, fewMisses, IsHop},
		{"short, guesses", te(5, weak, 0), nil, guesses, Withheld},
		{"short unreachable", kind(te(5, weak, 0), probe.KindHostUnreach), nil, 0, IsHop},
		{"short unreachable, the router answered before", kind(te(5, weak, 0), probe.KindHostUnreach),
			[]probe.Facts{from(te(4, weak, 0), hopOf(5, false))}, 0, Steers},
		{"short, from the target", port(5, 1, weak, 0), nil, 0, Steers},
		{"short, from the target before a router", port(5, 1, weak, 0), []probe.Facts{te(6, strong, 0)}, 0, IsHop},
		{"short, from the target, quoted TTL too large", port(5, 6, weak, 0), nil, 0, IsHop},
		{"short, from the target, guesses", port(5, 1, weak, 0), nil, guesses, Withheld},
		{"wrong tag", te(5, weak, id), nil, 0, Withheld},
		{"wrong tag, an intact one before", te(5, weak, id), []probe.Facts{te(4, strong, 0)}, 0, Withheld},
		{"wrong tag there too", te(5, weak, id), []probe.Facts{te(4, strong, 0), te(6, weak, id)}, 0, Steers},
		{"wrong tag there too, strong by TCP", te(5, weak, id), []probe.Facts{te(6, strong, id)}, 0, Steers},
		{"wrong tag there too, short ones between", te(5, weak, id), []probe.Facts{te(7, weak, id), te(6, weak, 0)}, 0, Steers},
		{"wrong tag there too, intact between", te(5, weak, id), []probe.Facts{te(7, weak, id), te(6, strong, 0)}, 0, Withheld},
		{"wrong tag there too, intact behind", te(5, weak, id), []probe.Facts{te(7, weak, id), te(8, strong, 0)}, 0, Withheld},
		{"another tag is wrong", te(5, weak, id), []probe.Facts{te(6, weak, csum)}, 0, Withheld},
		{"wrong tag there too, guesses", te(5, weak, id), []probe.Facts{te(6, weak, id)}, guesses, Withheld},
		{"wrong tag, from the target", port(5, 1, weak, id), []probe.Facts{te(4, strong, 0)}, 0, Steers},
		{"wrong tag, from the target before a router", port(5, 1, weak, id), []probe.Facts{te(6, strong, 0)}, 0, Withheld},
		{"wrong tag, from the target, time exceeded", from(te(5, weak, id), dest), nil, 0, Withheld},
		{"cut echo reply", echo(5, probe.MangledLen), nil, 0, Withheld},
		{"cut echo replies", echo(5, probe.MangledLen), []probe.Facts{echo(6, probe.MangledLen)}, 0, Steers},
		{"cut echo replies, guesses", echo(5, probe.MangledLen), []probe.Facts{echo(6, probe.MangledLen)}, guesses, Withheld},
		{"junk in the echo reply", echo(5, probe.MangledPayload), []probe.Facts{echo(6, probe.MangledPayload)}, 0, Withheld},
		{"echo reply with the seal", echo(5, probe.MangledSeq), nil, 1000, Steers},
	} {
		for _, order := range []string{"first", "last"} {
			p := newPath(dest, 9, 1)
			if order == "first" {
				p.take(tt.reply)
			}
			p.missed(tt.misses, false)
			for _, o := range tt.others {
				p.take(o)
			}
			if order == "last" {
				p.take(tt.reply)
			}
			if got := p.standing(tt.reply.TTL); got != tt.want {
				t.Errorf("%s, %s: standing %d, want %d", tt.name, order, got, tt.want)
			}
			hops, steer := uint64(0), State(0)
			for ttl := uint8(1); ttl <= 9; ttl++ {
				e, standing := p.Best(Slot{TTL: ttl})
				if e != nil {
					hops |= 1 << ttl
					steer = steer.heard(&e.Facts)
				}
				if standing == Steers {
					steer = steer.with(&e.Facts)
				}
			}
			if got := p.State(0, 0); got != steer {
				t.Errorf("%s, %s: state %x, the replies that steer give %x (%d hops)", tt.name, order, got, steer, bits.OnesCount64(hops))
			}
		}
	}
}

// A router that quotes too little for a second tag is known from other targets. Then its replies
// steer, and guesses from elsewhere do not remove its hops. Its own misses do.
func TestKnownResponders(t *testing.T) {
	shape := Shape{Targets: 8, FirstTTL: 1, LastTTL: 9, Flows: 1, Attempts: 1}
	set, w := NewSet(shape), New(shape)
	set.Put(w)
	reply := func(i int) probe.Facts {
		target := dest6
		target[5] = byte(i / 2) // two targets of each prefix
		target[15] = byte(i)
		return probe.Facts{Probe: probe.Probe{Target: target, TTL: 4}, Kind: probe.KindTTLExceeded, Valid: probe.Weak,
			HasQuote: true, QuotedTTL: 1, Responder: hopOf(1, true)}
	}
	miss := func(i, n int, from probe.Addr) {
		f := reply(i)
		f.Valid, f.Responder = probe.Garbled, from
		for range n {
			w.Learn(uint32(i), &f, nil)
		}
	}
	for i := range 8 {
		f := reply(i)
		w.Append(f.Target)
		slot := Slot{Target: uint32(i), TTL: 4}
		w.Stamp(slot, 100)
		w.Answer(slot, &probe.Reply{Facts: f})
		w.Learn(uint32(i), &f, nil)
		want := IsHop
		if i >= 2 { // of the second prefix
			want = Steers
		}
		if _, s := w.Best(slot); s != want {
			t.Errorf("target %d: standing %d, want %d", i, s, want)
		}
	}
	check := func(i int, want Standing) {
		t.Helper()
		if _, s := w.Best(Slot{Target: uint32(i), TTL: 4}); s != want {
			t.Errorf("target %d: standing %d, want %d", i, s, want)
		}
	}
	miss(5, mostChance, hopOf(2, true))
	check(5, Steers)
	miss(5, 1, hopOf(2, true))
	check(5, Withheld)
	miss(6, 40, hopOf(1, true)) // as many as a second scan with this seed causes
	check(6, Withheld)
}

// In a window on demand, flow 0 shows for the other flows that a box rewrites a tag. They have too few
// probes to show it.
func TestStandingBoxOfTarget(t *testing.T) {
	reply := func(ttl uint8, flow uint16, mangled probe.Mangled) probe.Facts {
		f := probe.Facts{Probe: probe.Probe{Target: probe.Addr4From([4]byte{203, 0, 113, 100}), TTL: ttl, Flow: flow},
			Responder: hopOf(int(ttl), false), Kind: probe.KindTTLExceeded, HasQuote: true, QuotedTTL: 1, QuotedLen: 28, Valid: probe.Strong}
		if f.Mangled = mangled; mangled != 0 {
			f.Valid = probe.Weak
		}
		return f
	}
	tests := []struct {
		name    string
		flow0   []probe.Facts
		mangled probe.Mangled // of the reply to flow 9 at TTL 6
		want    Standing
	}{
		{"no answer to flow 0", nil, probe.MangledIPID, Withheld},
		{"no box", []probe.Facts{reply(5, 0, 0), reply(7, 0, 0)}, probe.MangledIPID, Withheld},
		{"a box before", []probe.Facts{reply(4, 0, 0), reply(5, 0, probe.MangledIPID)}, probe.MangledIPID, Steers},
		{"another box", []probe.Facts{reply(4, 0, 0), reply(5, 0, probe.MangledCsum)}, probe.MangledIPID, Withheld},
		{"a box after", []probe.Facts{reply(5, 0, 0), reply(7, 0, probe.MangledIPID)}, probe.MangledIPID, Withheld},
		{"the tag is whole again", []probe.Facts{reply(5, 0, probe.MangledIPID), reply(6, 0, 0)}, probe.MangledIPID, Withheld},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := New(Shape{Targets: 1, FirstTTL: 1, LastTTL: 16, Flows: probe.BaseFlows, Attempts: 4, OnDemand: 160})
			w.Append(probe.Addr4From([4]byte{203, 0, 113, 100}))
			for _, f := range append(tt.flow0, reply(6, 9, tt.mangled)) {
				slot := Slot{TTL: f.TTL, Flow: f.Flow}
				w.Stamp(slot, 100)
				if out := w.Answer(slot, &probe.Reply{Facts: f}); out.Role == First && !out.Unsent {
					w.Learn(0, &f, nil)
				}
			}
			if _, got := w.Best(Slot{TTL: 6, Flow: 9}); got != tt.want {
				t.Errorf("standing %v, want %v", got, tt.want)
			}
		})
	}
}
