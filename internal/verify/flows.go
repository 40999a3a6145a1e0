package verify

import (
	"fmt"
	"hash/maphash"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
)

// dest returns the number of a destination.
func (a *asked) dest(addr probe.Addr) uint32 {
	hash := maphash.Comparable(a.seed, addr)
	d, ok := a.findDest(hash, addr)
	if !ok {
		d = uint32(len(a.dests))
		a.dests = append(a.dests, dest{addr: addr, flow: none})
		a.byAddr.add(hash, d, func(i uint32) uint64 { return maphash.Comparable(a.seed, a.dests[i].addr) })
	}
	return d
}

func (a *asked) findDest(hash uint64, addr probe.Addr) (uint32, bool) {
	return a.byAddr.find(hash, func(i uint32) bool { return a.dests[i].addr == addr })
}

// destOf returns the destination with an address, or nil.
func (a *asked) destOf(addr probe.Addr) *dest {
	d, ok := a.findDest(maphash.Comparable(a.seed, addr), addr)
	if !ok {
		return nil
	}
	return &a.dests[d]
}

// flowOf returns the flow of a probe from a source to dst. It marks a flow whose fields have
// changed.
func (a *asked) flowOf(dst probe.Addr, source uint16, r *netsim.Record) uint32 {
	in := r.Flow()
	f := flow{dest: a.dest(dst), first: in.First, label: in.Label, id: in.ID, size: r.Size, proto: in.Protocol,
		tos: in.TOS, source: source, same: none}
	hash := a.hashFields(&f)
	if i, ok := a.byFlow.find(hash, func(i uint32) bool { return a.flows[i].hasFields(&f) }); ok {
		if g := &a.flows[i]; g.size != f.size {
			g.marks |= sizeVaries
		}
		return i
	}
	i, d := uint32(len(a.flows)), &a.dests[f.dest]
	f.next, d.flow = d.flow, i
	d.flows = addOne(d.flows)
	a.flows = append(a.flows, f)
	a.byFlow.add(hash, i, func(i uint32) uint64 { return a.hashFields(&a.flows[i]) })
	a.nameFlow(i)
	return i
}

// nameFlow adds a new flow to those that are found by name and value.
func (a *asked) nameFlow(i uint32) {
	f := &a.flows[i]
	hash := a.hashName(f)
	if like, ok := a.byName.find(hash, func(k uint32) bool { return a.flows[k].hasName(f) }); ok {
		a.flows[like].marks |= unstable
	} else {
		a.byName.add(hash, i, func(k uint32) uint64 { return a.hashName(&a.flows[k]) })
	}
	hash = a.hashValue(f.dest, f.value())
	if same, ok := a.findValue(hash, f.dest, f.value()); ok {
		first := &a.flows[same]
		f.same, first.same = first.same, i
	} else {
		a.byValue.add(hash, i, func(k uint32) uint64 { return a.hashValue(a.flows[k].dest, a.flows[k].value()) })
	}
}

// findValue returns the first flow to a destination with a value.
func (a *asked) findValue(hash uint64, d uint32, value uint16) (uint32, bool) {
	return a.byValue.find(hash, func(k uint32) bool { return a.flows[k].dest == d && a.flows[k].value() == value })
}

// hasFields reports whether two flows are the same.
func (f *flow) hasFields(g *flow) bool {
	return g.dest == f.dest && g.first == f.first && g.label == f.label && g.id == f.id && g.proto == f.proto &&
		g.tos == f.tos && g.source == f.source
}

// hasName reports whether tools take two flows for the same.
func (f *flow) hasName(g *flow) bool {
	return g.dest == f.dest && g.proto == f.proto && g.source == f.source && g.name() == f.name()
}

func (a *asked) hashFields(f *flow) uint64 {
	return maphash.Comparable(a.seed, [...]uint64{uint64(f.dest)<<32 | uint64(f.first),
		uint64(f.label)<<32 | uint64(f.id)<<16 | uint64(f.source), uint64(f.proto)<<8 | uint64(f.tos)})
}

func (a *asked) hashName(f *flow) uint64 {
	return maphash.Comparable(a.seed, uint64(f.dest)<<32|uint64(f.source)<<16|uint64(f.name())) + uint64(f.proto)
}

func (a *asked) hashValue(d uint32, value uint16) uint64 {
	return maphash.Comparable(a.seed, uint64(d)<<16|uint64(value))
}

// addOne adds one to a count that stays at its greatest value.
func addOne(n uint16) uint16 { return n + min(1, ^n) }

// mostSources is how many sources the log of one run may have.
const mostSources = 256

var errSources = fmt.Errorf("the log has more than %d sources: it must be of one run", mostSources)

// source returns the number of a source address. ok is false if there are too many.
func (a *asked) source(addr probe.Addr) (i uint16, ok bool) {
	for i := range a.sources {
		if a.sources[i] == addr {
			return uint16(i), true
		}
	}
	if len(a.sources) == mostSources {
		return 0, false
	}
	a.sources = append(a.sources, addr)
	return uint16(len(a.sources) - 1), true
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

// mostPicked is how many probes one record is compared with, over all flows that it may mean.
const mostPicked = 1 << 16

// pick appends the flows to dst that the selector may mean. There may be more of them than one
// record is compared with: then some are left out.
func (a *asked) pick(flows []uint32, dst probe.Addr, s *selector) []uint32 {
	hash := maphash.Comparable(a.seed, dst)
	d, ok := a.findDest(hash, dst)
	if !ok {
		return flows
	}
	first, next := a.dests[d].flow, func(f *flow) uint32 { return f.next }
	if s.ports && s.isSum && s.sport == s.sum { // only flows with that value match
		if first, ok = a.findValue(a.hashValue(d, s.sum), d, s.sum); !ok {
			first = none
		}
		next = func(f *flow) uint32 { return f.same }
	}
	left := mostPicked
	for i := first; i != none && left > 0; i = next(&a.flows[i]) {
		left--
		if s.matches(&a.flows[i]) {
			flows = append(flows, i)
			left -= len(a.of(&a.flows[i]))
		}
	}
	if len(flows) > 0 || s.strict {
		return flows
	}
	for i := a.dests[d].flow; i != none && left > 0; i = a.flows[i].next {
		flows = append(flows, i)
		left -= 1 + len(a.of(&a.flows[i]))
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
			if c.lacks("unstable flow") {
				c.example("unstable flow", "%s", a.change(f))
			}
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
