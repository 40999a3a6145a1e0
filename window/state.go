package window

import "github.com/masstrace/masstrace/probe"

// State is what is known of the path to a target over one flow, in one word.
// The zero State knows nothing.
//
//	bits 0–7    Reached: the lowest TTL at which the target answered
//	bits 8–15   Distance: as the target's own quotations tell it
//	bits 16–23  Exceeded: the highest TTL at which a router answered
//	bit 24      Alive: the target answered, if at no TTL that is known
//	bit 25      Garbled: somebody rewrites the checksum of what is quoted
type State uint64

const (
	alive   State = 1 << 24
	garbled State = 1 << 25
)

// Reached returns the lowest TTL at which the target answered, 0 if none.
func (s State) Reached() uint8 { return uint8(s) }

// Distance returns the target's distance as its quotations tell it, 0 if they
// do not: sent TTL − quoted TTL + 1 of a port unreachable. Where they differ,
// it is the largest: that costs a probe, not a hop.
func (s State) Distance() uint8 { return uint8(s >> 8) }

// Exceeded returns the highest TTL at which a router's time exceeded came, 0 if
// none.
func (s State) Exceeded() uint8 { return uint8(s >> 16) }

// Alive reports whether the target answered at all.
func (s State) Alive() bool { return s&alive != 0 }

// Garbled reports whether a quotation came whose checksum somebody had
// rewritten, so that another may bear a tag by chance.
func (s State) Garbled() bool { return s&garbled != 0 }

// End returns the TTL above which nothing can tell more: the target's
// distance, where it is consistent with everything else, or else the lowest TTL
// at which it answered. It returns 0 while neither is known.
func (s State) End() uint8 {
	d, reached := s.Distance(), s.Reached()
	if d != 0 && d > s.Exceeded() && d <= reached {
		return d
	}
	return reached
}

// with returns s after the reply r to a probe for the target.
func (s State) with(r *probe.Facts) State {
	if r.HasQuote && !r.Vouches() {
		s |= garbled
	}
	if r.Valid == probe.Garbled {
		return s | garbled
	}
	fromTarget := r.Responder == r.Target
	switch r.Kind {
	case probe.KindTTLExceeded:
		if !fromTarget {
			return s.set(16, max(s.Exceeded(), r.TTL))
		}
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
	s |= alive
	if reached := s.Reached(); reached == 0 || r.TTL < reached {
		s = s.set(0, r.TTL)
	}
	return s
}

func (s State) set(shift uint, v uint8) State {
	return s&^(0xff<<shift) | State(v)<<shift
}

// State returns what is known of target over flow. Any goroutine may ask.
func (w *Window) State(target uint32, flow uint16) State {
	return State(w.states[int(target)*w.shape.Flows+int(flow)].Load())
}

// Learn updates the state of target over r.Flow. Only the matcher calls it.
func (w *Window) Learn(target uint32, r *probe.Facts) {
	word := &w.states[int(target)*w.shape.Flows+int(r.Flow)]
	old := State(word.Load())
	if s := old.with(r); s != old {
		word.Store(uint64(s))
	}
}
