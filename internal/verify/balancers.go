package verify

import (
	"slices"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Balancers compares the load balancers of multipath records with the truth.
type Balancers struct {
	Claimed  uint64            `json:"claimed"`
	States   map[string]uint64 `json:"states"` // of those claimed
	Borrowed uint64            `json:"borrowed"`
	// False: paths to the target do not part at that node.
	False uint64 `json:"false"`
	// WrongWidth: the number of next hops differs from the links of the record.
	WrongWidth uint64 `json:"wrong_width"`
	WrongKind  uint64 `json:"wrong_kind"`
	// Examined is those with hash fields, WrongFields those with wrong ones.
	Examined    uint64 `json:"examined"`
	WrongFields uint64 `json:"wrong_fields"`
	// Destinations of Examined hash the destination too, and DestinationsFound show it. Only a
	// scan with several targets in a prefix can find it, so that others are not wrong.
	Destinations      uint64 `json:"destinations"`
	DestinationsFound uint64 `json:"destinations_found"`

	// Even and Weighted are of complete balancers that were not borrowed, with equal and with
	// different shares. The stopping rule assumes equal shares.
	Even     Calibration `json:"even"`
	Weighted Calibration `json:"weighted"`
	// Widths has the same by true width, of balancers by flow with equal shares. It includes
	// those that a record has as a plain router, because one branch was found.
	Widths []WidthCount `json:"widths,omitempty"`

	widths map[int]*WidthCount
}

// Calibration compares the claimed confidence with the truth.
type Calibration struct {
	Balancers uint64  `json:"balancers"`
	Whole     uint64  `json:"whole"`   // all branches that answer were found
	Share     float64 `json:"share"`   // Whole of Balancers, 1 without any
	Claimed   float64 `json:"claimed"` // mean confidence
}

// WidthCount counts the balancers of one width.
type WidthCount struct {
	Width     int    `json:"width"`
	Balancers uint64 `json:"balancers"`
	Missed    uint64 `json:"missed"` // some branch was not found
	// Overlooked of those: found as a router with one next hop.
	Overlooked uint64 `json:"overlooked"`
}

// judgeBalancers judges the balancers of a record.
func (c *checker) judgeBalancers(r *record.Multipath, truth *pathTruth) {
	n := &c.paths.Balancers
	if n.States == nil {
		n.States, n.widths = make(map[string]uint64), make(map[int]*WidthCount)
	}
	found := make(map[place][]probe.Addr) // next hops, by the links
	for i := range r.Links {
		if l := &r.Links[i]; l.Near != (probe.Addr{}) && l.Far != (probe.Addr{}) {
			at := place{l.TTL, l.Near}
			found[at] = append(found[at], l.Far)
		}
	}
	claims := make(map[place]*record.Balancer)
	for i := range r.Balancers {
		b := &r.Balancers[i]
		at := place{b.TTL, b.Addr}
		claims[at] = b
		n.Claimed++
		n.States[b.State.String()]++
		if b.Borrowed {
			n.Borrowed++
		}
		if width := len(found[at]); b.Width < width {
			n.WrongWidth++
			c.example("width", "%s TTL %d: %s has width %d, and links to %d", r.Target, b.TTL, b.Addr, b.Width, width)
		}
		c.judgeBalancer(r, b, at, truth)
	}
	borrowed := make(map[place]bool)
	claimed := make(map[place]bool)
	for i := range r.Nodes {
		at := place{r.Nodes[i].TTL, r.Nodes[i].Addr}
		claimed[at] = true
		borrowed[at] = r.Nodes[i].Borrowed
	}
	for i := range truth.graph.Forks {
		fork := &truth.graph.Forks[i]
		at := placeOf(&truth.graph.Nodes[fork.Node])
		if claimed[at] && !borrowed[at] && !r.Unfinished {
			c.calibrate(r, fork, claims[at], found[at], truth)
		}
	}
}

// judgeBalancer judges one balancer.
func (c *checker) judgeBalancer(r *record.Multipath, b *record.Balancer, at place, truth *pathTruth) {
	n, g := &c.paths.Balancers, truth.graph
	is := func(i int) bool { return placeOf(&g.Nodes[i]) == at }
	fixed := slices.ContainsFunc(g.Fixed, is)
	i := slices.IndexFunc(g.Forks, func(f netsim.Fork) bool { return is(f.Node) })
	switch {
	case fixed && b.Kind == record.PerDestination:
		return
	case i < 0:
		n.False++
		c.example("no balancer", "%s TTL %d: %s, of width %d", r.Target, b.TTL, b.Addr, b.Width)
		return
	}
	fork := &g.Forks[i]
	want := record.PerFlow
	if fork.Kind == netsim.ByPacket {
		want = record.PerPacket
	}
	if b.Kind != want {
		n.WrongKind++
		c.example("kind of balancer", "%s TTL %d: %s is by %s, not by %s", r.Target, b.TTL, b.Addr, want, b.Kind)
		return
	}
	if b.HashFields.Has(record.Examined) && r.Method.Protocol(r.Target.Is4()) != probe.ProtoICMP && r.Method.Protocol(r.Target.Is4()) != probe.ProtoICMPv6 {
		n.Examined++
		says, is := b.HashFields&^record.Examined, recordFields(fork.Fields)
		if is.Has(record.HashDestination) {
			n.Destinations++
			if says.Has(record.HashDestination) {
				n.DestinationsFound++
			}
			says |= record.HashDestination
		}
		if says != is {
			n.WrongFields++
			c.example("hash fields", "%s TTL %d: %s hashes %v, not %v", r.Target, b.TTL, b.Addr,
				(recordFields(fork.Fields) | record.Examined).Names(), b.HashFields.Names())
		}
	}
}

// recordFields returns the fields as in records.
func recordFields(f netsim.Fields) (h record.HashFields) {
	for _, pair := range []struct {
		is   netsim.Fields
		says record.HashFields
	}{
		{netsim.SourcePort, record.HashSourcePort}, {netsim.DestPort, record.HashDestPort},
		{netsim.FlowLabel, record.HashFlowLabel}, {netsim.TOS, record.HashTOS},
		{netsim.Destination, record.HashDestination},
	} {
		if f&pair.is != 0 {
			h |= pair.says
		}
	}
	return h
}

// calibrate counts whether all branches of a fork by flow were found. claim is nil if the record
// has the fork as a router with one next hop.
func (c *checker) calibrate(r *record.Multipath, fork *netsim.Fork, claim *record.Balancer, found []probe.Addr, truth *pathTruth) {
	if fork.Kind != netsim.ByFlow || claim != nil && (claim.Borrowed || claim.State != record.BalancerComplete) {
		return
	}
	width, whole := 0, true
	for _, b := range fork.Branches {
		n := &truth.graph.Nodes[b.Node]
		if truth.answering[placeOf(n)] {
			width++
			whole = whole && slices.Contains(found, probe.AddrFrom(n.Addr))
		}
	}
	n := &c.paths.Balancers
	if claim != nil {
		to := &n.Weighted
		if fork.Equal() {
			to = &n.Even
		}
		to.add(whole, claim.Confidence)
	}
	// With silent branches, a balancer needs fewer flows than the rule takes.
	if width < 2 || width < len(fork.Branches) || !fork.Equal() {
		return
	}
	w := n.widths[width]
	if w == nil {
		w = &WidthCount{Width: width}
		n.widths[width] = w
	}
	if w.Balancers++; !whole {
		w.Missed++
		if claim == nil {
			w.Overlooked++
		}
	}
}

// add counts a balancer.
func (k *Calibration) add(whole bool, confidence float64) {
	k.Balancers++
	k.Claimed += confidence // the mean at the end
	if whole {
		k.Whole++
	}
}

func (k *Calibration) finish() {
	k.Share = share(k.Whole, k.Balancers)
	if k.Balancers > 0 {
		k.Claimed /= float64(k.Balancers)
	}
}

// finish computes means and lists widths.
func (n *Balancers) finish() {
	n.Even.finish()
	n.Weighted.finish()
	for _, w := range sortedKeys(n.widths, func(a, b int) int { return a - b }) {
		n.Widths = append(n.Widths, *n.widths[w])
	}
}
