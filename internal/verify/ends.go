package verify

import (
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Ends is whether traces end at the TTL and for the reason that follow from the answers sent.
type Ends struct {
	Traces        uint64 `json:"traces"` // judged traces
	Right         uint64 `json:"right"`
	WrongReason   uint64 `json:"wrong_reason"`
	WrongCode     uint64 `json:"wrong_code"`     // code of an unreachable
	WrongDistance uint64 `json:"wrong_distance"` // last TTL
	WrongReached  uint64 `json:"wrong_reached"`  // in trace-ext
	Halted        uint64 `json:"halted"`         // not judged: the run was stopped
	NotProbed     uint64 `json:"not_probed"`     // the log has no such flow
	Again         uint64 `json:"again"`          // the flow already has a trace
	// Gaps counts TTLs up to a trace's end without a probe in the log.
	Gaps uint64 `json:"gaps"`
}

// heardEnd is the end of a path according to the answers to a flow's probes.
type heardEnd struct {
	reached    bool     // the target answered in any way
	lowest     uint8    // lowest TTL with a target's answer that shows a hop
	distances  [64]bool // of the target, by the same answers
	several    bool     // there are several distances
	quoted     bool     // some answers quote, which gives the distance
	router     uint8    // highest TTL at which a router answered
	unreach    uint8    // lowest TTL with another kind of unreachable
	unreachLog *sent
}

// hear evaluates all answers to the flows' probes.
func (c *checker) hear(flows []uint32) (h heardEnd) {
	for _, i := range flows {
		f := &c.asked.flows[i]
		probes := c.asked.of(f)
		for k := range probes {
			s := &probes[k]
			if s.fate != netsim.Answered || s.copies == 0 || c.isLate(s) {
				continue
			}
			switch {
			case !showsHop(s.answer):
				h.reached = true
			case !c.heard(s):
			case s.answer == netsim.TimeExceeded:
				h.router = max(h.router, s.ttl)
			case s.marks&atTarget != 0:
				h.target(s)
			case h.unreach == 0 || s.ttl < h.unreach:
				h.unreach, h.unreachLog = s.ttl, s
			}
		}
	}
	return h
}

func (h *heardEnd) target(s *sent) {
	h.several = h.several || h.lowest != 0 && !h.distances[s.dist&63]
	h.distances[s.dist&63] = true
	h.quoted = h.quoted || s.answer == netsim.PortUnreach
	if h.lowest == 0 || s.ttl < h.lowest {
		h.lowest = s.ttl
	}
	h.reached = true
}

// doubtful reports whether routers answered at the target's quoted distance or beyond: a per-packet
// balancer has ways of several lengths. Then the TTL at which the target answered is also accepted
// as the end.
func (h *heardEnd) doubtful() bool { return int(h.router) >= h.where() }

// end judges the end of a trace.
func (c *checker) end(t *record.Trace, flows []uint32) {
	reason := t.StopReason
	switch {
	case len(flows) == 0:
		c.ends.NotProbed++
		return
	case reason == record.StopHalted:
		c.ends.Halted++
		return
	}
	c.ends.Traces++
	for ttl := int(max(t.FirstTTL, 1)); ttl <= int(t.End); ttl++ {
		if c.paths == nil && !c.asked.probedAt(flows, uint8(ttl)) {
			c.ends.Gaps++
		}
	}
	h := c.hear(flows)
	want, ok := record.StopNone, true
	switch {
	case h.lowest != 0:
		want = record.StopCompleted
		ok = int(t.End) < len(h.distances) && t.End > 0 && h.distances[t.End] ||
			t.End == h.lowest && (!h.quoted || h.several || h.doubtful())
	case h.unreach != 0:
		want = record.StopUnreach
		ok = t.End == h.unreach
	}
	ended := reason == record.StopCompleted || reason == record.StopUnreach
	switch {
	case ended != (want != record.StopNone) || ended && reason != want:
		c.ends.WrongReason++
		c.example("stop reason", "%s: %s at %d, but the replies show %s", t.Target, t.StopReason, t.End, want)
	case !ok:
		c.ends.WrongDistance++
		c.example("distance", "%s: %s at %d, but the replies show %d", t.Target, t.StopReason, t.End, h.where())
	case want == record.StopUnreach && !c.isCode(h.unreachLog, t.StopData):
		c.ends.WrongCode++
		c.example("stop data", "%s: code %d", t.Target, t.StopData)
	default:
		c.ends.Right++
	}
}

// where returns the last TTL, for messages.
func (h *heardEnd) where() int {
	for d, is := range h.distances {
		if is {
			return d
		}
	}
	return int(h.unreach)
}

// isCode reports whether an unreachable has the code.
func (c *checker) isCode(s *sent, code uint8) bool {
	hop, ok := c.met(s)
	return !ok || hop.Code == code
}

// probedAt reports whether any of the flows was probed at a TTL.
func (a *asked) probedAt(flows []uint32, ttl uint8) bool {
	for _, i := range flows {
		if len(a.at(&a.flows[i], ttl)) > 0 {
			return true
		}
	}
	return false
}

// traceExt judges the contents of a trace-ext record.
func (c *checker) traceExt(t *record.Trace) {
	c.sums.exts++
	c.sums.sent += uint64(t.ProbeCount)
	c.sums.answered += uint64(t.Answered)
	if len(c.flows) == 0 {
		return // the log does not have the flow
	}
	var sent, answered int
	for _, i := range c.flows {
		f := &c.asked.flows[i]
		sent += int(f.to - f.from)
		probes := c.asked.of(f)
		for k := range probes {
			if c.heard(&probes[k]) {
				answered++
			}
		}
	}
	if sent != t.ProbeCount {
		c.sums.wrongSent++
		c.example("probes of a trace", "%s: sent %d, %d in the log", t.Target, t.ProbeCount, sent)
	}
	if answered < t.Answered || answered > t.Answered+len(t.Withheld)*probe.MaxAttempts { // those are no hops
		c.sums.wrongAnswer++
		c.example("answers of a trace", "%s: answered %d, %d in the log", t.Target, t.Answered, answered)
	}
	if h := c.hear(c.flows); t.Reached != h.reached {
		c.ends.WrongReached++
		c.example("reached", "%s: %v", t.Target, t.Reached)
	}
	for _, ttl := range t.RateLimited {
		c.limitedTTL(t.Target, ttl)
	}
}
