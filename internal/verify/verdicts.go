package verify

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/verdict"
)

// Verdicts is whether the verdicts of the traces are right: those in the file, and those that the
// same function gives to traces without one. Of several traces to a target with different methods,
// the last has the verdict.
type Verdicts struct {
	Judged    uint64         `json:"judged"`
	Undecided uint64         `json:"undecided"`
	ByVerdict []VerdictScore `json:"by_verdict"`
	// OurLoss counts the traces that name losses of this machine. Blamed counts those of them whose
	// verdict of silence rests on probes that the simulator answered.
	OurLoss uint64 `json:"our_loss"`
	Blamed  uint64 `json:"blamed"`
}

// VerdictScore is how often a verdict was given, and how often it is true.
type VerdictScore struct {
	Verdict string `json:"verdict"`
	Given   uint64 `json:"given"`
	Right   uint64 `json:"right"`
	True    uint64 `json:"true"` // targets of which it is true
	// Precision is Right of Given, and Recall is Right of True; 1 if these are 0.
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
}

// verdicts are the last verdicts of all targets that were judged.
type verdicts struct {
	judge verdict.Judge
	last  map[judgedFlow]judged
}

// judgedFlow is a flow to a target. Traces of other methods have the same number.
type judgedFlow struct {
	target probe.Addr
	flow   uint16
}

// judged is a verdict and the flow of the first trace.
type judged struct {
	given   record.Verdict
	flow    uint32
	ourLoss bool
	end     uint8 // TTL of the last answer
}

// note takes the verdict of a trace.
func (v *verdicts) note(t *record.Trace, flows []uint32) {
	v.judge.Complete(t)
	if len(flows) == 0 || t.StopReason == record.StopHalted || t.StopReason == record.StopGSS {
		return
	}
	if v.last == nil {
		v.last = make(map[judgedFlow]judged)
	}
	key := judgedFlow{t.Target, t.FlowIndex}
	j, again := v.last[key]
	if !again {
		j.flow = flows[0]
	}
	j.given, j.end = t.Judged.Verdict, t.Judged.TTL
	for _, c := range t.Judged.Conditions {
		j.ourLoss = j.ourLoss || c.Kind == record.OurLoss
	}
	v.last[key] = j
}

// verdictsReport compares the verdicts with the truth. It is nil if there are none.
func (c *checker) verdictsReport() *Verdicts {
	if len(c.verdicts.last) == 0 {
		return nil
	}
	r := &Verdicts{}
	scores := make([]VerdictScore, len(record.Verdicts())+1)
	for key, j := range c.verdicts.last {
		r.Judged++
		is := c.verdictOf(j.flow)
		scores[is].True++
		scores[j.given].Given++
		if is == j.given {
			scores[is].Right++
		} else if j.given == record.VerdictUndecided {
			r.Undecided++
		} else {
			c.example("verdict "+j.given.String(), "%s: %s, not %s", key.target, j.given, is)
		}
		if j.ourLoss {
			r.OurLoss++
			r.Blamed += c.blamed(&j)
		}
	}
	for _, v := range record.Verdicts() {
		s := scores[v]
		if v == record.VerdictUndecided || s.Given+s.True == 0 {
			continue
		}
		s.Verdict = v.String()
		s.Precision, s.Recall = shareOf(s.Right, s.Given), shareOf(s.Right, s.True)
		r.ByVerdict = append(r.ByVerdict, s)
	}
	return r
}

func shareOf(part, all uint64) float64 {
	if all == 0 {
		return 1
	}
	return float64(part) / float64(all)
}

// verdictOf returns the true verdict of a target, for the methods that the run asked it with.
func (c *checker) verdictOf(flow uint32) record.Verdict {
	f := &c.asked.flows[flow]
	end := c.endOf(f)
	switch end.Outcome {
	case netsim.ArrivesAnswered:
		return record.VerdictReached
	case netsim.Refused:
		return record.VerdictFiltered
	case netsim.ReportedUnreach:
		return record.VerdictUnreachable
	case netsim.InLoop:
		return record.VerdictLoop
	}
	for i := c.asked.dests[f.dest].flow; i != none; i = c.asked.flows[i].next {
		g := &c.asked.flows[i]
		if g.askedLike(f) {
			continue
		}
		switch other := c.endOf(g); {
		case other.Outcome == netsim.ArrivesAnswered, other.Answer == netsim.HostUnreach,
			other.Outcome == netsim.HostIsSilent && end.Outcome == netsim.PathIsSilent,
			other.Outcome == netsim.PathIsSilent && end.Outcome == netsim.PathIsSilent && c.goesBeyond(g, f):
			return record.VerdictFiltered // it passes where the first method ends
		case other.Outcome == netsim.ReportedUnreach:
			return record.VerdictUnreachable
		case other.Outcome == netsim.InLoop:
			return record.VerdictLoop
		}
	}
	if end.Outcome == netsim.HostIsSilent {
		return record.VerdictHostSilent
	}
	return record.VerdictNoPath
}

// askedLike reports whether two flows have the same method and port. ICMP has no port.
func (f *flow) askedLike(o *flow) bool {
	isICMP := f.proto == probe.ProtoICMP || f.proto == probe.ProtoICMPv6
	return f.proto == o.proto && (isICMP || f.first&0xffff == o.first&0xffff)
}

// goesBeyond reports whether g has the last router of f on its path, and after it routers that are not
// on the path of f. The answers of one method may be lost to a box that those of another one pass.
func (c *checker) goesBeyond(g, f *flow) bool {
	ofF, ofG := c.routersOf(f), c.routersOf(g)
	if len(ofF) == 0 {
		return len(ofG) > 0
	}
	at := slices.Index(ofG, ofF[len(ofF)-1])
	return at >= 0 && slices.ContainsFunc(ofG[at+1:], func(a netip.Addr) bool { return !slices.Contains(ofF, a) })
}

// routersOf returns the routers on the path of a flow whose answers can be assigned.
func (c *checker) routersOf(f *flow) (list []netip.Addr) {
	in := c.asked.netsimFlow(f)
	for _, hops := range c.truth.Path(&in, c.lastTTL()) {
		for k := range hops {
			if h := &hops[k]; h.Fate == netsim.Answered && h.Answer == netsim.TimeExceeded && c.shows(f, h) {
				list = append(list, h.Addr)
			}
		}
	}
	return list
}

// lastTTL returns the highest TTL of the probes.
func (c *checker) lastTTL() uint8 {
	if c.run != nil && c.run.TTL[1] > 0 {
		return c.run.TTL[1]
	}
	return probe.MaxTTL
}

// endOf returns the end of the path of a flow.
func (c *checker) endOf(f *flow) netsim.EndOf {
	in := c.asked.netsimFlow(f)
	return c.truth.Outcome(&in, c.lastTTL(), func(h *netsim.Hop) bool { return h.Answer == netsim.UDPReply || c.shows(f, h) })
}

// blamed returns 1 if a verdict blames the network for a loss of this machine. Then the simulator
// answered a probe beyond the last TTL with an answer.
func (c *checker) blamed(j *judged) uint64 {
	if j.given != record.VerdictNoPath && j.given != record.VerdictHostSilent {
		return 0
	}
	for _, s := range c.asked.of(&c.asked.flows[j.flow]) {
		if s.ttl > j.end && s.emitted() && s.marks&(unreadable|ruledOut) == 0 {
			return 1
		}
	}
	return 0
}

var verdictWords = map[string]string{
	"reached": "the target answered", "filtered": "a firewall reports it, or another method passes",
	"host_silent": "the path is alive to the last router", "unreachable": "a router reports it",
	"loop": "a loop of routers", "no_path": "silence from an earlier router on",
}

// textVerdicts writes the verdicts.
func (r *Report) textVerdicts(t *table) {
	v := r.Verdicts
	if v == nil {
		return
	}
	t.head("VERDICTS", "why each trace ends, against the truth of the simulator")
	t.count(shown, "targets", v.Judged, "judged")
	t.count(shown, "undecided", v.Undecided, "the answers are too few to decide")
	for _, s := range v.ByVerdict {
		t.line("", s.Verdict, fmt.Sprintf("%.4f / %.4f", s.Precision, s.Recall), fmt.Sprintf(
			"precision / recall: %d right of %d given, %d true; %s", s.Right, s.Given, s.True, verdictWords[s.Verdict]))
	}
	if v.OurLoss > 0 {
		t.count(shown, "our loss", v.OurLoss, "traces that name losses of this machine")
		t.count(hoped, "  blamed", v.Blamed, "their silence is called that of the network")
	}
}
