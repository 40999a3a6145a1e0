// Package trace builds the traces of one vantage point. It assembles them from a window that is
// over. Without windows, it collects them from probes and replies. It decides where each path ends,
// and finds why probes were silent.
package trace

import (
	"math/bits"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// closing is a trace while Close computes its Result.
type closing struct{ *record.Trace }

// Close decides where a trace ends and fills its Result from the fields above it. Then it cuts Hops
// to those at or below the end. The first of these rules that applies decides:
//
//  1. The distance that a port unreachable gives (see distance): COMPLETED.
//  2. The lowest TTL at which the target answered (see answers): COMPLETED.
//  3. The lowest TTL at which an unreachable came: UNREACH.
//  4. If the path ends in a routing loop and the trace has a gap limit: LOOP. The end
//     is the TTL where an interface first repeats (see window.FindLoop).
//  5. If the run was stopped, or the target was excluded during the run: HALTED, at
//     the highest TTL that was probed.
//  6. If the trace met the path of another vantage point: GSS, at the last hop.
//  7. If the trace was given up before the last TTL: GAPLIMIT, at the end of the
//     silent hops after the last router.
//  8. The last TTL: HOPLIMIT. This includes a trace whose target sent only answers
//     that show no TTL. It is Reached, at an unknown Distance.
//
// A hop that rests on one tag alone decides none of this (see record.Hop.Alone).
//
// Close allocates nothing once Loops has room. A second Close changes nothing, unless hops above
// the end decided the first.
func Close(trace *record.Trace) {
	t := closing{trace}
	t.Result = record.Result{Reached: t.Touched, Loops: t.Loops[:0]}
	t.end()
	n := 0
	for i := range t.Hops {
		if t.Hops[i].TTL <= t.End && t.Hops[i].HasHop() {
			if n != i {
				t.Hops[n] = t.Hops[i]
			}
			n++
		}
	}
	t.Hops = t.Hops[:n]
	t.findNAT()
	t.summarise()
}

// summarise fills Loops and PathHash.
func (t closing) summarise() {
	if len(t.Hops) > mostSearched {
		t.findLoopsLong()
		t.PathHash = hashPathLong(t.Hops)
		return
	}
	t.findLoops()
	t.PathHash = hashPath(t.Hops)
}

// end fills StopReason, StopData, End, Reached and Distance.
func (t closing) end() {
	lowest := t.lowestAnswer()
	if d := t.distance(lowest); d != 0 {
		lowest = d
	}
	if lowest != 0 {
		t.StopReason, t.End = record.StopCompleted, lowest
		t.Reached, t.Distance = true, lowest
		return
	}
	for i := range t.Hops {
		h := &t.Hops[i]
		if !h.HasHop() {
			t.Reached = true // not expected here, but it shows that
		} else if h.Kind.IsUnreach() && !h.Alone {
			t.StopReason, t.StopData, t.End = record.StopUnreach, h.Code, h.TTL
			if h.Responder == t.Target {
				// A host rejects the probe by its own firewall. The probe reached
				// the host, but the answer is still an unreachable.
				t.Reached, t.Distance = true, h.TTL
			}
			return
		}
	}
	again, loop := t.loop()
	switch last := t.lastInRow(); {
	case loop && t.GapLimit > 0:
		t.StopReason, t.End = record.StopLoop, again
	case t.Halted || t.CutOff:
		t.StopReason, t.End = record.StopHalted, t.highestProbed()
	case t.Joined && len(t.Hops) > 0:
		t.StopReason, t.End = record.StopGSS, t.Hops[len(t.Hops)-1].TTL
	case t.GapLimit > 0 && last < t.MaxTTL:
		t.StopReason, t.End = record.StopGapLimit, last
	default:
		t.StopReason, t.End = record.StopHopLimit, t.MaxTTL
	}
}

// answers reports whether h shows that the probe arrived at the target. The kind decides. A port
// unreachable, an echo reply, a SYN-ACK or an RST counts from any address. A host with several
// addresses may choose another one, and a firewall that answers for the target ends the path as
// well. Kinds that routers send too (protocol unreachable, parameter problem and so on) count only
// from the target's own address. A time exceeded never counts: it proves that the probe had not
// arrived. The target's other unreachables end the path as UNREACH.
func (t closing) answers(h *record.Hop) bool {
	switch h.Kind {
	case probe.KindPortUnreach, probe.KindEchoReply, probe.KindSYNACK, probe.KindRST:
		return true
	case probe.KindProtoUnreach:
		return h.Responder == t.Target
	case probe.KindTTLExceeded:
		return false
	default:
		return h.Responder == t.Target && h.HasHop() && !h.Kind.IsUnreach()
	}
}

// lowestAnswer returns the lowest TTL at which the target answered, 0 if none.
func (t closing) lowestAnswer() uint8 {
	for i := range t.Hops {
		if !t.Hops[i].Alone && t.answers(&t.Hops[i]) {
			return t.Hops[i].TTL
		}
	}
	return 0
}

// distance returns the target's distance as a port unreachable gives it, 0 if none does. Every
// router decrements the TTL by one, so a target at distance d quotes sent − (d − 1).
//
// The distance is believed if it is consistent, which has three conditions. The quoted TTL is
// between 1 and the TTL sent. d is not above lowest, the lowest TTL at which the target answered.
// No router's time exceeded shows a router at d or beyond. Of several consistent distances, that
// of the lowest TTL counts.
//
// This finds the true distance even if the target limits the rate of its unreachables and did not
// answer at that very TTL.
func (t closing) distance(lowest uint8) uint8 {
	var router uint8 // highest TTL at which a router answered
	for i := range t.Hops {
		if h := &t.Hops[i]; h.Kind == probe.KindTTLExceeded && !h.Alone {
			router = h.TTL
		}
	}
	for i := range t.Hops {
		h := &t.Hops[i]
		if h.Kind != probe.KindPortUnreach || h.Alone || !h.HasQuote ||
			h.QuotedTTL < 1 || h.QuotedTTL > h.TTL {
			continue
		}
		if d := h.TTL - h.QuotedTTL + 1; d <= lowest && d > router {
			return d
		}
	}
	return 0
}

// highestProbed returns the highest TTL that was probed, 0 if none was.
func (t closing) highestProbed() uint8 {
	var ttl uint8
	if n := len(t.Hops); n > 0 {
		ttl = t.Hops[n-1].TTL
	}
	if n := len(t.Silent); n > 0 {
		ttl = max(ttl, t.Silent[n-1].TTL)
	}
	return ttl
}

// lastInRow returns the highest TTL such that it and every TTL from the last hop up to it was
// probed. Without a hop it starts from the lowest TTL that was probed.
func (t closing) lastInRow() uint8 {
	probed := uint64(0)
	for _, s := range t.Silent {
		probed |= 1 << (s.TTL & probe.MaxTTL)
	}
	ttl := uint8(bits.TrailingZeros64(probed) & probe.MaxTTL)
	if n := len(t.Hops); n > 0 {
		ttl = t.Hops[n-1].TTL
	}
	for ttl < probe.MaxTTL && probed>>(ttl+1)&1 != 0 {
		ttl++
	}
	return ttl
}
