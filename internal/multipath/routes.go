package multipath

import (
	"math"
	"slices"
)

// route is what flows through a node met next, at all TTLs at which the node answered. Behind branches of
// different lengths each of these TTLs has few flows, perhaps of one next hop each. Then the node seems to be a
// balancer only if one looks at all of them.
type route struct {
	far    uint16 // the first next hop
	ttl    uint8  // of the node, with that one
	parted bool   // another TTL has another one
	flows  uint16
	stays  uint16 // repeats that the same next hop answered
	drop   bool   // its links are not claimed
}

// findParted adds the passes through f to the route of its node.
func (d *Describer) findParted(f *fork, passes []pass) {
	r := &d.routes[f.node]
	if f.node == 0 || f.packet {
		return
	}
	for i := range passes {
		p := &passes[i]
		if p.far == 0 || p.flags&passThrough == 0 {
			continue
		}
		if r.flows == 0 {
			r.far, r.ttl = p.far, f.ttl
		}
		r.flows++
		r.stays += uint16(d.find(p.flow, int(f.ttl)+1).stays(math.MinInt64))
		r.parted = r.parted || r.ttl != f.ttl && r.far != p.far
	}
	if r.drop {
		f.open = f.open || d.isTurning()
		for i := range passes {
			passes[i].flags &^= passLink
		}
	}
}

// isTurning reports whether a per-packet balancer is known. It may be such a node, or before it.
func (d *Describer) isTurning() bool { return slices.Contains(d.random[:len(d.addrs)+1], true) }

// isPartedElsewhere reports whether a node has other next hops at another TTL, and too few flows were asked again
// to show that it balances flows. A per-packet balancer before it, at several TTLs too, may be the reason.
func (d *Describer) isPartedElsewhere() (found bool) {
	for i := range d.addrs {
		r := &d.routes[i+1]
		drop := r.drop || r.parted && 2*r.stays < min(r.flows, 2*provenBits)
		found = found || drop && !r.drop
		*r = route{drop: drop}
	}
	return found
}
