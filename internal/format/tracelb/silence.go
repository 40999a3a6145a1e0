package tracelb

import (
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// silence is silent routers at TTLs in a row, and the links around them.
type silence struct {
	nears int           // links that lead to it
	fars  []record.Link // links that lead out of it
	end   uint8         // its last TTL
}

// over adds the links over silent routers that begin with link l, which leads to one. If several
// nodes are before them and several after them, nobody knows which are linked: there is no link.
func (k *maker) over(l *record.Link) {
	s := k.silenceAfter(l.TTL)
	if s.nears > 1 && len(s.fars) > 1 {
		return
	}
	flows := k.take(place{l.TTL, l.Near}, l.Flows)
	hops := func(ttl uint8, flows []uint16) [][]uint16 { return slices.Repeat([][]uint16{flows}, int(ttl-l.TTL)) }
	left := 0
	for i := range s.fars {
		far := &s.fars[i]
		if far.TTL <= l.TTL {
			continue
		}
		left++
		part := flows
		if i < len(s.fars)-1 {
			part = flows[:min(max(far.Flows, 1), len(flows))]
			flows = flows[len(part):]
		}
		if len(part) > 0 {
			k.add(l.TTL, l.Near, far.Far, hops(far.TTL+1, part))
			k.put(place{far.TTL + 1, far.Far}, part)
		}
	}
	// scamper's tools want a node at the end of each link of a node that has several.
	if left == 0 && !k.leads[place{l.TTL, l.Near}] {
		k.add(l.TTL, l.Near, probe.Addr{}, hops(s.end, flows))
	}
}

// silenceAfter returns the silence that begins, or goes on, after a TTL.
func (k *maker) silenceAfter(ttl uint8) *silence {
	if s := k.silences[ttl]; s != nil {
		return s
	}
	s, first := new(silence), ttl
	for first > 0 && k.goesOn(first) {
		first--
	}
	for at, more := first, true; more && at < 255; at++ {
		for _, l := range k.links(at) {
			if !l.Remapped && !l.Near.IsZero() && l.Far.IsZero() {
				s.nears++
			}
		}
		for _, l := range k.links(at + 1) {
			if !l.Remapped && l.Near.IsZero() && !l.Far.IsZero() {
				s.fars = append(s.fars, l)
			}
		}
		s.end = at + 1
		k.silences[at] = s
		more = k.goesOn(at + 1)
	}
	return s
}

// goesOn reports whether a link leads from silence at a TTL to more of it.
func (k *maker) goesOn(ttl uint8) bool {
	for _, l := range k.links(ttl) {
		if l.Near.IsZero() && l.Far.IsZero() {
			return true
		}
	}
	return false
}

// links returns the links that leave nodes at a TTL.
func (k *maker) links(ttl uint8) []record.Link {
	find := func(l record.Link, ttl int) int { return int(l.TTL) - ttl }
	from, _ := slices.BinarySearchFunc(k.m.Links, int(ttl), find)
	to, _ := slices.BinarySearchFunc(k.m.Links, int(ttl)+1, find)
	return k.m.Links[from:to]
}
