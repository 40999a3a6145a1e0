package verify

import (
	"slices"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
)

// claim is a hop in the results: a probe to dst at this TTL was answered by from.
type claim struct {
	dst, from probe.Addr
	tx        int64 // ns, when the probe left; 0: not stated
	rttNS     int64 // -1: not stated
	attempt   int   // from 0; -1: not stated
	valid     probe.Validity
	mangled   probe.Mangled
	quotedTTL int // -1: not stated
	labels    int // number of labels; -1: not stated
	ttl       uint8
	replyTTL  uint8 // 0: not stated
	kind      probe.Kind
	hasKind   bool // kind is stated
	hasValid  bool // valid and mangled are stated
	late      bool // the reply came after the wait
	copy      bool // the reply is a duplicate
	withheld  bool // too little speaks for the reply, so that it claims no hop
}

// tally is the judgement of one kind of rows.
type tally struct {
	Hops
	mark  marks // mark for probes whose answers are in such rows
	class Class
	rtt   []uint32 // |rtt − planned|, ns
}

// mostTimes is how many round-trip times are compared.
const mostTimes = 1 << 24

// Hops counts claimed hops. All counts but Judged, True and Withheld are of false hops.
type Hops struct {
	Judged uint64 `json:"judged"`
	True   uint64 `json:"true"` // the log has exactly this answer
	// Impossible: no probe of any flow to the target can be answered from that address at that
	// TTL.
	Impossible uint64 `json:"impossible"`
	// OtherFlow: a probe of another flow can, a probe of the claimed flow cannot.
	OtherFlow uint64 `json:"other_flow"`
	// NoProbe: the log has no probe of that flow at that TTL.
	NoProbe uint64 `json:"no_probe"`
	// NoAnswer: the address can answer, but it answered no probe at that TTL.
	NoAnswer uint64 `json:"no_answer"`
	// Withheld: the log has no such answer, and the results do not claim a hop for it. A garbled
	// copy has a valid tag of another probe by chance, once in 2⁸.
	Withheld uint64 `json:"withheld,omitempty"`

	Class *Class `json:"class,omitempty"`
	RTT   *RTT   `json:"rtt,omitempty"`
}

// False returns how many hops are false in any way.
func (h *Hops) False() uint64 { return h.Impossible + h.OtherFlow + h.NoProbe + h.NoAnswer }

// RTT is the error of round-trip times, relative to the times that the simulator planned.
type RTT struct {
	Count    int     `json:"count"`
	MedianMS float64 `json:"median_ms"`
	P99MS    float64 `json:"p99_ms"`
	MaxMS    float64 `json:"max_ms"`
}

// report returns the sums.
func (t *tally) report() *Hops {
	h := t.Hops
	class := t.class
	if class.Judged > 0 || class.Unexplained > 0 || class.BesideFlipped > 0 {
		h.Class = &class
	}
	if n := len(t.rtt); n > 0 {
		slices.Sort(t.rtt)
		ms := func(i int) float64 { return float64(t.rtt[i]) / 1e6 }
		h.RTT = &RTT{Count: n, MedianMS: ms(n / 2), P99MS: ms(n * 99 / 100), MaxMS: ms(n - 1)}
	}
	return &h
}

// judge judges a claim about a probe of one of the flows.
func (c *checker) judge(t *tally, flows []uint32, q *claim) {
	t.Judged++
	probed, found := false, (*sent)(nil)
	var far int64
	for _, i := range flows {
		probes := c.asked.at(&c.asked.flows[i], q.ttl)
		probed = probed || len(probes) > 0
		for k := range probes {
			s := &probes[k]
			if s.fate != netsim.Answered || s.copies == 0 || c.asked.from(s) != q.from {
				continue
			}
			if d := distance(q, s, k); found == nil || d < far {
				found, far = s, d
			}
		}
	}
	switch {
	case found != nil:
		t.True++
		c.agree(t, q, found)
	case q.withheld:
		t.Withheld++
	case !probed:
		t.NoProbe++
		c.example("of no probe", "%s TTL %d from %s", q.dst, q.ttl, q.from)
	default:
		c.refute(t, flows, q)
	}
}

// distance returns how badly a logged probe fits a claim with its answer. It compares the times
// at which they were sent, if the claim has one. Otherwise it compares the attempts, or else the
// round-trip times.
func distance(q *claim, s *sent, attempt int) int64 {
	switch {
	case q.tx != 0:
		return abs(s.time - q.tx)
	case q.attempt >= 0:
		return abs(int64(attempt - q.attempt))
	case q.rttNS >= 0:
		return abs(int64(s.wait) - q.rttNS)
	}
	return 0
}

func abs(v int64) int64 { return max(v, -v) }

// agree counts a claim that agrees with the log.
func (c *checker) agree(t *tally, q *claim, s *sent) {
	if !q.late {
		s.marks |= t.mark
	}
	if q.hasValid && q.valid != probe.Strong {
		s.marks |= oneTag
	}
	if q.rttNS >= 0 && !q.copy && s.marks&flipped == 0 && len(t.rtt) < mostTimes {
		t.rtt = append(t.rtt, uint32(min(abs(q.rttNS-int64(s.wait)), 1<<32-1)))
	}
	c.classify(t, q, s)
}

// refute determines in which way a claim is false.
func (c *checker) refute(t *tally, flows []uint32, q *claim) {
	verdict := netsim.Impossible
	for _, i := range flows {
		f := &c.asked.flows[i]
		if len(c.asked.at(f, q.ttl)) == 0 {
			continue
		}
		verdict = min(verdict, c.verdict(f, q.ttl, q.from))
	}
	switch verdict {
	case netsim.TrueHop:
		t.NoAnswer++
		c.example("of no answer", "%s TTL %d from %s", q.dst, q.ttl, q.from)
	case netsim.OtherFlow:
		t.OtherFlow++
		c.example("of another flow", "%s TTL %d from %s", q.dst, q.ttl, q.from)
	default:
		t.Impossible++
		what := ""
		if kind, _ := c.truth.Locate(q.from.Netip()); kind == netsim.NoiseAddr {
			what = ", which only sends noise"
		}
		c.example("impossible", "%s TTL %d from %s%s", q.dst, q.ttl, q.from, what)
	}
}

// verdict judges whether an address can answer probes of a flow at a TTL. If the network changes
// during the run, it may be at the begin or at the end.
func (c *checker) verdict(f *flow, ttl uint8, from probe.Addr) netsim.Verdict {
	in := c.asked.netsimFlow(f)
	v := c.truth.Judge(&in, ttl, from.Netip())
	if v != netsim.TrueHop && c.asked.changes {
		in = c.asked.netsimFlowAt(f, c.asked.last)
		v = min(v, c.truth.Judge(&in, ttl, from.Netip()))
	}
	return v
}
