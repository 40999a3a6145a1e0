package engine

import (
	"net/netip"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// router returns the address of a router.
func router(n byte) probe.Addr { return probe.AddrFrom(netip.AddrFrom4([4]byte{192, 0, 2, n})) }

// script is an engine whose probes a test answers.
type script struct {
	*Engine
	now  int64
	told []record.PathChange
	weak func(a Ask, n byte) bool // whether an answer has one tag; nil: none has
}

func newScript(targets int) *script {
	var list []probe.Addr
	for i := range targets {
		list = append(list, probe.AddrFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i + 1)})))
	}
	s := &script{}
	s.Engine = New(Config{MinTTL: 1, MaxTTL: 4, Flows: MostFlows, GapLimit: DefaultGap, Changed: func(c *record.PathChange) { s.told = append(s.told, *c) }}, list, 0)
	return s
}

// run answers some probes: answer returns the router at a TTL, 0 for silence, or 255 for the target.
func (s *script) run(probes int, answer func(a Ask) byte) {
	for range probes {
		s.now += 50e6
		a, ok := s.Next(s.now)
		if !ok {
			continue
		}
		r := Answer{Sent: s.now}
		n := answer(a)
		r.Weak = s.weak != nil && s.weak(a, n)
		switch n {
		case 0:
			s.Silent(a, s.now, false, s.now)
			continue
		case 255:
			r.From, r.End, r.Reached = s.Targets()[a.Target], true, true
		default:
			r.From = router(n)
		}
		s.Answered(a, r, s.now)
	}
}

// A balancer by packet whose branches have unequal shares is no change for the targets that met the
// rare branch first, once others have shown both in turn.
func TestUnequalByPacket(t *testing.T) {
	s := newScript(40)
	rare, n := map[uint32]bool{}, 0
	s.run(40*4+100, func(a Ask) byte {
		switch {
		case a.TTL == 4:
			return 255
		case a.TTL == 2 && a.Target%4 == 0:
			rare[a.Target] = true
			return 20
		}
		return a.TTL
	})
	if s.Counts.Traced != 40 || len(rare) != 10 {
		t.Fatalf("%+v; %d met the rare branch", s.Counts, len(rare))
	}
	s.run(20_000, func(a Ask) byte {
		switch {
		case a.TTL == 4:
			return 255
		case a.TTL != 2:
			return a.TTL
		}
		if n++; n%11 == 0 {
			return 20
		}
		return 2
	})
	if len(s.told) > 1 || s.Counts.Alternated < 30 {
		t.Errorf("%d changes were told: %+v; %+v", len(s.told), s.told, s.Counts)
	}
}

// A target that was silent at its distance does not change when it answers there.
func TestEndBehindSilence(t *testing.T) {
	s := newScript(1)
	late := true
	answer := func(a Ask) byte {
		switch {
		case a.TTL == 3 && late:
			return 0
		case a.TTL >= 3:
			return 255
		}
		return a.TTL
	}
	s.run(20, answer)
	if p := s.Path(0, nil); p.End != 4 {
		t.Fatalf("%+v", p)
	}
	late = false
	s.run(2000, answer)
	if p := s.Path(0, nil); p.End != 3 || len(s.told) != 0 || s.Counts.Doubts != 0 {
		t.Errorf("%+v; told %+v; %+v", p, s.told, s.Counts)
	}
}

// Two observations that are far apart show a balancer, and the flutter of one moment does not.
func TestTurns(t *testing.T) {
	n := newNames()
	a, b := n.of(router(1)), n.of(router(2))
	for _, at := range []tick{100, 101, 100 + turnPause - 1} {
		n.inTurn(a, b, at)
	}
	if got := n.turnsOf(a, b); got != 1 {
		t.Errorf("%d observations, want 1", got)
	}
	n.inTurn(a, b, 100+turnPause)
	if got := n.turnsOf(b, a); got != knownTurns || n.turnsOf(a, silent) != 0 {
		t.Errorf("%d observations, want %d", got, knownTurns)
	}
}
