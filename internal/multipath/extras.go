package multipath

import (
	"math"
	"math/bits"

	"github.com/masstrace/masstrace/internal/probe"
)

// extra is a probe outside the table: a repeat, or one that varies a field.
type extra struct {
	Probe
	node  uint16 // that answered
	state extraState
}

type extraState uint8

const (
	extraPending extraState = iota
	extraAnswered
	extraSilent
)

const (
	second = firstRepeat     // the first repeat
	third  = firstRepeat + 1 // after a second one that differs from the first answer
	// mostConfirmed bounds the flows that are asked again at a TTL behind a balancer that
	// moved some.
	mostConfirmed = 128
	fewExtras     = 16 // up to here they have no index
)

// isExtra reports whether probes like p are outside the table.
func isExtra(p Probe) bool { return p.Attempt >= firstRepeat || p.Flow >= MaxFlows }

// extra returns the extra of a probe, or nil if it was never asked.
func (s *Search) extra(p Probe) *extra {
	if len(s.extras) <= fewExtras {
		for i := range s.extras {
			if s.extras[i].Probe == p {
				return &s.extras[i]
			}
		}
		return nil
	}
	if n := s.extraIndex[s.extraSlot(p)]; n != 0 {
		return &s.extras[n-1]
	}
	return nil
}

func (s *Search) askExtra(p Probe) bool {
	if s.extra(p) != nil {
		return false
	}
	s.extras = append(s.extras, extra{Probe: p})
	switch n := len(s.extras); {
	case n <= fewExtras:
	case n == fewExtras+1 || n*indexSpace > len(s.extraIndex):
		s.extraIndex = make([]uint16, 2*indexSpace<<(bits.Len(uint(n))-1))
		for i := range s.extras {
			s.extraIndex[s.extraSlot(s.extras[i].Probe)] = uint16(i + 1)
		}
	default:
		s.extraIndex[s.extraSlot(p)] = uint16(n)
	}
	s.push(p)
	return true
}

// extraSlot returns where the index has the extra of a probe, or its free place.
func (s *Search) extraSlot(p Probe) int {
	mask := len(s.extraIndex) - 1
	h := (uint32(p.Flow)<<16 | uint32(p.TTL)<<8 | uint32(p.Attempt)) * 0x9e3779b1
	i := int(h>>12) & mask
	for s.extraIndex[i] != 0 && s.extras[s.extraIndex[i]-1].Probe != p {
		i = (i + 1) & mask
	}
	return i
}

// arriveExtra takes the answer of an extra, or its silence if node is 0.
func (s *Search) arriveExtra(e *extra, node int) {
	if e == nil {
		return
	}
	if e.state == extraPending {
		s.pending--
		e.state = extraSilent
		s.dirty |= ^uint64(0) << e.TTL // rows may wait for it
	}
	if node != 0 {
		e.state, e.node = extraAnswered, uint16(node)
	}
}

// sampleSize returns how many flows through a balancer of so many branches are asked again. If it
// gives each packet or flow another branch, all of them stay where they were with a probability of
// 1/64.
func sampleSize(width int) int {
	return max(2, int(math.Ceil(6/math.Log2(float64(max(2, width))))))
}

// front returns the row right behind the balancer from which the paths in the row at ttl diverge.
func (s *Search) front(ttl uint8) uint8 {
	for ttl > s.first && s.has(ttl-1) && s.row(ttl-1).nodes > 1 {
		ttl--
	}
	return ttl
}

// inPacket reports whether a per-packet balancer lies before the TTL in front of the row, so that
// the near end of a flow is chance.
func (s *Search) inPacket(ttl uint8) bool {
	f := s.front(ttl)
	return f < ttl && s.has(f) && s.row(f).flags&rowPacket != 0
}

// checkDiamond tells whether the balancer in front of the diamond of a row is a per-packet one, and
// controls nodes from there on if it is not. It reports whether that is known.
func (s *Search) checkDiamond(ttl uint8) bool {
	f := s.front(ttl)
	if !s.has(f) {
		return true
	}
	row := s.row(f)
	if row.flags&rowChecked == 0 {
		if !s.judge(f, func() bool { return s.sample(f, 0, sampleSize(int(row.nodes))) }) {
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

// verdict is what the repeats of a row show.
type verdict struct {
	waiting bool
	seconds int  // answered
	moved   int  // flows that a second attempt found at another node
	late    bool // a third attempt found one at another node, the second did not
	turned  bool // all three attempts of a flow differ, or the third is back at the first node
	lacking int  // moved flows without a third attempt
}

func (s *Search) verdict(ttl uint8) (v verdict) {
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
		switch {
		case !moved:
			v.late = v.late || turned
			continue
		case t == nil:
			v.lacking++
		}
		v.moved++
		v.turned = v.turned || turned
	}
	return v
}

// judge asks flows of a row again, with sample at first, and judges the answers. It reports whether
// it is done. A flow that moved is asked a third time: a per-packet balancer moves it once more with
// some probability, a balancer that has got another hash does not. So enough flows must have moved.
func (s *Search) judge(ttl uint8, sample func() bool) bool {
	row := s.row(ttl)
	v := s.verdict(ttl)
	switch {
	case v.waiting:
		return false
	case v.seconds == 0 && row.flags&rowSampled == 0 && sample():
		return false
	case v.turned:
		if row.flags&rowPacket == 0 {
			row.flags |= rowPacket
			s.dirty |= ^uint64(0) << ttl
		}
	case v.moved == 0 && !v.late, row.flags&rowMoved != 0:
	case v.lacking > 0 && s.askThird(ttl):
		return false
	case v.moved > 0 && v.moved < sampleSize(int(row.nodes)) && s.sample(ttl, 0, sampleSize(int(row.nodes))):
		return false
	default:
		row.flags |= rowMoved
	}
	return true
}

// askThird asks the flows of a row that moved once more.
func (s *Search) askThird(ttl uint8) (asked bool) {
	for i := range s.extras {
		e := s.extras[i]
		if e.TTL == ttl && e.Attempt == second && e.state == extraAnswered && int(e.node) != s.get(e.Flow, ttl).node() {
			asked = s.askExtra(Probe{Flow: e.Flow, TTL: ttl, Attempt: third}) || asked
		}
	}
	return asked
}

// sample asks n flows of a row again that were not asked again yet. near is the node in front
// through which they must go; 0 is any. Low flows come first: they were asked first, so that they
// show any move since.
func (s *Search) sample(ttl uint8, near, n int) (asked bool) {
	line := s.line(ttl)
	for f := range line {
		p := Probe{Flow: uint16(f), TTL: ttl, Attempt: second}
		if n == 0 {
			break
		}
		if !line[f].answered() || s.endsBefore(p.Flow, ttl) || near != 0 && s.get(p.Flow, ttl-1).node() != near {
			continue
		}
		if s.askExtra(p) {
			asked = true
			n--
		}
	}
	return asked
}

// finish asks what is left when all rows are settled: a sample of flows again at each balancer, all
// flows behind a balancer that moved some, and the variations. It reports whether it asked.
func (s *Search) finish() (asked bool) {
	for ttl := s.first; s.has(ttl); ttl++ {
		row := s.row(ttl)
		if row.nodes < 2 || s.inPacket(ttl) || row.flags&rowConfirmed != 0 {
			continue
		}
		if row.flags&rowSampled == 0 {
			row.flags |= rowSampled
			asked = s.sampleNears(ttl) || asked
			continue
		}
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

// sampleNears samples each balancer in front of a row. Other targets have shown that one which is
// borrowed balances flows, so that only a move is looked for there.
func (s *Search) sampleNears(ttl uint8) (asked bool) {
	v := s.cfg.views.get()
	defer s.cfg.views.put(v)
	s.look(v, ttl)
	size := func(width, answers int) int {
		if answers < s.cfg.rule.Flows(width) && s.cfg.Known != nil {
			return (sampleSize(width) + 1) / 2
		}
		return sampleSize(width)
	}
	if v.alone {
		return s.sample(ttl, 0, size(len(v.fars), v.answers))
	}
	for i := range v.nears {
		if n := &v.nears[i]; n.width > 1 && n.node != 0 {
			asked = s.sample(ttl, n.node, size(n.width, n.answers)) || asked
		}
	}
	return asked
}

// lendSampled gives a balancer of flows that was found with the full rule to other targets.
func (s *Search) lendSampled(ttl uint8) {
	v := s.cfg.views.get()
	defer s.cfg.views.put(v)
	s.look(v, ttl)
	if v.alone && v.answers >= s.cfg.rule.Flows(len(v.fars)) && len(v.fars) <= s.cfg.MaxBranches {
		s.lend(v, &v.nears[0])
	}
}

// confirm asks the flows of the row at ttl, of the row before, and of all rows up to where its
// paths join, again. Flows that were asked again already are asked a third time.
func (s *Search) confirm(ttl uint8) (asked bool) {
	for t := max(s.first, ttl-1); s.has(t) && (s.row(t).nodes > 1 || t < ttl); t++ {
		if s.row(t).flags&rowConfirmed != 0 {
			continue
		}
		s.row(t).flags |= rowConfirmed
		left := mostConfirmed
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

// vary asks a sample of the flows through each balancer in front of a row with one field changed,
// in the row and, if several nodes are in front of it, there too.
func (s *Search) vary(ttl uint8) (asked bool) {
	v := s.cfg.views.get()
	defer s.cfg.views.put(v)
	s.look(v, ttl)
	for i := range v.nears {
		n := &v.nears[i]
		width := n.width
		if v.alone {
			width = len(v.fars)
		}
		if width < 2 || n.node == 0 && ttl != s.first {
			continue
		}
		left := sampleSize(width) + 1
		for f, c := range s.line(ttl) {
			b := s.get(uint16(f), ttl-1)
			if left == 0 || !c.answered() || s.endsBefore(uint16(f), ttl) || !v.alone && b.node() != n.node {
				continue
			}
			left--
			for _, field := range s.cfg.fields(s.target) {
				flow := Varied(uint16(f), field)
				asked = s.askExtra(Probe{Flow: flow, TTL: ttl}) || asked
				if !v.alone {
					s.askExtra(Probe{Flow: flow, TTL: ttl - 1})
				}
			}
		}
	}
	return asked
}

// fields returns the fields that probes to a target can vary besides those of the flows.
func (c *Config) fields(target probe.Addr) []Variation {
	fields := [...]Variation{VaryTOS, VaryDestPort, VaryFlowLabel}
	n := 1
	if c.Method != probe.ICMP {
		n = 2
	}
	if target.Is4() {
		return fields[:n]
	}
	if n == 1 {
		fields[1] = VaryFlowLabel
		return fields[:2]
	}
	return fields[:3]
}
