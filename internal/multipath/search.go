package multipath

import (
	"math/bits"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Step is the next need of a Search.
type Step uint8

// The steps.
const (
	Send  Step = iota // send the probe
	Await             // the answers of probes under way decide
	Done              // all is found
)

// Search chooses the probes to one target. Several may be under way at once. New makes one, Begin
// starts it anew.
//
// Flow 0 sweeps the TTLs first, to find the distance. Each row of the table is a TTL. A row is
// settled when no probe of it is under way: all probes that it certainly needs are asked. It is
// settled again after each change in it or in the TTL before it.
type Search struct {
	cfg    *Config
	target probe.Addr
	random uint64
	table
	queue  []Probe // asked; those from head on Next has not returned yet
	head   int
	extras []extra
	// extraIndex is a hash table of extras, once there are many.
	extraIndex []uint16
	swept      uint8  // highest TTL that the sweep has asked
	reach      uint8  // highest TTL with an answer that does not end a path
	end        uint8  // lowest TTL at which a path ends; 0: none does
	sure       uint8  // likewise, by a strong answer
	from       uint8  // nodes are controlled from this TTL on; 0: nowhere
	looped     uint8  // all paths are in a loop at this TTL; 0: not all are
	dirty      uint64 // rows to settle, by TTL
	putOff     uint64 // rows without an answer to settle when the sweep has come further
	settled    int    // extras that were asked before all rows were settled

	pending, probes, repeats int
	flags                    searchFlags
}

type searchFlags uint8

const (
	sweepDirty searchFlags = 1 << iota
	sweepDone
	weakFalse // a router answered beyond a weak end, so that weak ends count as hops
	over      // the most probes are sent
	halted
	finishing // all rows were settled once
)

// New returns a Search that needs Begin. cfg is validated and does not change.
func New(cfg *Config) *Search { return &Search{cfg: cfg} }

// Begin starts the search for a target and keeps the memory of the last one. random varies the
// choices that may differ between targets.
func (s *Search) Begin(target probe.Addr, random uint64) {
	*s = Search{
		cfg: s.cfg, target: target, random: random, table: s.table,
		queue: s.queue[:0], extras: s.extras[:0],
		swept: s.cfg.FirstTTL - 1, reach: s.cfg.FirstTTL - 1, flags: sweepDirty,
	}
	s.table.reset(s.cfg.FirstTTL)
	if s.cfg.MDA == record.Full {
		s.from = s.cfg.FirstTTL
	}
}

// Next returns the next probe with Send. With Await, call it again after Answer, Silence or
// Refuse. Done is final, except that a late answer may ask for more.
func (s *Search) Next() (Probe, Step) {
	for s.flags&halted == 0 {
		switch {
		case s.head < len(s.queue) && s.cfg.MaxProbes > 0 && s.probes >= s.cfg.MaxProbes:
			s.flags |= over
			s.drop()
		case s.head < len(s.queue):
			p := s.queue[s.head]
			if s.head++; s.head == len(s.queue) {
				s.queue, s.head = s.queue[:0], 0
			}
			s.probes++
			if p.Attempt >= firstRepeat {
				s.repeats++
			}
			return p, Send
		case s.flags&over == 0 && (s.sweep() || s.settleNext()):
		case s.pending > 0:
			return Probe{}, Await
		case s.flags&over != 0 || !s.finish():
			return Probe{}, Done
		}
	}
	return Probe{}, Done
}

// drop takes back the probes that Next has not returned.
func (s *Search) drop() {
	for _, p := range s.queue[s.head:] {
		s.pending--
		if isExtra(p) {
			s.extra(p).state = extraSilent
		} else if c := s.at(p.Flow, p.TTL); c.pending() {
			*c = *c&^cellPending - cellAttempt
			s.row(p.TTL).pending--
		}
	}
	s.queue, s.head = s.queue[:0], 0
}

// ask asks a (flow, TTL) for the first time. It reports whether it did.
func (s *Search) ask(flow uint16, ttl uint8) bool {
	c := s.at(flow, ttl)
	if room := s.row(ttl).room; *c&cellAsked != 0 || room != 0 && flow >= room {
		return false
	}
	s.send(c, Probe{Flow: flow, TTL: ttl})
	return true
}

func (s *Search) send(c *cell, p Probe) {
	*c = *c&^cellAsked | cell(p.Attempt+1)*cellAttempt | cellPending
	s.row(p.TTL).pending++
	s.push(p)
}

func (s *Search) push(p Probe) {
	s.pending++
	s.queue = append(s.queue, p)
}

// changed makes sure that all rows that depend on a cell are settled again.
func (s *Search) changed(p Probe) {
	s.dirty |= 3 << p.TTL
	if p.Flow == 0 {
		s.flags |= sweepDirty
	}
}

// asked returns the cell of a probe that was asked, or nil.
func (s *Search) askedCell(p Probe) *cell {
	if s.get(p.Flow, p.TTL).asked() <= int(p.Attempt) || s.get(p.Flow, p.TTL)&cellAsked == cellRefused {
		return nil
	}
	return s.at(p.Flow, p.TTL)
}

// arrive ends the wait for the attempt under way at c, if p is it.
func (s *Search) arrive(c *cell, p Probe) bool {
	if !c.pending() || c.asked() != int(p.Attempt)+1 {
		return false
	}
	*c &^= cellPending
	s.row(p.TTL).pending--
	s.pending--
	return true
}

// Answer takes the answer of a probe. A late answer after Silence counts, and so does a better one
// in place of an earlier one.
func (s *Search) Answer(p Probe, a Answer) {
	if isExtra(p) {
		if e := s.extra(p); e != nil {
			s.arriveExtra(e, s.number(a.From))
		}
		return
	}
	c := s.askedCell(p)
	if c == nil {
		return
	}
	arrived := s.arrive(c, p)
	now := *c&^(cellNode|cellEnds|cellWeak) | cell(s.number(a.From))
	if a.Ends {
		now |= cellEnds
		if !a.Steers {
			now |= cellWeak
		}
	}
	if now == *c && !arrived {
		return
	}
	*c = now
	s.changed(p)
	s.extend(p.TTL, now)
}

// extend takes a new answer into reach and end.
func (s *Search) extend(ttl uint8, c cell) {
	switch {
	case !c.answered():
	case s.isEnd(c):
		if c&cellWeak == 0 && (s.sure == 0 || ttl < s.sure) {
			s.sure = ttl
		}
		if s.end == 0 || ttl < s.end {
			s.end = ttl
			s.dirty |= 1 << (ttl - 1) // a silent row there may be the end
		}
	case ttl > s.reach:
		s.reach = ttl
		s.dirty |= (1<<s.starsBeyond() - 1) << (ttl + 1) // a single silent flow is not enough there any more
	}
}

// Silence ends the wait for the answer of a probe. limited is set if the router is known to limit
// its answers: the probe is then not asked again, and other flows are.
func (s *Search) Silence(p Probe, limited bool) {
	if isExtra(p) {
		s.arriveExtra(s.extra(p), 0)
		return
	}
	c := s.askedCell(p)
	if c == nil || !s.arrive(c, p) {
		return
	}
	if !c.answered() && c.asked() < s.cfg.Attempts && !limited && s.flags&(over|halted) == 0 {
		s.send(c, Probe{Flow: p.Flow, TTL: p.TTL, Attempt: uint8(c.asked())})
		return
	}
	s.changed(p)
}

// Refuse takes back a probe that was not sent and never will be, because the window has no room for it. No
// higher flow is asked at its TTL then.
func (s *Search) Refuse(p Probe) {
	if isExtra(p) {
		e := s.extra(p)
		if e != nil && e.state == extraPending {
			s.probes--
			if p.Attempt >= firstRepeat {
				s.repeats--
			}
		}
		s.arriveExtra(e, 0)
		return
	}
	c := s.askedCell(p)
	if c == nil || !s.arrive(c, p) {
		return
	}
	s.probes--
	if !c.answered() && p.Attempt == 0 {
		*c |= cellRefused
		if row := s.row(p.TTL); row.room == 0 || p.Flow < row.room {
			row.room = max(1, p.Flow)
		}
	}
	s.changed(p)
}

// Halt ends the search: Next returns Done from now on.
func (s *Search) Halt() {
	s.drop()
	s.flags |= halted
}

// Queued returns how many probes are asked that Next has not returned yet.
func (s *Search) Queued() int { return len(s.queue) - s.head }

// Probes returns how many probes Next has returned, without those refused.
func (s *Search) Probes() int { return s.probes }

// Repeats returns how many of Probes repeated an answered one.
func (s *Search) Repeats() int { return s.repeats }

// isEnd reports whether a path ends at c.
func (s *Search) isEnd(c cell) bool {
	return c&cellEnds != 0 && (c&cellWeak == 0 || s.flags&weakFalse == 0)
}

// endsBy reports whether the path of a flow is known to end at ttl or before.
func (s *Search) endsBy(flow uint16, ttl uint8) bool {
	if s.end == 0 {
		return false
	}
	for t := s.end; t <= ttl; t++ {
		if s.isEnd(s.get(flow, t)) {
			return true
		}
	}
	return false
}

// splitBefore reports whether some path ends before ttl.
func (s *Search) splitBefore(ttl uint8) bool { return s.end != 0 && s.end < ttl }

// settleNext settles one row that has changed, the nearest first. So the flows
// of a balancer are asked at its branches before they are asked at the TTLs after them. A repeat at
// the branches then shows any move since.
func (s *Search) settleNext() bool {
	for rest := s.dirty; rest != 0; rest &= rest - 1 {
		ttl := uint8(bits.TrailingZeros64(rest))
		if s.isOpen(ttl) && (!s.has(ttl) || s.row(ttl).pending == 0) &&
			(!s.has(ttl-1) || s.row(ttl-1).pending == 0) {
			s.dirty &^= 1 << ttl
			s.settle(ttl)
			return true
		}
	}
	return false
}

// isOpen reports whether paths may go on to ttl.
func (s *Search) isOpen(ttl uint8) bool {
	gap := uint8(max(1, s.cfg.GapLimit))
	return ttl >= s.first && ttl <= s.cfg.LastTTL && (s.looped == 0 || ttl <= s.looped) && int(ttl) <= int(s.reach)+int(gap) &&
		(ttl <= s.swept || s.flags&sweepDone != 0) && ttl <= s.highest()
}

// highest returns the highest TTL to ask. It is beyondEnd TTLs beyond the end of all paths. If paths
// end and no router answers there, silent flows most likely met the end too: hosts limit answers.
func (s *Search) highest() uint8 {
	if s.sure == 0 || s.reach >= s.sure {
		return s.cfg.LastTTL
	}
	return min(s.sure+beyondEnd, s.cfg.LastTTL)
}
