package tracelb

import (
	"math"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// place is an address at a TTL; the zero address is silence.
type place struct {
	ttl  uint8
	addr probe.Addr
}

// maker makes an object of a record.
type maker struct {
	m     *record.Multipath
	o     *Object
	index map[place]int      // of nodes
	flows map[place][]uint16 // flows that came to a node, and did not leave it yet
	next  uint16             // flow that is new
	share int                // the most probes of a link

	leads    map[place]bool // nodes with a next hop that answered
	silences [256]*silence  // by the TTL before
}

// Of returns the object of a record: a node for each address at each TTL, and a probe for each
// flow over each link. Links that only flows that moved took are left out. A silent router
// between nodes is a hop of the link between them, if there is no doubt which nodes it is
// between.
func Of(m *record.Multipath) *Object {
	k := &maker{
		m: m, index: map[place]int{}, flows: map[place][]uint16{}, leads: map[place]bool{},
		share: shareOf(m.Links),
	}
	k.o = &Object{
		Source: unspecified(m.Source, m.Target), Target: m.Target, Method: m.Method, Start: m.Start, Probes: m.Probes, FirstHop: 1, Confidence: confidence(m),
	}
	for i := range m.Nodes {
		k.node(m.Nodes[i].TTL, m.Nodes[i].Addr)
	}
	if len(m.Nodes) > 0 {
		k.o.FirstHop = m.Nodes[0].TTL
	}
	for from := 0; from < len(m.Links); {
		to := from
		for to < len(m.Links) && m.Links[to].TTL == m.Links[from].TTL {
			to++
		}
		k.level(m.Links[from:to])
		from = to
	}
	return k.o
}

// shareOf returns how many probes a link may have: as many as it has flows, unless all links have so
// many that readers would refuse the object.
func shareOf(links []record.Link) int {
	const most = MostProbes / 2
	all := 0
	for i := range links {
		if all += min(max(links[i].Flows, 1), most); all > most {
			return max(most/len(links), 1)
		}
	}
	return Most
}

// confidence returns the smallest one of the balancers in percent, rounded down; 0 if there are
// none.
func confidence(m *record.Multipath) uint8 {
	least := 0.0
	for i := range m.Balancers {
		if c := m.Balancers[i].Confidence; i == 0 || c < least {
			least = c
		}
	}
	return uint8(min(max(least, 0), 1) * 100)
}

// node returns the index of a node, None if there are too many.
func (k *maker) node(ttl uint8, addr probe.Addr) int {
	at := place{ttl, addr}
	if i, known := k.index[at]; known {
		return i
	}
	if len(k.o.Nodes) == Most {
		return None
	}
	k.index[at] = len(k.o.Nodes)
	k.o.Nodes = append(k.o.Nodes, addr)
	return k.index[at]
}

// level adds the links that leave the nodes at a TTL.
func (k *maker) level(links []record.Link) {
	for i := range links {
		l := &links[i]
		if l.Remapped || l.Near.IsZero() || l.Far.IsZero() {
			continue
		}
		at := place{l.TTL, l.Near}
		flows := k.take(at, l.Flows)
		k.leads[at] = true
		k.add(l.TTL, l.Near, l.Far, [][]uint16{flows})
		k.put(place{l.TTL + 1, l.Far}, flows)
	}
	for i := range links {
		if l := &links[i]; !l.Remapped && !l.Near.IsZero() && l.Far.IsZero() {
			k.over(l)
		}
	}
}

// take returns n flows that came to a place, or new ones.
func (k *maker) take(at place, n int) []uint16 {
	n = min(max(n, 1), k.share)
	come := k.flows[at]
	taken := come[:min(n, len(come))]
	k.flows[at] = come[len(taken):]
	for len(taken) < n {
		taken = append(taken[:len(taken):len(taken)], k.next)
		k.next++
	}
	return taken
}

// put lets flows come to a place.
func (k *maker) put(at place, flows []uint16) { k.flows[at] = append(k.flows[at], flows...) }

// add adds a link over hops, each with its flows, of which the last one answered.
func (k *maker) add(ttl uint8, near, far probe.Addr, hops [][]uint16) {
	from, to := k.node(ttl, near), None
	if !far.IsZero() {
		to = k.node(ttl+uint8(len(hops)), far)
	}
	if from == None || to == None && !far.IsZero() || len(k.o.Links) == Most || int(ttl)+len(hops) > math.MaxUint8 {
		return
	}
	l := Link{From: from, To: to}
	for i, flows := range hops {
		list := make([]Probe, len(flows))
		for j, flow := range flows {
			list[j] = Probe{Flow: flow, TTL: ttl + uint8(i) + 1, Sent: k.m.Start}
			if i == len(hops)-1 {
				list[j].From = far
			}
		}
		l.Hops = append(l.Hops, list)
	}
	k.o.Links = append(k.o.Links, l)
}

// unspecified returns the unspecified address in place of none: scamper's tools want a source.
func unspecified(source, target probe.Addr) probe.Addr {
	if source.IsZero() && target.Is4() {
		return probe.Addr4From([4]byte{})
	}
	return source
}

// specified is the inverse.
func specified(a probe.Addr) probe.Addr {
	if a == probe.Addr4From([4]byte{}) {
		return probe.Addr{}
	}
	return a
}
