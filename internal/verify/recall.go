package verify

import "github.com/masstrace/masstrace/internal/netsim"

// Recall has the share of the answers that the results have. It counts (target, flow, TTL):
// one of which an attempt was answered, and that lies within its trace. Where there are no
// traces, all do.
type Recall struct {
	Answers uint64  `json:"answers"`
	Found   uint64  `json:"found"`
	Share   float64 `json:"share"` // 1 without answers

	// Routers and Targets count by the address that answered.
	Routers, RoutersFound uint64  `json:"-"`
	RouterShare           float64 `json:"router_share"`
	Targets, TargetsFound uint64  `json:"-"`
	TargetShare           float64 `json:"target_share"`

	Missing Missing `json:"missing"`

	// Left out are answers that quote another target or flow than that of the probe,
	// because of a middlebox. Answers that show no hop are left out too.
	Unreadable uint64 `json:"unreadable"`
	NoHop      uint64 `json:"no_hop"`
	// Beyond lie above their trace's end; NoTrace is of flows without a trace
	// in a file that was cut.
	Beyond  uint64 `json:"beyond"`
	NoTrace uint64 `json:"no_trace"`
	// Chance lie within their traces and are there, but chance or a rate limit
	// kept back every answer.
	Chance uint64 `json:"chance"`
}

// Missing counts missing hops by their cause; the first that applies counts.
type Missing struct {
	NoTrace uint64 `json:"no_trace"` // its flow has no trace in the results
	Late    uint64 `json:"late"`     // the answer was due after the wait
	// RuledOut rests on one tag and another source: masstrace must not take it.
	RuledOut uint64 `json:"ruled_out"`
	Mangled  uint64 `json:"mangled"` // something was rewritten in the quotation
	Lost     uint64 `json:"lost"`    // after the simulator, or in the program
}

// recall walks over all that was asked. mark is set by the results.
func (c *checker) recall(mark marks) (r Recall) {
	cut := c.tool == Masstrace && c.summary == nil
	for f := range c.asked.each {
		for probes := c.asked.probes[f.from:f.to]; len(probes) > 0; {
			n := sameTTL(probes)
			c.recallTTL(&r, f, probes[:n], mark, cut)
			probes = probes[n:]
		}
	}
	r.Share = share(r.Found, r.Answers)
	r.RouterShare, r.TargetShare = share(r.RoutersFound, r.Routers), share(r.TargetsFound, r.Targets)
	return r
}

func share(part, whole uint64) float64 {
	if whole == 0 {
		return 1
	}
	return float64(part) / float64(whole)
}

// recallTTL counts the probes of one flow at one TTL.
func (c *checker) recallTTL(r *Recall, f *flow, probes []sent, mark marks, cut bool) {
	var best *sent // the answer that shows the hop most easily
	hopless, unreadableOnly, unlucky := false, false, false
	found := false
	for i := range probes {
		s := &probes[i]
		switch {
		case s.fate == netsim.Answered && !showsHop(s.answer):
			hopless = true
		case s.fate.Random():
			unlucky = true
		case !s.emitted():
		case s.marks&unreadable != 0:
			unreadableOnly = true
		default:
			found = found || s.marks&mark != 0
			if best == nil || s.marks&ruledOut < best.marks&ruledOut {
				best = s
			}
		}
	}
	noTrace := mark == inTraces && f.marks&traced == 0
	switch {
	case best == nil && hopless:
		r.NoHop++
		return
	case best == nil && unreadableOnly:
		r.Unreadable++
		return
	case best == nil:
		if unlucky && !noTrace && (mark != inTraces || probes[0].ttl <= f.end) {
			r.Chance++
		}
		return
	case noTrace && cut:
		r.NoTrace++
		return
	case mark == inTraces && !noTrace && best.ttl > f.end:
		r.Beyond++
		return
	}
	r.Answers++
	who, whoFound := &r.Routers, &r.RoutersFound
	if best.marks&atTarget != 0 {
		who, whoFound = &r.Targets, &r.TargetsFound
	}
	*who++
	if found {
		r.Found++
		*whoFound++
		return
	}
	c.missing(&r.Missing, f, best, noTrace)
}

// missing counts a hop that should be there by its cause.
func (c *checker) missing(m *Missing, f *flow, s *sent, noTrace bool) {
	cause := ""
	switch {
	case noTrace:
		m.NoTrace++
		cause = "no trace"
	case c.isLate(s):
		m.Late++
		return
	case s.marks&ruledOut != 0 && c.tool == Masstrace:
		m.RuledOut++
		return
	case s.mangled != 0:
		m.Mangled++
		cause = "rewritten quotation"
	default:
		m.Lost++
		cause = "no known cause"
	}
	c.example("missing", "%s TTL %d from %s, %s: %s", c.asked.title(f), s.ttl, c.asked.from(s), s.answer, cause)
}

// isLate reports whether an answer was due after the run's wait.
func (c *checker) isLate(s *sent) bool { return c.waitNS > 0 && int64(s.wait) > c.waitNS }

// heard reports whether an answer came that the program could and may take for
// a hop, in time.
func (c *checker) heard(s *sent) bool {
	return s.emitted() && s.marks&unreadable == 0 && !c.isLate(s) &&
		(s.marks&ruledOut == 0 || c.tool != Masstrace)
}
