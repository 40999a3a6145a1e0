package multipath

import "math"

// A per-packet balancer sends a repeat to the node of the first probe with the share of that node. So
// each repeat that stays at a node with the share p is evidence of −log₂ p bits against such a
// balancer. Repeats at the rarest nodes are worth the most.
const (
	// enoughBits is the evidence that a balancer of flows needs. At a per-packet one with shares of
	// 1:1 to 1:10, all repeats stay with a probability below 2.5 · 10⁻⁴; see TestEvidence. It is not
	// exactly 2⁻¹², because shares are estimates, and flows may be too few for more.
	enoughBits = 12
	// borrowedBits is for balancers that other targets have shown to balance flows. Only a move
	// is looked for there.
	borrowedBits = 5
	// provenBits is the evidence without which a balancer may be a per-packet one, and its links are not
	// claimed. A full window, a limit or a stop kept the search from enoughBits.
	provenBits = 4
	// mostSilent is how many repeats that nothing answers end the search for evidence.
	mostSilent = 10
	// fewRepeats is how many flows are asked again at once where other targets have shown a per-packet
	// balancer.
	fewRepeats = 3
	// mostFlows is how many flows of a row are enough in any case.
	mostFlows = 64
)

// shares counts the flows at each node of a row.
type shares struct {
	counts [maxNodes + 1]uint16
	flows  []uint16 // those counted
	total  int
}

// bits returns the evidence of a repeat that stays at a node.
func (r *shares) bits(node int) float64 {
	return math.Log2(float64(r.total) / float64(max(1, r.counts[node])))
}

// meanBits returns the mean evidence of a flow of the row at ttl.
func (s *Search) meanBits(r *shares, ttl uint8) (bits float64) {
	for _, f := range r.flows {
		bits += r.bits(s.get(f, ttl).node())
	}
	return bits / float64(max(1, r.total))
}

// share counts the flows of the row at ttl that go through a node in front of it; 0 is any.
func (s *Search) share(r *shares, ttl uint8, near int) {
	clear(r.counts[:len(s.addrs)+1])
	r.flows, r.total = r.flows[:0], 0
	for f, c := range s.line(ttl) {
		if !s.passes(uint16(f), ttl, near) {
			continue
		}
		r.counts[c.node()]++
		r.flows = append(r.flows, uint16(f))
		r.total++
	}
}

// passes reports whether a flow was answered in the row at ttl and goes through the node near.
func (s *Search) passes(flow uint16, ttl uint8, near int) bool {
	return s.get(flow, ttl).answered() && !s.endsBefore(flow, ttl) && (near == 0 || s.get(flow, ttl-1).node() == near)
}

// gatherEvidence asks flows of a row again, until those that stay are evidence of so many bits that
// near, in front of the row, balances flows. Once all rows are settled, repeats from before do not
// count. Low flows come first: they were asked first, so that they show any move since. Where flows
// are too few, each is asked again twice. gatherEvidence reports whether it asked.
func (s *Search) gatherEvidence(v *view, ttl uint8, near int, bits float64) (asked bool) {
	since := 0
	if s.flags&finishing != 0 {
		since = s.settled
	}
	r := &v.shares
	s.share(r, ttl, near)
	silent, most := 0, len(s.extras)+mostFlows
	if s.isWarned(v) { // a few show it
		most = len(s.extras) + fewRepeats
	}
	for i := range s.extras[since:] {
		e := &s.extras[since+i]
		switch {
		case e.TTL != ttl || e.Attempt < firstRepeat || !s.passes(e.Flow, ttl, near):
		case e.state == extraSilent:
			silent++
		case e.state == extraPending || int(e.node) == s.get(e.Flow, ttl).node():
			bits -= r.bits(s.get(e.Flow, ttl).node())
		}
	}
	for _, attempt := range [...]uint8{second, third} {
		if attempt == third && s.row(ttl).flags&rowFew == 0 {
			break // each flow has one left, to see it move
		}
		for _, f := range r.flows {
			if bits <= 0 || silent > mostSilent || len(s.extras) >= most {
				return asked
			}
			if s.askExtra(Probe{Flow: f, TTL: ttl, Attempt: attempt}) {
				asked = true
				bits -= r.bits(s.get(f, ttl).node())
			}
		}
	}
	return asked
}

// prepareEvidence asks new flows in each row whose flows are too few to be enough evidence. It reports
// whether it asked. All of them must be asked before the first flow is asked again: a balancer may
// move flows at any time, and later flows would not show it.
func (s *Search) prepareEvidence() (asked bool) {
	v := s.cfg.views.get()
	defer s.cfg.views.put(v)
	for ttl := s.first; s.has(ttl); ttl++ {
		row := s.row(ttl)
		if row.nodes < 2 || row.flags&(rowSampled|rowPacket|rowLimits) != 0 || s.inPacket(ttl) {
			continue
		}
		s.look(v, ttl)
		if !v.alone && v.onlyNear() == nil || v.silent > mostSilent || s.isBorrowed(len(v.fars), v.answers) {
			continue
		}
		r := &v.shares
		s.share(r, ttl, 0)
		mean := s.meanBits(r, ttl)
		if lack := s.lackBits(v) - mean*float64(r.total); lack > 0 && mean > 0 && v.asked < mostFlows {
			if s.askNew(v, min(int(math.Ceil(lack/mean)), mostFlows-v.asked)) {
				asked = true
			} else {
				row.flags |= rowFew
			}
		}
	}
	return asked
}

// keepBits returns the evidence of the row after the one at ttl that flows keep to the branches of a
// diamond: each branch goes on to a node of its own, and every flow met both. Flows that a per-packet
// balancer sends anew would meet them by chance. The first flow of each branch tells which nodes belong
// together.
func (s *Search) keepBits(ttl uint8) (bits float64) {
	v := s.cfg.views.get()
	defer s.cfg.views.put(v)
	v.reset(ttl + 1)
	s.share(&v.shares, ttl+1, 0)
	branches := 0
	for _, f := range v.shares.flows {
		b, c := s.get(f, ttl), s.get(f, ttl+1)
		if !b.answered() || s.isEnd(b) || s.isEnd(c) {
			continue
		}
		next, back := &v.nearOf[b.node()], &v.farOf[c.node()]
		switch {
		case next.epoch != v.epoch && back.epoch != v.epoch:
			*next, *back = mark{v.epoch, uint16(c.node())}, mark{v.epoch, uint16(b.node())}
			branches++
		case next.epoch != v.epoch || back.epoch != v.epoch || int(next.at) != c.node():
			return 0
		default:
			bits += v.shares.bits(c.node())
		}
	}
	if branches < 2 {
		return 0
	}
	return bits
}

// hasMovedOnce returns the evidence that the balancer in front of the row at ttl, which moved flows,
// did so once: flows that stayed after they had moved, and later flows that stayed.
func (s *Search) hasMovedOnce(ttl uint8) (bits float64) {
	v := s.cfg.views.get()
	defer s.cfg.views.put(v)
	r, later := &v.shares, s.row(ttl).later
	s.share(r, ttl, 0)
	for i := range s.extras {
		e := &s.extras[i]
		if e.TTL != ttl || e.state != extraAnswered || !s.passes(e.Flow, ttl, 0) {
			continue
		}
		node, before := int(e.node), s.get(e.Flow, ttl).node()
		switch e.Attempt {
		case second:
			if node == before && later > 0 && e.Flow >= later {
				bits += r.bits(node)
			}
		case third:
			if two := s.extra(Probe{Flow: e.Flow, TTL: ttl, Attempt: second}); two.state == extraAnswered && int(two.node) == node && node != before {
				bits += r.bits(node)
			}
		}
	}
	return bits
}

// askLater asks new flows in the row at ttl, whose balancer has moved flows. It reports whether it
// asked.
func (s *Search) askLater(ttl uint8) bool {
	v := s.cfg.views.get()
	defer s.cfg.views.put(v)
	s.look(v, ttl)
	if !v.alone || v.asked >= mostFlows || v.silent > mostSilent {
		return false
	}
	row := s.row(ttl)
	if row.later == 0 {
		row.later = uint16(len(s.line(ttl)))
	}
	asked := false
	for f, n := row.later, 0; n < certain && int(f) < s.cfg.MaxFlows; f++ {
		if !s.endsBefore(f, ttl) && s.ask(f, ttl) {
			asked = true
			n++
		}
	}
	return asked
}

// isProven reports whether repeats of the passes into the row at t show that their balancer keeps flows
// together: enough of them stayed, or half of the flows, if those are few. If the balancer moved flows once,
// repeats since then count.
func (d *Describer) isProven(t int, passes []pass) bool {
	since := int64(math.MinInt64)
	if d.shaken[t] {
		since = d.since[t]
	}
	answered, bits, possible := 0, 0.0, 0.0
	for i := range passes {
		if passes[i].far != 0 {
			answered++
		}
	}
	for begin, end := 0, 0; begin < len(passes); begin = end { // they are sorted by far end
		for end = begin; end < len(passes) && passes[end].far == passes[begin].far; end++ {
		}
		if passes[begin].far == 0 {
			continue
		}
		each := math.Log2(float64(answered) / float64(end-begin))
		possible += each * float64(end-begin)
		for _, p := range passes[begin:end] {
			bits += each * float64(d.find(p.flow, t).stays(since))
		}
	}
	return bits >= min(provenBits, possible/2)
}
