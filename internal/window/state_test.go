package window

import (
	"math/rand/v2"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

var (
	dest   = probe.Addr4From([4]byte{198, 51, 100, 9})
	router = probe.Addr4From([4]byte{203, 0, 113, 1})
)

// said returns a reply to a probe with that TTL. It comes from the target if us is true, otherwise
// from a router, and has that quoted TTL.
func said(kind probe.Kind, us bool, ttl, quoted uint8) *probe.Facts {
	f := &probe.Facts{Probe: probe.Probe{Target: dest, TTL: ttl}, Kind: kind, Responder: router, QuotedTTL: quoted}
	if us {
		f.Responder = dest
	}
	return f
}

func TestStateKinds(t *testing.T) {
	type want struct{ reached, distance, exceeded uint8 }
	nothing := State(0)
	for _, tt := range []struct {
		kind                probe.Kind
		other, us           want // at TTL 9, quoted TTL 2
		otherAlive, usAlive bool
	}{
		{probe.KindTTLExceeded, want{0, 0, 9}, want{0, 0, 9}, false, false},
		{probe.KindReassemblyExceeded, want{}, want{9, 0, 0}, false, true},
		{probe.KindPortUnreach, want{9, 8, 0}, want{9, 8, 0}, true, true},
		{probe.KindHostUnreach, want{}, want{9, 0, 0}, false, true},
		{probe.KindNetUnreach, want{}, want{9, 0, 0}, false, true},
		{probe.KindProtoUnreach, want{}, want{9, 0, 0}, false, true},
		{probe.KindAdmin, want{}, want{9, 0, 0}, false, true},
		{probe.KindUnreach, want{}, want{9, 0, 0}, false, true},
		{probe.KindFragNeeded, want{}, want{9, 0, 0}, false, true},
		{probe.KindPacketTooBig, want{}, want{9, 0, 0}, false, true},
		{probe.KindParameterProblem, want{}, want{9, 0, 0}, false, true},
		{probe.KindOther, want{}, want{9, 0, 0}, false, true},
		{probe.KindEchoReply, want{9, 0, 0}, want{9, 0, 0}, true, true},
		{probe.KindSYNACK, want{9, 0, 0}, want{9, 0, 0}, true, true},
		{probe.KindRST, want{9, 0, 0}, want{9, 0, 0}, true, true},
		{probe.KindUDPReply, want{}, want{}, true, true},
		{probe.KindPureACK, want{}, want{}, true, true},
	} {
		for us, w := range map[bool]want{false: tt.other, true: tt.us} {
			s := nothing.with(said(tt.kind, us, 9, 2))
			if got := (want{s.Reached(), s.Distance(), s.Exceeded()}); got != w {
				t.Errorf("%v, from the target %t: %+v, want %+v", tt.kind, us, got, w)
			}
			alive := tt.otherAlive
			if us {
				alive = tt.usAlive
			}
			if s.Alive() != alive {
				t.Errorf("%v, from the target %t: alive %t, want %t", tt.kind, us, s.Alive(), alive)
			}
		}
	}
}

func TestStateEnd(t *testing.T) {
	exceeded := func(ttl uint8) *probe.Facts { return said(probe.KindTTLExceeded, false, ttl, 1) }
	port := func(ttl, quoted uint8) *probe.Facts { return said(probe.KindPortUnreach, true, ttl, quoted) }
	echo := func(ttl uint8) *probe.Facts { return said(probe.KindEchoReply, true, ttl, 0) }
	for _, tt := range []struct {
		name    string
		replies []*probe.Facts
		want    uint8
	}{
		{"nothing", nil, 0},
		{"a router", []*probe.Facts{exceeded(5)}, 0},
		{"an echo reply", []*probe.Facts{echo(9)}, 9},
		{"the lowest echo reply", []*probe.Facts{echo(9), echo(7), echo(8)}, 7},
		{"distance quoted", []*probe.Facts{port(30, 21)}, 10},
		{"distance above a router", []*probe.Facts{exceeded(9), port(30, 21)}, 10},
		{"router at the distance quoted", []*probe.Facts{port(30, 21), exceeded(10)}, 30},
		{"quoted TTL 0", []*probe.Facts{port(12, 0)}, 12},
		{"quoted TTL 1", []*probe.Facts{port(12, 1)}, 12},
		{"quoted TTL as sent, no router", []*probe.Facts{port(12, 12)}, 1},
		{"quoted TTL as sent, and a router", []*probe.Facts{port(12, 12), exceeded(1)}, 12},
		{"quoted TTL larger than sent", []*probe.Facts{port(12, 13)}, 12},
		{"quoted TTL 255", []*probe.Facts{port(12, 255)}, 12},
		{"distances differ", []*probe.Facts{port(20, 11), port(21, 13)}, 10},
		{"distance above an answer", []*probe.Facts{port(20, 5), echo(12)}, 12},
		{"time exceeded from the target", []*probe.Facts{said(probe.KindTTLExceeded, true, 6, 1)}, 0},
		{"time exceeded from the target below its distance",
			[]*probe.Facts{said(probe.KindTTLExceeded, true, 1, 1), port(12, 3)}, 10},
		{"udp reply", []*probe.Facts{said(probe.KindUDPReply, true, 0, 0)}, 0},
	} {
		s := State(0)
		for _, r := range tt.replies {
			s = s.with(r)
		}
		if got := s.End(); got != tt.want {
			t.Errorf("%s: End = %d, want %d", tt.name, got, tt.want)
		}
	}
}

// For honest replies in any order, End is 0 or at least the distance. It equals the distance once
// the target has quoted it.
func TestStateHonest(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		d := uint8(1 + rng.IntN(probe.MaxTTL))
		s, quoted := State(0), false
		for range 1 + rng.IntN(20) {
			ttl := uint8(1 + rng.IntN(probe.MaxTTL))
			switch {
			case ttl < d:
				s = s.with(said(probe.KindTTLExceeded, false, ttl, 1))
			case rng.IntN(2) == 0:
				s, quoted = s.with(said(probe.KindPortUnreach, true, ttl, ttl-d+1)), true
			default:
				s = s.with(said(probe.KindEchoReply, true, ttl, 0))
			}
			if end := s.End(); end != 0 && end < d || quoted && end != d {
				t.Fatalf("End = %d of %+x, distance %d, quoted %t", end, s, d, quoted)
			}
		}
	}
}

// A strategy reads these fields: the lowest unreachable, and which part of the path is known.
func TestStateSteers(t *testing.T) {
	w := New(Shape{Targets: 1, FirstTTL: 1, LastTTL: 30, Flows: 1, Attempts: 1})
	known := NewStopSet(64)
	for i := range byte(commonAfter) { // prefixes
		known.Add(5, router, probe.Addr4From([4]byte{198, 51, i, 1}), false)
		if i < knownAfter {
			known.Add(7, router, probe.Addr4From([4]byte{198, 51, i, 1}), false)
		}
	}
	type seen struct{ unreach, met, fresh uint8 }
	for _, step := range []struct {
		r    *probe.Facts
		want seen
	}{
		{said(probe.KindTTLExceeded, false, 7, 1), seen{0, 7, 0}},
		{said(probe.KindTTLExceeded, false, 6, 1), seen{0, 7, 6}},
		{said(probe.KindTTLExceeded, false, 8, 1), seen{0, 7, 6}},
		{said(probe.KindTTLExceeded, false, 5, 1), seen{0, 5, 6}},
		// The target does not count as a router.
		{said(probe.KindTTLExceeded, true, 4, 1), seen{0, 5, 6}},
		{said(probe.KindHostUnreach, false, 12, 1), seen{12, 5, 6}},
		{said(probe.KindAdmin, false, 10, 1), seen{10, 5, 6}},
		{said(probe.KindNetUnreach, true, 11, 1), seen{10, 5, 6}},
		{said(probe.KindPortUnreach, true, 3, 1), seen{10, 5, 6}},
	} {
		w.Learn(0, step.r, known)
		if s := w.State(0, 0); (seen{s.Unreach(), s.Met(), s.Fresh()}) != step.want {
			t.Errorf("%v at %d: %+v, want %+v", step.r.Kind, step.r.TTL, seen{s.Unreach(), s.Met(), s.Fresh()}, step.want)
		} else if s.IsCommon() != (s.Met() == 5) {
			t.Errorf("%v at %d: IsCommon = %t", step.r.Kind, step.r.TTL, s.IsCommon())
		}
	}
}

// The words of neighbouring targets and flows are independent.
func TestLearn(t *testing.T) {
	w := New(Shape{Targets: 3, FirstTTL: 1, LastTTL: 9, Flows: 2, Attempts: 1})
	r := said(probe.KindEchoReply, true, 4, 0)
	r.Flow = 1
	w.Learn(1, r, nil)
	for target := range uint32(3) {
		for flow := range uint16(2) {
			want := uint8(0)
			if target == 1 && flow == 1 {
				want = 4
			}
			if got := w.State(target, flow).End(); got != want {
				t.Errorf("target %d, flow %d: End = %d, want %d", target, flow, got, want)
			}
		}
	}
	w.Reset()
	if s := w.State(1, 1); s != 0 {
		t.Errorf("after Reset: %x", s)
	}
}

// A hostile target may forge any reply to the probes that reach it, from its own address or
// another. End must never be at or below a TTL at which a router before the target has answered.
// Reached must never be a TTL whose probe did not reach the target.
func TestStateHostile(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	kinds := []probe.Kind{
		probe.KindOther, probe.KindTTLExceeded, probe.KindPortUnreach, probe.KindHostUnreach, probe.KindAdmin,
		probe.KindFragNeeded, probe.KindEchoReply, probe.KindSYNACK, probe.KindRST, probe.KindPureACK, probe.KindUDPReply,
	}
	for range 20_000 {
		d := uint8(1 + rng.IntN(probe.MaxTTL))
		s, router := State(0), uint8(0)
		for range 1 + rng.IntN(20) {
			ttl := uint8(1 + rng.IntN(probe.MaxTTL))
			if ttl < d {
				s, router = s.with(said(probe.KindTTLExceeded, false, ttl, 1)), max(router, ttl)
			} else {
				s = s.with(said(kinds[rng.IntN(len(kinds))], rng.IntN(2) == 0, ttl, uint8(rng.IntN(256))))
			}
			if end := s.End(); end != 0 && end <= router {
				t.Fatalf("End = %d of %+x: the router at %d has answered", end, s, router)
			}
			if reached := s.Reached(); reached != 0 && reached < d {
				t.Fatalf("reached at %d, which the target, at %d, has not seen", reached, d)
			}
		}
	}
}
