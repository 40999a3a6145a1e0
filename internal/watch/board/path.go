package board

import (
	"net/netip"

	"github.com/masstrace/masstrace/internal/probe"
)

// Path is one (target, flow).
type Path struct {
	Flow   int
	Target netip.Addr
	// End is the TTL at which the path ends, 0 if it is not known: nothing there answered yet.
	End uint8
	// EndKind is the kind of the answer at the end.
	EndKind probe.Kind

	hops      [probe.MaxTTL + 1]*Hop
	answered  uint8 // highest TTL with an answer
	asked     uint8 // highest TTL of a probe
	lastEnd   uint8 // End when the last cycle ended
	reachedAt uint32
	endSince  int64 // when a probe was sent that moved the end
	pending   Change
}

// Hop returns the hop at a TTL, or nil if no probe went there.
func (p *Path) Hop(ttl uint8) *Hop { return p.hops[ttl] }

// Last returns the TTL of the last hop to show. That is the end of the path, else the highest that
// answered, else the highest of a probe.
func (p *Path) Last() uint8 {
	switch {
	case p.End != 0:
		return p.End
	case p.answered != 0:
		return p.answered
	}
	return p.asked
}

// Asked returns the highest TTL of a probe.
func (p *Path) Asked() uint8 { return p.asked }

// Goal returns the highest TTL to probe in a cycle, most at most. Without a known end, all TTLs are
// probed at first, and now and then; else a few beyond the last answer.
func (p *Path) Goal(cycle uint32, most uint8) uint8 {
	switch {
	case p.End != 0 && cycle-p.reachedAt <= patientCycles:
		return min(p.End, most)
	case cycle < fullCycles || cycle%fullEvery == 0:
		return most
	}
	return min(max(p.End, p.answered)+beyond, most)
}

const (
	// patientCycles is how long the end of a path may be silent before a longer path is sought.
	patientCycles = 3
	// fullCycles and fullEvery are the cycles in which all TTLs of a path without an end are
	// probed: the first ones, and every so many.
	fullCycles, fullEvery = 2, 20
	// beyond is how many TTLs above the last answer are probed otherwise.
	beyond = 3
)

// Highest returns the highest TTL that was answered, 0 if none was.
func (p *Path) Highest() uint8 { return p.answered }

// take adds a sample.
func (p *Path) take(s *Sample) {
	h := p.hops[s.TTL]
	if h == nil {
		h = newHop(s.TTL)
		p.hops[s.TTL] = h
	}
	if s.Outcome != Unsent {
		p.asked = max(p.asked, s.TTL)
	}
	h.take(s)
	if s.Outcome != Answered {
		return
	}
	if before, since, changed := h.note(s); changed {
		if len(p.pending.Hops) == 0 || since < p.pending.Time {
			p.pending.Time = since
		}
		p.pending.Hops = append(p.pending.Hops, HopChange{TTL: s.TTL, Before: before, After: s.From})
	}
	p.findEnd(s)
}

// findEnd moves the end of the path. Only answers of the latest cycles count: those of an earlier
// cycle may come after a change.
func (p *Path) findEnd(s *Sample) {
	switch {
	case s.Kind.EndsPath():
		if p.End == 0 || s.TTL <= p.End || s.Cycle > p.reachedAt+1 {
			if s.TTL != p.End {
				p.endSince = s.Sent
			}
			p.End, p.EndKind = s.TTL, s.Kind
		}
		if s.TTL == p.End {
			p.reachedAt = s.Cycle
		}
		p.answered = max(p.answered, s.TTL)
		if p.End < p.answered {
			p.answered = p.End
		}
	case p.End != 0 && s.TTL >= p.End && s.Cycle >= p.reachedAt:
		p.End, p.answered = 0, s.TTL // the path is longer now
	default:
		p.answered = max(p.answered, s.TTL)
	}
}

// endCycle returns the change that became certain in a cycle.
func (p *Path) endCycle(cycle uint32) (c Change, ok bool) {
	c, p.pending = p.pending, Change{}
	if p.End != 0 {
		if p.lastEnd != 0 && p.End != p.lastEnd {
			c.Before, c.After = p.lastEnd, p.End
		}
		p.lastEnd = p.End
	}
	if len(c.Hops) == 0 && c.Before == c.After {
		return c, false
	}
	c.Flow, c.Cycle = p.Flow, cycle
	c.Hops = p.shown(c.Hops)
	if c.Time == 0 {
		c.Time = p.endSince
	}
	return c, len(c.Hops) > 0 || c.Before != c.After
}

// shown returns the changes of hops on the path, by ascending TTL.
func (p *Path) shown(hops []HopChange) []HopChange {
	var out []HopChange
	for ttl := uint8(1); ttl <= p.Last(); ttl++ {
		for _, h := range hops {
			if h.TTL == ttl {
				out = append(out, h)
			}
		}
	}
	return out
}

// reset forgets the statistics. Addresses that answered stay, so that the path after it can be
// compared.
func (p *Path) reset() {
	for ttl, h := range p.hops {
		if h == nil {
			continue
		}
		fresh := newHop(h.TTL)
		fresh.Seen, fresh.Current = h.Seen, h.Current
		p.hops[ttl] = fresh
	}
}
