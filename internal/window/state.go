package window

import (
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/probe"
)

// State is the known state of the path to a target over one flow, in one word. In the zero State
// nothing is known.
//
//	bits 0–7    Reached: the lowest TTL at which the target answered
//	bits 8–15   Distance: computed from the target's own quotations
//	bits 16–23  Exceeded: the highest TTL at which a router answered
//	bits 24–31  Heard: likewise, also of answers that may not steer
//	bits 32–39  Unreach: the lowest TTL at which the target was reported unreachable
//	bits 40–45  Met: the lowest TTL at which an interface of the StopSet answered
//	bit 47      IsCommon: that interface is common, see StopSet
//	bits 48–55  Fresh: the lowest TTL at which an interface was new to the StopSet
//	bit 56      Alive: the target answered, perhaps at no known TTL
//	bits 58–63  Joined: the lowest TTL at which the path meets that of another vantage point
//
// Heard also contains answers that may not steer (see Standing): it only makes the schedule go on.
// Met and Fresh contain short answers too, see StopSet.Add.
type State uint64

const (
	alive State = 1 << 56
	// undecided is the matcher's: the standing of answers depends on later answers of the path.
	undecided State = 1 << 57

	joinedShift = 58
	isCommon    = 1 << 7 // in the octet of Met
)

// Reached returns the lowest TTL at which the target answered, 0 if none.
func (s State) Reached() uint8 { return uint8(s) }

// Distance returns the target's distance as computed from its quotations: sent TTL − quoted TTL + 1
// of a port unreachable. It returns 0 if no quotation gives a distance. If several differ, it is
// the largest: a distance that is too large costs a probe, not a hop.
func (s State) Distance() uint8 { return uint8(s >> 8) }

// Exceeded returns the highest TTL at which a router sent a time exceeded, 0 if none did. The path
// is longer than that for certain.
func (s State) Exceeded() uint8 { return uint8(s >> 16) }

// Heard returns the highest TTL at which a time exceeded came, 0 if none did. The path is probably
// longer than that. This includes replies that are withheld: otherwise an attacker who has them
// withheld could end the trace by the silence that they leave.
func (s State) Heard() uint8 { return uint8(s >> 24) }

// Alive reports whether the target answered at all.
func (s State) Alive() bool { return s&alive != 0 }

// Unreach returns the lowest TTL at which any host reported that the target cannot be reached, 0 if
// none did. A port unreachable is the target's own answer.
func (s State) Unreach() uint8 { return uint8(s >> 32) }

// Met returns the lowest TTL at which an interface answered that the StopSet already had at that
// TTL. It returns 0 if there is none, or if Learn was called without a StopSet.
func (s State) Met() uint8 { return uint8(s>>40) & probe.MaxTTL }

// IsCommon reports whether the interface at Met is common, see StopSet.
func (s State) IsCommon() bool { return uint8(s>>40)&isCommon != 0 }

// Fresh returns the lowest TTL at which an interface answered that the StopSet did not have at that
// TTL. It returns 0 if there is none, or if Learn was called without a StopSet.
func (s State) Fresh() uint8 { return uint8(s >> 48) }

// Joined returns the lowest TTL at which an interface answered that another vantage point met on its
// way to the target, 0 if none did. See Others.
func (s State) Joined() uint8 { return uint8(s >> joinedShift) }

// End returns the TTL above which further probes would show nothing new. It is the target's
// distance if that is consistent with the rest of the state, otherwise the lowest TTL at which the
// target answered. It returns 0 while neither is known.
func (s State) End() uint8 {
	d, reached := s.Distance(), s.Reached()
	if d != 0 && d > s.Exceeded() && d <= reached {
		return d
	}
	return reached
}

// heard returns s after a reply that may not steer.
func (s State) heard(r *probe.Facts) State {
	if r.Kind == probe.KindTTLExceeded {
		return s.set(24, max(s.Heard(), r.TTL))
	}
	return s
}

// with returns s after the reply r to a probe for the target, which may steer.
func (s State) with(r *probe.Facts) State {
	fromTarget := r.Responder == r.Target
	if r.Kind.IsUnreach() {
		s = s.lower(32, r.TTL)
	}
	switch r.Kind {
	case probe.KindTTLExceeded:
		// The probe had not arrived, even if the source is the target's address. Some
		// translators answer from there, and routers before a forwarded port.
		return s.set(16, max(s.Exceeded(), r.TTL)).set(24, max(s.Heard(), r.TTL))
	case probe.KindPortUnreach:
		if q := r.QuotedTTL; q >= 1 && q <= r.TTL {
			s = s.set(8, max(s.Distance(), r.TTL-q+1))
		}
	case probe.KindEchoReply, probe.KindSYNACK, probe.KindRST:
	case probe.KindUDPReply, probe.KindPureACK:
		return s | alive
	default:
		if !fromTarget {
			return s
		}
	}
	return (s | alive).lower(0, r.TTL)
}

// lower stores ttl in the eight bits at shift if they hold 0 or a higher TTL.
func (s State) lower(shift uint, ttl uint8) State {
	if v := uint8(s >> shift); v != 0 && v <= ttl {
		return s
	}
	return s.set(shift, ttl)
}

func (s State) set(shift uint, v uint8) State {
	return s&^(0xff<<shift) | State(v)<<shift
}

// State returns the known state of target over flow. Any goroutine may call it.
func (w *Window) State(target uint32, flow uint16) State {
	if w.pages == nil {
		return State(w.states[int(target)*w.shape.Flows+int(flow)].Load()) &^ undecided
	}
	return w.stateOnDemand(target, flow)
}

// stateWord returns the state of a path that has memory.
func (w *Window) stateWord(target uint32, flow uint16) *atomic.Uint64 {
	return &w.states[w.pathIndex(target, flow)]
}
