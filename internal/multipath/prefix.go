package multipath

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Prefix finds the balancers that choose by destination: all flows to one target take one branch,
// and the targets of one prefix take several. It also finds the balancers by flow that hash the
// destination, if the targets of the prefix have the same flows.
//
// Reset comes first. Add takes the record of each target, Join compares them, and Complete adds the
// balancers to a record. One goroutine may use a Prefix.
type Prefix struct {
	cfg       *Config
	targets   []seenTarget
	nodes     []place // of all targets, by target, then TTL
	next      []onward
	meets     []meet
	taken     []taken           // of balancers by flow
	byDest    map[place]bool    // of these: those where the destination decides, too
	balancers []record.Balancer // by TTL, then address
}

// seenTarget is where the nodes of a target begin and end.
type seenTarget struct{ from, to int }

// place is an address at a TTL.
type place struct {
	ttl  uint8
	addr probe.Addr
}

func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.ttl, o.ttl), bytes.Compare(p.addr[:], o.addr[:]))
}

// onward is the next hop that a target has shown of a node.
type onward struct {
	near   place
	far    probe.Addr
	target int
	// again is how many flows took it after the first one. A node that chooses by flow rarely
	// shows one branch to many flows.
	again int
	plain bool // far is the only next hop, and a router in front of others
}

// taken is the next hop of a flow at a balancer.
type taken struct {
	near   place
	flow   uint16
	target int
	far    probe.Addr
}

// meet is an address that a branch leads to.
type meet struct {
	addr   probe.Addr
	branch int
	ttl    uint8
}

// leastAgain is how many flows of all targets together must have taken the branch of the first flow
// to their target. A balancer by flow does so with a probability below 0.1 %.
const leastAgain = 10

// Reset forgets all targets. cfg is validated and does not change.
func (p *Prefix) Reset(cfg *Config) {
	p.cfg, p.targets, p.nodes, p.next, p.balancers = cfg, p.targets[:0], p.nodes[:0], p.next[:0], p.balancers[:0]
	p.taken = p.taken[:0]
	clear(p.byDest)
}

// Add takes the record of a further target of the prefix, and d, which made it.
func (p *Prefix) Add(m *record.Multipath, d *Describer) {
	from := len(p.nodes)
	for i := range m.Nodes {
		p.nodes = append(p.nodes, place{m.Nodes[i].TTL, m.Nodes[i].Addr})
	}
	for links := m.Links; len(links) > 0; {
		near, n := nearOf(&links[0]), 1
		for n < len(links) && nearOf(&links[n]) == near {
			n++
		}
		if !near.addr.IsZero() {
			p.addNext(m, links[:n])
		}
		links = links[n:]
	}
	for i := range m.Balancers {
		if b := &m.Balancers[i]; b.Kind == record.PerFlow && p.cfg.HashFields {
			p.addTaken(place{b.TTL, b.Addr}, d)
		}
	}
	p.targets = append(p.targets, seenTarget{from, len(p.nodes)})
}

// addNext takes the links of one node of a record.
func (p *Prefix) addNext(m *record.Multipath, links []record.Link) {
	o := onward{near: nearOf(&links[0]), target: len(p.targets), plain: true}
	for i := range links {
		switch l := &links[i]; {
		case l.Far.IsZero():
		case !o.far.IsZero() || l.Remapped || l.Far == l.Near || !goesOn(m, place{l.TTL + 1, l.Far}):
			o.far, o.plain = l.Far, false
		default:
			o.far, o.again = l.Far, l.Flows-1
		}
	}
	if o.far.IsZero() {
		return
	}
	i, ok := slices.BinarySearchFunc(m.Nodes, o.near, func(n record.Node, at place) int {
		return place{n.TTL, n.Addr}.compare(at)
	})
	if ok && m.Nodes[i].Borrowed { // targets of other prefixes have shown no other branch
		o.again = max(o.again, p.cfg.rule.Flows(1)-1)
	}
	p.next = append(p.next, o)
}

// addTaken takes the next hop of each flow at a balancer.
func (p *Prefix) addTaken(near place, d *Describer) {
	row := d.row(int(near.ttl) + 1)
	for i := range row {
		o := &row[i]
		before := d.find(o.flow, int(near.ttl))
		if o.node == 0 || o.moved() || before == nil || before.node == 0 || before.moved() || d.addrs[before.node-1] != near.addr {
			continue
		}
		p.taken = append(p.taken, taken{near, o.flow, len(p.targets), d.addrs[o.node-1]})
	}
}

func nearOf(l *record.Link) place { return place{l.TTL, l.Near} }

// goesOn reports whether a record has a link from a place to another address.
func goesOn(m *record.Multipath, at place) bool {
	i, _ := slices.BinarySearchFunc(m.Links, at, func(l record.Link, at place) int { return nearOf(&l).compare(at) })
	for ; i < len(m.Links) && nearOf(&m.Links[i]) == at; i++ {
		if far := m.Links[i].Far; !far.IsZero() && far != at.addr {
			return true
		}
	}
	return false
}

// Join compares the targets. Call it after the last Add.
func (p *Prefix) Join() {
	slices.SortFunc(p.next, func(a, b onward) int {
		return cmp.Or(a.near.compare(b.near), bytes.Compare(a.far[:], b.far[:]))
	})
	for rest := p.next; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].near == rest[0].near {
			n++
		}
		p.joinNode(rest[:n])
		rest = rest[n:]
	}
	p.joinFlows()
}

// joinFlows compares the next hops of flows that differ in the destination alone. If one differs,
// the destination decides.
func (p *Prefix) joinFlows() {
	slices.SortFunc(p.taken, func(a, b taken) int {
		return cmp.Or(a.near.compare(b.near), cmp.Compare(a.flow, b.flow), cmp.Compare(a.target, b.target))
	})
	for i := 1; i < len(p.taken); i++ {
		a, b := &p.taken[i-1], &p.taken[i]
		if a.near == b.near && a.flow == b.flow && a.far != b.far {
			if p.byDest == nil {
				p.byDest = make(map[place]bool)
			}
			p.byDest[a.near] = true
		}
	}
}

// joinNode compares the next hops that the targets have shown of one node. They are sorted.
func (p *Prefix) joinNode(list []onward) {
	width, again := 0, 0
	p.meets = p.meets[:0]
	for i := range list {
		o := &list[i]
		if !o.plain {
			return
		}
		if i == 0 || o.far != list[i-1].far {
			width++
		}
		again += o.again
		t := p.targets[o.target]
		for _, at := range p.nodes[t.from:t.to] {
			if at.ttl > o.near.ttl {
				p.meets = append(p.meets, meet{at.addr, width, at.ttl})
			}
		}
	}
	if width < 2 || again < leastAgain {
		return
	}
	length, asymmetry := p.meeting(width, list[0].near.ttl)
	if length == 0 {
		return // these are routes to different networks
	}
	b := record.Balancer{
		TTL: list[0].near.ttl, Addr: list[0].near.addr, Width: width, Length: length, Asymmetry: asymmetry,
		Kind: record.PerDestination, Asked: len(list), Answered: len(list),
		Confidence: p.cfg.rule.Confidence(width, len(list)),
	}
	switch {
	case width > p.cfg.MaxBranches:
		b.State = record.BalancerTruncated
	case len(list) < p.cfg.rule.Flows(width):
		b.State = record.BalancerLimited
	}
	if p.cfg.HashFields {
		b.HashFields = record.Examined | record.HashDestination
	}
	p.balancers = append(p.balancers, b)
}

// meeting returns the number of TTLs from a node at ttl to the first address that all branches lead
// to. asymmetry is the difference between the TTLs of this address. Without one both are 0.
func (p *Prefix) meeting(width int, ttl uint8) (length, asymmetry int) {
	slices.SortFunc(p.meets, func(a, b meet) int {
		return cmp.Or(bytes.Compare(a.addr[:], b.addr[:]), cmp.Compare(a.branch, b.branch), cmp.Compare(a.ttl, b.ttl))
	})
	branches := 0
	var least, most uint8
	for i, m := range p.meets {
		if i == 0 || m.addr != p.meets[i-1].addr {
			branches, least, most = 0, m.ttl, m.ttl
		}
		if i > 0 && m.addr == p.meets[i-1].addr && m.branch == p.meets[i-1].branch {
			continue
		}
		branches, least, most = branches+1, min(least, m.ttl), max(most, m.ttl)
		if n := int(most - ttl); branches == width && (length == 0 || n < length) {
			length, asymmetry = n, int(most-least)
		}
	}
	return length, asymmetry
}

// Complete adds the balancers by destination on the paths to a target to its record.
func (p *Prefix) Complete(m *record.Multipath) {
	for i := range m.Balancers {
		b := &m.Balancers[i]
		if b.HashFields.Has(record.Examined) && b.Kind == record.PerFlow && p.byDest[place{b.TTL, b.Addr}] {
			b.HashFields |= record.HashDestination
		}
	}
	at := 0
	for i := range p.balancers {
		b := &p.balancers[i]
		_, ok := slices.BinarySearchFunc(m.Nodes, place{b.TTL, b.Addr}, func(n record.Node, at place) int {
			return place{n.TTL, n.Addr}.compare(at)
		})
		if !ok {
			continue
		}
		for at < len(m.Balancers) && (place{m.Balancers[at].TTL, m.Balancers[at].Addr}).compare(place{b.TTL, b.Addr}) < 0 {
			at++
		}
		m.Balancers = slices.Insert(m.Balancers, at, *b)
	}
}
