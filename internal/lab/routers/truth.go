package routers

import (
	"net/netip"
	"slices"
)

// Truth is the content of a correct trace to one target.
type Truth struct {
	Ending Ending
	NAT    bool // the path crosses the source NAT

	// Distance is the lowest TTL at which Ending shows: that of the target, or of the router
	// that refuses. For Dropped it is the lowest TTL from which on there are no answers.
	Distance int

	// Paths are the ways that the probes of a flow may take; all probes of a flow take the same
	// one. Element i of a path is the responder at TTL i+1, or the zero Addr for a silent
	// router. The last element is at Distance, and for Dropped it is silent. All higher TTLs
	// have the same responder as the last element.
	Paths [][]netip.Addr
}

// At returns the addresses that can answer at a TTL, over all flows, in order. An empty result
// means that there is no answer.
func (t Truth) At(ttl int) []netip.Addr {
	var addrs []netip.Addr
	for _, path := range t.Paths {
		if a := path[min(ttl, len(path))-1]; a.IsValid() && !slices.Contains(addrs, a) {
			addrs = append(addrs, a)
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return addrs
}

// Allows reports whether some flow's path has exactly these responders, from TTL 1 on. The zero
// Addr means no answer. The slice may be shorter or longer than the path.
func (t Truth) Allows(responders []netip.Addr) bool {
	return slices.ContainsFunc(t.Paths, func(path []netip.Addr) bool {
		for i, got := range responders {
			if got != path[min(i, len(path)-1)] {
				return false
			}
		}
		return true
	})
}

// Truth returns the truth of a target. ok is false for the addresses of routers, and for addresses
// that are in no territory.
func (t *Topology) Truth(target netip.Addr) (truth Truth, ok bool) {
	i := slices.IndexFunc(t.territories, func(a Territory) bool {
		return a.V4.Contains(target) || a.V6.Contains(target)
	})
	if i < 0 {
		return Truth{}, false
	}
	end := t.territories[i]
	truth.Ending = end.Ending
	for _, path := range t.paths(vantage, end.Node) {
		truth.NAT = crosses(path, t.nat)
		truth.Distance = len(path)
		addrs := make([]netip.Addr, len(path))
		for i, node := range path {
			addrs[i] = t.responder(node, target)
		}
		switch last := &addrs[len(addrs)-1]; end.Ending {
		case Reached:
			*last = target
		case Dropped:
			*last = netip.Addr{}
		}
		truth.Paths = append(truth.Paths, addrs)
	}
	return truth, true
}

// responder returns the address from which a node sends errors about a probe to
// target, or the zero Addr if it sends none.
func (t *Topology) responder(node string, target netip.Addr) netip.Addr {
	switch addrs := t.upstream(node); {
	case slices.Contains(t.silent, node):
		return netip.Addr{}
	case target.Is4():
		return addrs[0]
	default:
		return addrs[1]
	}
}

// upstream returns a node's two addresses on its link towards the vantage
// point.
func (t *Topology) upstream(node string) [2]netip.Addr {
	return t.between(node, t.next(node, vantage)[0]).addrs(node)
}

// Territories returns the territories of the lab.
func (t *Topology) Territories() []Territory { return slices.Clone(t.territories) }

// Source returns the vantage point's two addresses, IPv4 first.
func (t *Topology) Source() [2]netip.Addr {
	return t.between(vantage, t.hops[vantage][t.nodes[1]][0]).addrs(vantage)
}

// Link returns the name of the vantage point's link.
func (t *Topology) Link() string { return uplink }
