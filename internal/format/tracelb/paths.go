package tracelb

import (
	"bytes"
	"cmp"
	"errors"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// step is one flow over one link of a record, or at one node.
type step struct {
	ttl       uint8
	near, far probe.Addr
	flow      uint16
	dt        int64
}

func (a *step) compare(b *step) int {
	return cmp.Or(a.place(b), cmp.Compare(a.flow, b.flow), cmp.Compare(a.dt, b.dt))
}

// place compares without the flow.
func (a *step) place(b *step) int {
	return cmp.Or(cmp.Compare(a.ttl, b.ttl), bytes.Compare(a.near[:], b.near[:]), bytes.Compare(a.far[:], b.far[:]))
}

// paths gathers the steps of an object.
type paths struct {
	links, nodes []step
	sent         map[uint32]int64  // by TTL and flow: answered probes
	last         map[uint16]answer // to the flows of the hop before
}

// answer is the source of the answers to a flow. It is in doubt if there are several.
type answer struct {
	from  probe.Addr
	doubt bool
}

// Multipath returns the record of an object. Its balancers are the nodes with several next hops
// that answered, with the confidence of the object.
func (o *Object) Multipath() (*record.Multipath, error) {
	p := paths{sent: map[uint32]int64{}, last: map[uint16]answer{}}
	count := 0
	for i := range o.Links {
		for _, hop := range o.Links[i].Hops {
			if count += len(hop); count > MostProbes {
				return nil, ErrProbes
			}
			p.times(hop)
		}
	}
	for i := range o.Links {
		if err := p.link(o, &o.Links[i]); err != nil {
			return nil, err
		}
	}
	if len(o.Links) == 0 && len(o.Nodes) > 0 {
		p.nodes = append(p.nodes, step{ttl: max(o.FirstHop, 1), near: o.Nodes[0]})
	}
	m := &record.Multipath{
		Target: o.Target, Source: specified(o.Source), Method: o.Method, Start: o.Start, Probes: o.Probes, MDA: record.Full,
		Nodes: []record.Node{}, Links: []record.Link{}, Balancers: []record.Balancer{},
	}
	p.fill(m)
	balance(m, float64(min(o.Confidence, 100))/100)
	return m, nil
}

// key is that of a probe in paths.sent.
func key(ttl uint8, flow uint16) uint32 { return uint32(ttl)<<16 | uint32(flow) }

func (p *paths) times(hop []Probe) {
	for i := range hop {
		if !hop[i].From.IsZero() && hop[i].Sent != 0 {
			p.sent[key(hop[i].TTL, hop[i].Flow)] = hop[i].Sent
		}
	}
}

// link takes the probes of a link. The near end of those of the first hop is the node that the link
// is from. That of others is the source of the answer to the same flow at the hop before. If several
// sources answered there, no link is certain.
func (p *paths) link(o *Object, l *Link) error {
	for k, hop := range l.Hops {
		first := k == 0
		next := answers(hop)
		for i := range hop {
			at := &hop[i]
			if at.TTL == 0 {
				return errors.New("a probe without a TTL")
			}
			if at.From.IsZero() && !next[at.Flow].from.IsZero() {
				continue // another attempt was answered
			}
			before, known := p.last[at.Flow]
			near, known := before.from, known && !before.doubt
			if first {
				near, known = o.Nodes[l.From], true
				p.nodes = append(p.nodes, step{ttl: at.TTL - 1, near: near, flow: at.Flow})
			}
			if !at.From.IsZero() {
				p.nodes = append(p.nodes, step{ttl: at.TTL, near: at.From, flow: at.Flow})
			}
			if known {
				p.links = append(p.links, step{ttl: at.TTL - 1, near: near, far: at.From, flow: at.Flow, dt: p.between(at)})
			}
		}
		p.last = next
	}
	clear(p.last)
	return nil
}

// answers returns the answers to the flows of a hop.
func answers(hop []Probe) map[uint16]answer {
	all := make(map[uint16]answer, len(hop))
	for i := range hop {
		at := &hop[i]
		switch a, known := all[at.Flow]; {
		case !known || a.from.IsZero():
			all[at.Flow] = answer{from: at.From}
		case !at.From.IsZero() && at.From != a.from:
			all[at.Flow] = answer{a.from, true}
		}
	}
	return all
}

// between returns the time between a probe and that of the same flow with the TTL below, 0 if it
// is not known.
func (p *paths) between(at *Probe) int64 {
	before := p.sent[key(at.TTL-1, at.Flow)]
	if before == 0 || at.Sent == 0 {
		return 0
	}
	return max(at.Sent-before, before-at.Sent)
}

// fill counts the flows of each node and each link.
func (p *paths) fill(m *record.Multipath) {
	each(p.nodes, func(s *step, flows int, _ int64) {
		if s.ttl > 0 {
			m.Nodes = append(m.Nodes, record.Node{TTL: s.ttl, Addr: s.near, Flows: flows})
		}
	})
	each(p.links, func(s *step, flows int, dt int64) {
		m.Links = append(m.Links, record.Link{TTL: s.ttl, Near: s.near, Far: s.far, Flows: flows, Dt: dt})
	})
}

// each sorts steps, and calls add for each place with the number of its flows and the shortest
// time.
func each(list []step, add func(s *step, flows int, dt int64)) {
	slices.SortFunc(list, func(a, b step) int { return a.compare(&b) })
	for len(list) > 0 {
		n, flows, dt := 1, 1, list[0].dt
		for ; n < len(list) && list[n].place(&list[0]) == 0; n++ {
			if list[n].flow != list[n-1].flow {
				flows++
			}
			dt = min(dt, list[n].dt)
		}
		add(&list[0], flows, dt)
		list = list[n:]
	}
}
