package window

import "github.com/masstrace/masstrace/internal/probe"

// State is what is known of the path to a target over one flow, in one word.
// The zero State knows nothing.
//
//	bits 0–7    Reached: the lowest TTL at which the target answered
//	bits 8–15   Distance: as the target's own quotations tell it
//	bits 16–23  Exceeded: the highest TTL at which a router answered
//	bit 24      Alive: the target answered, if at no TTL that is known
//	bit 25      Garbled: somebody rewrites the checksum of what is quoted
//	bits 32–39  Unreach: the lowest TTL at which anybody said unreachable
//	bits 40–47  Met: the lowest TTL at which an interface of the StopSet answered
//	bits 48–55  Fresh: the lowest TTL at which an interface was new to it
//	bits 56–63  Misses: quotations without a tag that counts, 255 for more
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

// Unreach returns the lowest TTL at which anybody said that the target cannot be
// reached, 0 if none did. A port unreachable is the target's own answer.
func (s State) Unreach() uint8 { return uint8(s >> 32) }

// Met returns the lowest TTL at which an interface answered that was known at
// that TTL already, 0 if none did or nobody asked for it.
func (s State) Met() uint8 { return uint8(s >> 40) }

// Fresh returns the lowest TTL at which an interface answered that was not known
// there, 0 if none did or nobody asked for it.
func (s State) Fresh() uint8 { return uint8(s >> 48) }

// Misses returns how many quotations came that bear no tag that counts, at most 255,
// which is more than there are probes.
func (s State) Misses() uint8 { return uint8(s >> 56) }

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
		s |= garbled
		if s.Misses() < 255 {
			s += 1 << 56
		}
		return s
	}
	fromTarget := r.Responder == r.Target
	if r.Kind.IsUnreach() {
		s = s.lower(32, r.TTL)
	}
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
	return (s | alive).lower(0, r.TTL)
}

// lower keeps the lowest TTL in the eight bits at shift; 0 is none.
func (s State) lower(shift uint, ttl uint8) State {
	if v := uint8(s >> shift); v != 0 && v <= ttl {
		return s
	}
	return s.set(shift, ttl)
}

func (s State) set(shift uint, v uint8) State {
	return s&^(0xff<<shift) | State(v)<<shift
}

// State returns what is known of target over flow. Any goroutine may ask.
func (w *Window) State(target uint32, flow uint16) State {
	return State(w.states[int(target)*w.shape.Flows+int(flow)].Load())
}

// Learn updates the state of target over r.Flow. stopSet, unless it is nil, takes
// the interfaces of routers, and says which were there. Only the matcher calls it.
func (w *Window) Learn(target uint32, r *probe.Facts, stopSet *StopSet) {
	word := &w.states[int(target)*w.shape.Flows+int(r.Flow)]
	old := State(word.Load())
	s := old.with(r)
	if stopSet != nil && r.Kind == probe.KindTTLExceeded && r.Responder != r.Target {
		if stopSet.Add(r.TTL, r.Responder) {
			s = s.lower(40, r.TTL)
		} else {
			s = s.lower(48, r.TTL)
		}
	}
	if s != old {
		word.Store(uint64(s))
	}
}
