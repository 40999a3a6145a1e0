package verify

import (
	"fmt"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
)

// flowOf returns the flow of a probe to dst. It marks a flow whose fields have changed.
func (a *asked) flowOf(dst probe.Addr, r *netsim.Record) uint32 {
	d, ok := a.byAddr[dst]
	if !ok {
		d = uint32(len(a.dests))
		a.byAddr[dst] = d
		a.dests = append(a.dests, dest{addr: dst, flow: none})
	}
	in := r.Flow()
	f := flow{dest: d, first: in.First, label: in.Label, id: in.ID, size: r.Size, proto: in.Protocol,
		tos: in.TOS, source: a.source(probe.AddrFrom(in.Src)), next: a.dests[d].flow}
	same, like := a.find(&f)
	if same != none {
		if g := &a.flows[same]; g.size != f.size {
			g.marks |= sizeVaries
		}
		return same
	}
	if like != none {
		a.flows[like].marks |= unstable
	}
	i := uint32(len(a.flows))
	a.flows = append(a.flows, f)
	a.dests[d].flow = i
	a.dests[d].flows++
	switch n := a.dests[d].flows; {
	case n == crowd:
		for k := i; k != none; k = a.flows[k].next {
			a.index(k)
		}
	case n > crowd:
		a.index(i)
	}
	return i
}

// crowd is from how many flows on the flows to a destination are found by maps.
const crowd = 16

// flowKey has the fields of a flow, nameKey those by which tools distinguish flows.
type (
	flowKey struct {
		dest, first, label uint32
		id, source         uint16
		proto, tos         uint8
	}
	nameKey struct {
		dest         uint32
		name, source uint16
		proto        uint8
	}
)

func (f *flow) key() flowKey {
	return flowKey{f.dest, f.first, f.label, f.id, f.source, f.proto, f.tos}
}

func (f *flow) nameKey() nameKey { return nameKey{f.dest, f.name(), f.source, f.proto} }

// index adds a flow to the maps. The first flow of a name stays.
func (a *asked) index(i uint32) {
	f := &a.flows[i]
	a.byKey[f.key()] = i
	if old, ok := a.byName[f.nameKey()]; !ok || old > i {
		a.byName[f.nameKey()] = i
	}
}

// find returns the flow with the fields of f, and if there is none, the first flow with its name.
func (a *asked) find(f *flow) (same, like uint32) {
	if a.dests[f.dest].flows >= crowd {
		if i, ok := a.byKey[f.key()]; ok {
			return i, none
		}
		if i, ok := a.byName[f.nameKey()]; ok {
			return none, i
		}
		return none, none
	}
	like = none
	for i := f.next; i != none; i = a.flows[i].next {
		g := &a.flows[i]
		if g.key() == f.key() {
			return i, none
		}
		if g.nameKey() == f.nameKey() {
			like = i
		}
	}
	return none, like
}

// source returns the number of a source address; there are a few at most.
func (a *asked) source(addr probe.Addr) uint16 {
	for i := range a.sources {
		if a.sources[i] == addr {
			return uint16(i)
		}
	}
	a.sources = append(a.sources, addr)
	return uint16(len(a.sources) - 1)
}

// netsimFlow returns the flow in the form of netsim.
func (a *asked) netsimFlow(f *flow) netsim.Flow {
	return netsim.Flow{Src: a.sources[f.source].Netip(), Dst: a.dests[f.dest].addr.Netip(), Label: f.label,
		First: f.first, ID: f.id, Protocol: f.proto, TOS: f.tos}
}

// netsimFlowAt returns the flow at a time, ns.
func (a *asked) netsimFlowAt(f *flow, ns int64) netsim.Flow {
	in := a.netsimFlow(f)
	in.At = time.Duration(max(ns-a.begin, 0))
	return in
}

// selector is the description of a flow in a row of the results.
type selector struct {
	proto        uint8  // 0: not stated
	sport, dport uint16 // dport 0: any
	sum          uint16 // checksum of an echo
	ports, isSum bool   // whether ports or the checksum are stated
	// strict: the description is certain. If it is not, and no flow fits, any flow to the
	// destination may be meant.
	strict bool
}

func (s *selector) matches(f *flow) bool {
	switch {
	case s.proto != 0 && s.proto != f.proto:
		return false
	case f.isEcho():
		return !s.isSum || uint16(f.first) == s.sum
	case s.ports:
		return uint16(f.first>>16) == s.sport && (s.dport == 0 || uint16(f.first) == s.dport)
	}
	return true
}

// pick appends the flows to dst that the selector may mean.
func (a *asked) pick(flows []uint32, dst probe.Addr, s *selector) []uint32 {
	d, ok := a.byAddr[dst]
	if !ok {
		return flows
	}
	for i := a.dests[d].flow; i != none; i = a.flows[i].next {
		if s.matches(&a.flows[i]) {
			flows = append(flows, i)
		}
	}
	if len(flows) > 0 || s.strict {
		return flows
	}
	for i := a.dests[d].flow; i != none; i = a.flows[i].next {
		flows = append(flows, i)
	}
	return flows
}

// Paris is whether flows were constant for load balancers.
type Paris struct {
	Flows int `json:"flows"` // (target, source port or ICMP identifier)
	// Unstable flows changed a field that balancers may hash: first four octets
	// of the transport header, TOS, flow label, addresses.
	Unstable int `json:"unstable"`
	// SizeVaries counts flows with packets of more than one size.
	SizeVaries int `json:"size_varies"`
	// Surplus counts targets with more flows in the log than in the results.
	Surplus int `json:"surplus"`
}

// paris counts flows. It needs the number of flows in the results.
func (c *checker) paris() (p Paris) {
	a := c.asked
	for i := range a.dests {
		d := &a.dests[i]
		if most := c.flowsAsked(d); most > 0 && int(d.flows) > most {
			p.Surplus++
			c.example("flows", "%s: %d flows, but the results have %d", d.addr, d.flows, most)
		}
	}
	p.Flows = len(a.flows)
	for f := range a.each {
		if f.marks&unstable != 0 {
			p.Unstable++
			c.example("unstable flow", "%s", a.change(f))
		}
		if f.marks&sizeVaries != 0 {
			p.SizeVaries++
			c.example("size", "%s: packets of %d bytes and of other sizes", a.title(f), f.size)
		}
	}
	return p
}

// flowsAsked returns how many flows to d there should be according to the results, 0 if they do not
// state it.
func (c *checker) flowsAsked(d *dest) int {
	switch {
	case c.paths != nil:
		return 0
	case c.run != nil:
		return c.run.Flows
	case c.tool == Yarrp:
		return 1
	case c.tool == Scamper:
		return int(d.traces)
	}
	return 0
}

// title returns a readable name of a flow.
func (a *asked) title(f *flow) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", a.dests[f.dest].addr)
	if f.isEcho() {
		fmt.Fprintf(&b, " id %d", f.id)
	} else {
		fmt.Fprintf(&b, " sport %d", f.first>>16)
	}
	return b.String()
}

// change describes how a flow that changed differs from the next one.
func (a *asked) change(f *flow) string {
	var b strings.Builder
	b.WriteString(a.title(f))
	for i := a.dests[f.dest].flow; i != none; i = a.flows[i].next {
		g := &a.flows[i]
		if g == f || g.proto != f.proto || g.source != f.source || g.name() != f.name() {
			continue
		}
		if g.first != f.first {
			fmt.Fprintf(&b, ", first bytes %08x and %08x", f.first, g.first)
		}
		if g.tos != f.tos {
			fmt.Fprintf(&b, ", TOS %d and %d", f.tos, g.tos)
		}
		if g.label != f.label {
			fmt.Fprintf(&b, ", flow label %d and %d", f.label, g.label)
		}
		break
	}
	return b.String()
}
