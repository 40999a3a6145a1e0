package engine

import (
	"math"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
)

const ttls = probe.MaxTTL + 1

// paths has the known hops of each path. Columns are by TTL, so that a search of all targets with a hop
// reads little memory; they are made when a TTL is first used.
type paths struct {
	names  names
	hops   [ttls][]id
	seen   [ttls][]tick   // when a probe was last sent that the hop answered
	rtts   [ttls][]uint16 // of that answer, in rttUnit
	old    [ttls][]id     // before the last change
	states []state        // by target
	begin  int64          // of ticks, ns since the Unix epoch
}

// tick is a time in 10 ms since the begin of the paths: 497 days.
type tick uint32

const (
	tickNS  = int64(10 * time.Millisecond)
	rttUnit = 50 * time.Microsecond
)

// state has the knowledge about a target beside its hops.
type state struct {
	known
	flying uint8 // probes in flight
	job    *job
}

// known is the part of a state that is saved. It has a fixed size.
type known struct {
	End      uint8 // TTL at which the path ends; 0 if nothing shows it
	Last     uint8 // highest TTL of the path
	Reached  bool  // the target answers at End
	Traced   bool
	Flips    uint8  // changes back to what was before, of late
	Unstable uint64 // TTLs at which a balancer alternates, by bits
	Weak     uint64 // TTLs whose hop rests on answers with one tag, by bits
	Changes  uint32
	Asked    tick // the last time
	Changed  tick // the last time
	Back     id   // hop before the last change
	Sent     uint32
	Silent   uint32 // of Sent at End
	// Of the path before the last change.
	OldEnd, OldLast uint8
	OldReached      bool
	OldWeak         uint64
}

func newPaths(n int, begin int64) *paths {
	return &paths{names: newNames(), states: make([]state, n), begin: begin}
}

func (p *paths) tick(ns int64) tick {
	return tick(min(max((ns-p.begin)/tickNS, 0), math.MaxUint32))
}

func (p *paths) time(t tick) int64 { return p.begin + int64(t)*tickNS }

// hop returns the hop of a target at a TTL.
func (p *paths) hop(target uint32, ttl uint8) id {
	if ttl >= ttls || p.hops[ttl] == nil {
		return unasked
	}
	return p.hops[ttl][target]
}

// seenAt returns when a probe was last sent that showed the hop, 0 if none did.
func (p *paths) seenAt(target uint32, ttl uint8) int64 {
	if p.seen[ttl] == nil || p.seen[ttl][target] == 0 {
		return 0
	}
	return p.time(p.seen[ttl][target])
}

// set sets the hop of a target.
func (p *paths) set(target uint32, ttl uint8, hop id) {
	if p.hops[ttl] == nil {
		n := len(p.states)
		p.hops[ttl], p.seen[ttl], p.rtts[ttl] = make([]id, n), make([]tick, n), make([]uint16, n)
	}
	old := p.hops[ttl][target]
	if old == hop {
		return
	}
	p.names.uses[old]--
	p.names.uses[hop]++
	p.hops[ttl][target], p.seen[ttl][target], p.rtts[ttl][target] = hop, 0, 0
	p.states[target].Weak &^= 1 << ttl
}

// verify notes that an answer shows the hop as it is. The best answer decides whether the hop is weak.
func (p *paths) verify(target uint32, ttl uint8, r *Answer) {
	switch s := &p.states[target]; {
	case !r.Weak:
		s.Weak &^= 1 << ttl
	case p.seen[ttl][target] == 0:
		s.Weak |= 1 << ttl
	}
	p.seen[ttl][target] = max(p.tick(r.Sent), 1) // 1 also if it is only remembered
	p.rtts[ttl][target] = uint16(min(r.RTT/rttUnit+1, math.MaxUint16))
}

// isStable reports whether the hop is one address.
func (p *paths) isStable(target uint32, ttl uint8) bool { return p.states[target].Unstable>>ttl&1 == 0 }

// differs reports whether an answer is not that of the path as it is known.
func (p *paths) differs(target uint32, ttl uint8, from id, end bool) bool {
	s := &p.states[target]
	switch {
	case !p.isStable(target, ttl):
		return false
	case end && s.End == 0:
		return ttl <= s.Last && p.hop(target, ttl) >= firstID && p.hop(target, ttl) != from
	case end && ttl < s.End, !end && s.End != 0 && ttl >= s.End:
		return true
	}
	known := p.hop(target, ttl)
	return known >= firstID && known != from
}

// endsBefore reports whether the hop that ends a path is nearer than known, and only silence hid it.
func (p *paths) endsBefore(target uint32, ttl uint8, from id) bool {
	s := &p.states[target]
	if s.End == 0 || ttl >= s.End || p.hop(target, s.End) != from {
		return false
	}
	for t := ttl; t < s.End; t++ {
		if p.hop(target, t) >= firstID {
			return false
		}
	}
	return true
}

// compact renumbers addresses, now and then.
func (p *paths) compact() {
	fresh := p.names.compact()
	if fresh == nil {
		return
	}
	for ttl := range p.hops {
		for i, h := range p.hops[ttl] {
			p.hops[ttl][i] = fresh[h]
		}
	}
	for _, column := range p.old {
		for i, h := range column {
			column[i] = fresh[h]
		}
	}
	for i := range p.states {
		p.states[i].Back = fresh[p.states[i].Back]
	}
}
