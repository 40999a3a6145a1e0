package multipath

import "slices"

// certain is how many flows are asked again at once to see whether they moved too.
const certain = 10

// leastSole returns how many flows must meet the same node in the row at ttl, whatever the rule
// takes. They are more if silence in a row beside it may be a branch of a per-packet balancer. If all
// flows in the one row pass this branch, and those in the other row do not, a link between the rows would
// be false.
func (s *Search) leastSole(ttl uint8) int {
	switch {
	case s.has(ttl) && s.row(ttl).flags&rowSole != 0 && !s.isCertain(ttl):
		return s.soleFlows(ttl + 1)
	case s.isVeiled(ttl-1) && !s.isLinked(ttl) || s.isVeiled(ttl+1) && !s.isLinked(ttl+1):
		return s.cfg.rule.Flows(2)
	}
	return 0
}

// isVeiled reports whether one node answers in the row at ttl, and silence may hide another one, or would if
// its router were asked more than its limit allows.
func (s *Search) isVeiled(ttl uint8) bool {
	if !s.has(ttl) {
		return false
	}
	row := s.row(ttl)
	return row.nodes == 1 && row.flags&(rowHides|rowLimits) != 0 && row.flags&rowKnown == 0
}

// front returns the first row after the balancer from which the paths in the row at ttl diverge. All
// paths certainly meet one node before it.
func (s *Search) front(ttl uint8) uint8 {
	for ttl > s.first && s.has(ttl-1) && s.row(ttl-1).parts() {
		ttl--
	}
	return ttl
}

// parts reports whether paths may pass several nodes in the row. Flows that nothing answers are on
// another branch, maybe.
func (r *row) parts() bool {
	return r.nodes > 1 || r.flags&rowHides != 0 || r.nodes == 0
}

// How many silent flows at a TTL may hide a branch.
const (
	veils      = 2 // a single one is lost more likely
	rarestVeil = 8 // a branch with a smaller part of the answered flows is not told from losses
)

// hides reports whether so many silent flows may hide a branch beside those that are answered.
func hides(silent, answered int) bool { return silent >= veils && silent*rarestVeil >= answered }

// inPacket reports whether a per-packet balancer lies before the TTL in front of the row, so that
// the near end of a flow is chance.
func (s *Search) inPacket(ttl uint8) bool {
	for f := s.front(ttl); f < ttl; f++ {
		if s.has(f) && s.row(f).flags&rowPacket != 0 {
			return true
		}
	}
	return false
}

// checkDiamond judges the balancer in front of the diamond of a row. Unless it is a per-packet one,
// nodes are controlled from there on. checkDiamond returns false until the repeats are answered.
func (s *Search) checkDiamond(ttl uint8) bool {
	f := s.front(ttl)
	judged := f
	for judged < ttl && s.has(judged) && s.row(judged).nodes < 2 {
		judged++
	}
	if !s.has(judged) {
		return true
	}
	row := s.row(judged)
	if row.flags&rowChecked == 0 {
		if !s.judge(judged, func() bool { return s.gatherFor(judged) }) {
			return false
		}
		row.flags |= rowChecked
	}
	if row.flags&rowPacket == 0 && (s.from == 0 || f < s.from) {
		s.from = f
		s.dirty |= ^uint64(0) << f
	}
	return true
}

// gatherFor asks flows of the row at ttl again, as gatherEvidence does.
func (s *Search) gatherFor(ttl uint8) bool {
	v := s.cfg.views.get()
	defer s.cfg.views.put(v)
	s.look(v, ttl)
	return s.gatherEvidence(v, ttl, 0, s.lackBits(v))
}

// lackBits returns the evidence that repeats must give that the balancer in front of the row balances flows.
// They look for a move in any case.
func (s *Search) lackBits(v *view) float64 {
	if s.isShown(v) {
		return borrowedBits
	}
	return max(borrowedBits, enoughBits-s.keepBits(v.ttl))
}

// verdict has the counts of the repeats of a row.
type verdict struct {
	waiting bool
	seconds int  // answered
	moved   int  // flows that a second attempt found at another node
	late    bool // a third attempt found one at another node, the second did not
	// turned is set if all three attempts of a flow differ, or the third is back at the first
	// node. It is also set if flows moved at several times.
	turned  bool
	lacking int // moved flows without a third attempt
}

// hasMoves reports whether a repeat was answered by another node.
func (v verdict) hasMoves() bool { return v.moved > 0 || v.late }

func (s *Search) verdict(ttl uint8) (v verdict) {
	after, before := -1, len(s.extras) // the flows moved between these repeats, if at once
	for i := range s.extras {
		e := &s.extras[i]
		if e.TTL != ttl || e.Attempt < firstRepeat {
			continue
		}
		if e.state == extraPending {
			v.waiting = true
		}
		if e.Attempt != second || e.state != extraAnswered {
			continue
		}
		v.seconds++
		moved := int(e.node) != s.get(e.Flow, ttl).node()
		t := s.extra(Probe{Flow: e.Flow, TTL: ttl, Attempt: third})
		turned := t != nil && t.state == extraAnswered && t.node != e.node
		if !moved {
			if turned {
				v.late, after = true, i
			}
			continue
		}
		if t == nil {
			v.lacking++
		}
		v.moved++
		v.turned = v.turned || turned
		before = min(before, i)
	}
	v.turned = v.turned || after > before
	return v
}

// judge asks flows of a row again, with sample until one moves, and judges the answers. It reports
// whether it is done. A flow that moved is asked a third time. A per-packet balancer moves it once
// more with some probability. A balancer with a new hash does not. So flows must have stayed since.
func (s *Search) judge(ttl uint8, sample func() bool) bool {
	row := s.row(ttl)
	v := s.verdict(ttl)
	switch {
	case v.waiting:
		return false
	case !v.hasMoves() && row.flags&rowSampled == 0 && sample():
		return false
	case v.turned:
		if row.flags&rowPacket == 0 {
			row.flags |= rowPacket
			s.dirty |= ^uint64(0) << ttl
		}
		if f := s.front(ttl); f > s.first && s.row(f-1).flags&rowSole == 0 {
			s.row(f - 1).flags |= rowSole
			s.dirty |= 1 << (f - 1)
			return false
		}
	case v.moved == 0 && !v.late, row.flags&rowMoved != 0:
	case v.lacking > 0 && s.askThird(ttl):
		return false
	case s.hasMovedOnce(ttl) < enoughBits && (s.sampleMoved(ttl, certain) || s.askLater(ttl)):
		return false
	default:
		row.flags |= rowMoved
	}
	return true
}

// askThird asks a few flows of a row that moved once more.
func (s *Search) askThird(ttl uint8) (asked bool) {
	left := fewRepeats
	for i := 0; i < len(s.extras) && left > 0; i++ {
		e := s.extras[i]
		if e.TTL == ttl && e.Attempt == second && e.state == extraAnswered && int(e.node) != s.get(e.Flow, ttl).node() {
			if s.askExtra(Probe{Flow: e.Flow, TTL: ttl, Attempt: third}) {
				asked = true
				left--
			}
		}
	}
	return asked
}

// sample asks n flows of a row again that were not asked again yet. Low flows come first: they were
// asked first, so that they show any move since.
func (s *Search) sample(ttl uint8, n int) (asked bool) {
	line := s.line(ttl)
	for f := range line {
		p := Probe{Flow: uint16(f), TTL: ttl, Attempt: second}
		if n == 0 {
			break
		}
		if !s.passes(p.Flow, ttl, 0) {
			continue
		}
		if s.askExtra(p) {
			asked = true
			n--
		}
	}
	return asked
}

// sampleMoved asks n flows of a row again that were not asked again yet. They are at nodes from or to
// which others moved, so that the same balancer may move them.
func (s *Search) sampleMoved(ttl uint8, n int) (asked bool) {
	var moved []uint16
	for i := range s.extras {
		e := &s.extras[i]
		if first := uint16(s.get(e.Flow, ttl).node()); e.TTL == ttl && e.Attempt >= firstRepeat && e.state == extraAnswered && e.node != first {
			moved = append(moved, e.node, first)
		}
	}
	for f, c := range s.line(ttl) {
		if n == 0 {
			break
		}
		if !c.answered() || s.endsBefore(uint16(f), ttl) || !slices.Contains(moved, uint16(c.node())) {
			continue
		}
		if s.askExtra(Probe{Flow: uint16(f), TTL: ttl, Attempt: second}) {
			asked = true
			n--
		}
	}
	return asked
}

// finish asks the rest when all rows are settled. A sample of flows is asked again at each
// balancer, and all flows through a balancer that moved some. Then come the variations. finish
// reports whether it asked.
func (s *Search) finish() (asked bool) {
	if s.prepareEvidence() {
		return true
	}
	if s.flags&finishing == 0 {
		s.flags |= finishing
		s.settled = len(s.extras)
	}
	for ttl := s.first; s.has(ttl); ttl++ {
		row := s.row(ttl)
		if row.nodes < 2 && !s.verdict(ttl).hasMoves() || s.inPacket(ttl) {
			continue
		}
		if row.flags&(rowSampled|rowPacket) == 0 && s.sampleNears(ttl) {
			asked = true
			continue
		}
		row.flags |= rowSampled
		if !s.judge(ttl, nil) {
			asked = true
			continue
		}
		row.flags |= rowChecked
		switch row.flags & (rowMoved | rowPacket) {
		case 0:
			if s.cfg.Known != nil {
				s.lendSampled(ttl)
			}
		case rowPacket, rowPacket | rowMoved:
			s.warn(ttl)
		case rowMoved:
			asked = s.confirm(s.front(ttl)) || asked
		}
	}
	if asked || !s.cfg.HashFields {
		return asked
	}
	for ttl := s.first; s.has(ttl); ttl++ {
		if row := s.row(ttl); row.nodes > 1 && row.flags&(rowPacket|rowVaried) == 0 && !s.inPacket(ttl) {
			row.flags |= rowVaried
			asked = s.vary(ttl) || asked
		}
	}
	return asked
}

// soleSample is how many flows are asked again in front of a row that all flows seem to reach from
// one node. If there was another one, and the flows moved before they were asked in the row, the row
// alone would not show the move.
const soleSample = 3

// sampleNears samples each balancer in front of a row. Other targets have shown that one which is
// borrowed balances flows, so that only a move is looked for there.
func (s *Search) sampleNears(ttl uint8) (asked bool) {
	v := s.cfg.views.get()
	defer s.cfg.views.put(v)
	s.look(v, ttl)
	if s.isWarned(v) && s.verdict(ttl).hasMoves() {
		return false
	}
	bits := func(width, answers int) float64 {
		if s.isBorrowed(width, answers) {
			return borrowedBits
		}
		return s.lackBits(v)
	}
	if v.alone {
		if ttl > s.first && s.row(ttl-1).flags&(rowKnown|rowSoleSampled) == 0 {
			s.row(ttl - 1).flags |= rowSoleSampled
			asked = s.sample(ttl-1, soleSample)
		}
		return s.gatherEvidence(v, ttl, 0, bits(len(v.fars), v.answers)) || asked
	}
	if v.onlyNear() != nil { // the balancer may be before it, and silence a branch beside it
		return s.gatherEvidence(v, ttl, 0, bits(len(v.fars), v.answers))
	}
	for i := range v.nears {
		if n := &v.nears[i]; n.width > 1 && n.node != 0 {
			asked = s.gatherEvidence(v, ttl, n.node, bits(n.width, n.answers)) || asked
		}
	}
	return asked
}

// confirm asks the flows of the row at ttl, of the row before, and of all rows up to where its
// paths join, again. Flows that were asked again already are asked a third time. Some are asked at
// the join too: before the flows moved, they may have met one node by chance.
func (s *Search) confirm(ttl uint8) (asked bool) {
	joined := false
	for t := max(s.first, ttl-1); s.has(t) && !joined; t++ {
		joined = t >= ttl && s.row(t).nodes <= 1
		if s.row(t).flags&rowConfirmed != 0 {
			continue
		}
		s.row(t).flags |= rowConfirmed
		left := mostConfirmed
		if joined {
			left = s.cfg.rule.Flows(1)
		}
		for f, c := range s.line(t) {
			if left == 0 || !c.answered() || s.endsBefore(uint16(f), t) {
				continue
			}
			left--
			p := Probe{Flow: uint16(f), TTL: t, Attempt: second}
			if !s.askExtra(p) {
				p.Attempt = third
				if !s.askExtra(p) {
					continue
				}
			}
			asked = true
		}
	}
	return asked
}
