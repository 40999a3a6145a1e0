package verify

import "github.com/masstrace/masstrace/internal/netsim"

// Recall is how many of the answers are in the results. It counts each (target, flow, TTL) within
// its trace of which an attempt was answered. If there are no traces, it counts all.
type Recall struct {
	Answers uint64  `json:"answers"`
	Found   uint64  `json:"found"`
	Share   float64 `json:"share"` // 1 if there are no answers

	// Routers and Targets count the same by responder.
	Routers, RoutersFound uint64  `json:"-"`
	RouterShare           float64 `json:"router_share"`
	Targets, TargetsFound uint64  `json:"-"`
	TargetShare           float64 `json:"target_share"`

	Missing Missing `json:"missing"`

	// Not counted: answers that quote another target or flow than the probe's because a box
	// rewrote them, and answers that show no hop.
	Unreadable uint64 `json:"unreadable"`
	NoHop      uint64 `json:"no_hop"`
	// Beyond is answers above their trace's end. NoTrace is answers of flows without a trace,
	// in a file that was cut or has multipath records.
	Beyond  uint64 `json:"beyond"`
	NoTrace uint64 `json:"no_trace"`
	// Chance is hops within their traces for which chance or a rate limit suppressed every
	// answer.
	Chance uint64 `json:"chance"`
}

// Missing counts missing hops by cause. If several causes apply, the first one counts.
type Missing struct {
	NoTrace uint64 `json:"no_trace"` // the results have no trace of the flow
	Late    uint64 `json:"late"`     // the answer was due after the wait
	// RuledOut: one tag and another source address; masstrace must reject such an answer.
	RuledOut uint64 `json:"ruled_out"`
	Mangled  uint64 `json:"mangled"` // the quotation was rewritten
	Lost     uint64 `json:"lost"`    // after the simulator, or in the program
}

// recall evaluates all probes of the log. mark is the one that the results set.
func (c *checker) recall(mark marks) (r Recall) {
	// Multipath records have traces of some flows.
	cut := c.tool == Masstrace && !c.ended() || c.paths != nil
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
	var best *sent // the probe whose answer shows the hop best
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

// missing counts a missing hop by its cause.
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

// heard reports whether an answer came in time that the program could and may accept as a hop.
func (c *checker) heard(s *sent) bool {
	return s.emitted() && s.marks&unreadable == 0 && !c.isLate(s) &&
		(s.marks&ruledOut == 0 || c.tool != Masstrace)
}
