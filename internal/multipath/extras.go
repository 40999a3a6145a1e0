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

// varied returns how many flows through a balancer of so many branches are asked with another field. If
// the field decides, all of them stay where they were with a probability of less than 1/1024.
func varied(width int) int {
	return max(2, int(math.Ceil(10/math.Log2(float64(max(2, width)))))) + 1
}

// vary asks a sample of the flows through each balancer in front of a row with one field changed.
// If several nodes are in front of the row, they are asked there too.
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
		left := varied(width)
		if !v.alone {
			left *= min(len(v.nears), 3) // the changed field may lead to another one
		}
		for f, c := range s.line(ttl) {
			b := s.get(uint16(f), ttl-1)
			if left == 0 || !c.answered() || s.endsBefore(uint16(f), ttl) || !v.alone && b.node() != n.node {
				continue
			}
			left--
			for _, field := range s.cfg.fields(s.target) {
				flow := field.Of(uint16(f))
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
func (c *Config) fields(target probe.Addr) []probe.Variation {
	fields := [...]probe.Variation{probe.VaryTOS, probe.VaryDstPort, probe.VaryLabel}
	n := 1
	if c.Method != probe.ICMP {
		n = 2
	}
	if target.Is4() {
		return fields[:n]
	}
	if n == 1 {
		fields[1] = probe.VaryLabel
		return fields[:2]
	}
	return fields[:3]
}
