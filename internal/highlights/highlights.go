// Package highlights finds what a person should look at in the traces of a run: the hops that add most
// time, and the autonomous systems that do not answer. Its memory does not grow with the number of
// traces.
package highlights

import (
	"cmp"
	"slices"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Counter is a format.Writer that counts traces. It belongs to one goroutine at a time. A nil Counter
// found nothing.
type Counter struct {
	traces uint64
	slow   heavy
	ases   map[uint32]*system
	times  [256]answer // scratch: by TTL
}

// answer is the fastest answer at a TTL of a trace.
type answer struct {
	rtt  int64 // ns; 0 for none
	from probe.Addr
}

// system is an autonomous system of targets.
type system struct {
	asn      uint32
	name     string
	targets  uint64 // traces to it
	answered bool   // one of its addresses
}

// mostSystems is how many autonomous systems are counted. The Internet has fewer.
const mostSystems = 1 << 17

// New returns an empty Counter.
func New() *Counter {
	return &Counter{slow: newHeavy(), ases: make(map[uint32]*system)}
}

// Write implements format.Writer.
func (c *Counter) Write(r record.Record) error {
	if t, ok := r.(*record.Trace); ok {
		c.traces++
		c.delays(t)
		c.systems(t)
	}
	return nil
}

// Flush implements format.Writer.
func (*Counter) Flush() error { return nil }

// delays counts the hop that adds most time to a trace. A slow answer of one router is not a slow path:
// a delay counts only if all later hops have it as well. The way into the target does not count.
func (c *Counter) delays(t *record.Trace) {
	last := 0
	for i := range t.Hops {
		h := &t.Hops[i]
		if !h.HasRTT() || h.Lagged || h.RTT <= 0 {
			continue
		}
		if at := &c.times[h.TTL]; at.rtt == 0 || h.RTT < at.rtt {
			*at = answer{h.RTT, h.Responder}
		}
		last = max(last, int(h.TTL))
	}
	var next answer // at the next TTL with an answer; its time is the least from there on
	var slowest answer
	for ttl := last; ttl >= 0; ttl-- {
		at := c.times[ttl]
		c.times[ttl] = answer{}
		if at.rtt == 0 {
			continue
		}
		if next.rtt > 0 {
			least := min(at.rtt, next.rtt)
			if step := next.rtt - least; step > slowest.rtt && next.from != t.Target {
				slowest = answer{step, next.from}
			}
			at.rtt = least
		}
		next = at
	}
	if slowest.rtt > 0 {
		c.slow.add(slowest.from, slowest.rtt)
	}
}

// systems counts a trace for the autonomous systems of its target.
func (c *Counter) systems(t *record.Trace) {
	if a := t.TargetAnnotation; a != nil {
		for _, asn := range a.ASN {
			s := c.system(asn)
			if s == nil {
				continue
			}
			if s.name == "" && asn == a.ASN[0] {
				s.name = a.ASName
			}
			s.targets++
			s.answered = s.answered || t.Reached
		}
	}
	var last *record.Annotation
	for i := range t.Hops {
		if a := t.Hops[i].Annotation; a != nil && a != last {
			last = a
			for _, asn := range a.ASN {
				c.heard(asn)
			}
		}
	}
}

// heard notes an answer from an autonomous system, also from one without targets so far.
func (c *Counter) heard(asn uint32) {
	if s := c.system(asn); s != nil {
		s.answered = true
	}
}

// system returns an autonomous system, nil if there are too many.
func (c *Counter) system(asn uint32) *system {
	s := c.ases[asn]
	if s == nil && len(c.ases) < mostSystems {
		s = &system{asn: asn}
		c.ases[asn] = s
	}
	return s
}

// Traces returns the number of traces.
func (c *Counter) Traces() uint64 {
	if c == nil {
		return 0
	}
	return c.traces
}

// SlowHop is a hop that adds most time to some traces.
type SlowHop struct {
	Addr   probe.Addr
	Mean   time.Duration // that it adds to each of Traces
	Traces uint64
}

// SlowHops returns the hops that add most time in all, at most so many.
func (c *Counter) SlowHops(most int) []SlowHop {
	if c == nil {
		return nil
	}
	return c.slow.top(most)
}

// SilentSystem is an autonomous system of targets without an answer: from no target, and from no router.
type SilentSystem struct {
	ASN     uint32
	Name    string // "" if it is not known
	Targets uint64 // traces to it
}

// Silent returns the silent systems with most targets, at most so many, and how many are silent of how
// many that have targets.
func (c *Counter) Silent(most int) (list []SilentSystem, silent, all int) {
	if c == nil {
		return nil, 0, 0
	}
	for _, s := range c.ases {
		if s.targets == 0 {
			continue
		}
		if all++; !s.answered {
			silent++
			list = append(list, SilentSystem{s.asn, s.name, s.targets})
		}
	}
	slices.SortFunc(list, func(a, b SilentSystem) int {
		return cmp.Or(cmp.Compare(b.Targets, a.Targets), cmp.Compare(a.ASN, b.ASN))
	})
	return list[:min(len(list), most)], silent, all
}
