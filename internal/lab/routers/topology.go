// Package routers is a lab of real Linux routers: namespaces joined by veth pairs. It has the
// branches, silent routers, refusals and NAT that a scan meets, in both IPv4 and IPv6. The kernel
// itself sends the answers, so that tests do not depend only on our own idea of them.
//
//	                           a1 ─ a2                               d1
//	vantage ─ r1 ─ r2 ─ r3 ─── b1 ─ b2 ─── r4 ─ r5* ─ r6 ─ r7 ───────── e1 ─── r8 ─ far
//	           │    │          c1 ─ c2      │          ├─ site
//	         near  edge                    core        └─ n1 ─ n2 ─ inside
//
// r3 and r7 balance per flow (addresses, protocol, ports). r5 forwards but never answers. n1
// translates the source of packets to inside. Some routers refuse or drop whole prefixes.
package routers

import (
	"fmt"
	"net/netip"
	"slices"
)

// The vantage point's node, and the name of its link.
const (
	vantage = "vantage"
	uplink  = "uplink0"
)

// Ending is how the path to a target ends.
type Ending uint8

// The endings. The names of the ICMP errors are those of RFC 792 and RFC 4443.
const (
	// Reached: the target answers UDP probes to closed ports with a port unreachable, pings
	// with a reply and, on the nodes with services, TCP.
	Reached Ending = iota
	// Prohibited: a router answers that communication is administratively prohibited (ICMP
	// 3/13, ICMPv6 1/1).
	Prohibited
	// Unreachable: a router answers host unreachable (ICMP 3/1), and in IPv6 no route to
	// destination (1/0), as the kernel does.
	Unreachable
	// Dropped: a router drops the packets without an answer.
	Dropped
)

// String returns the name of such a route in ip-route(8).
func (e Ending) String() string {
	return [...]string{Reached: "local", Prohibited: "prohibit", Unreachable: "unreachable", Dropped: "blackhole"}[e]
}

// Territory is a pair of prefixes, a /12 and a /32. All of its addresses belong to one node, and
// paths to them end in the same way.
type Territory struct {
	Node   string
	V4, V6 netip.Prefix
	Ending Ending
}

// A link joins two nodes. The interface at each node has the name of the other node. The link's
// addresses derive from its number.
type link struct {
	near, far string // near is closer to the vantage point
	number    int
}

// Topology is the intended network: Setup builds it, and Truth and Targets are computed from it. It
// does not change, so it may be shared.
type Topology struct {
	nodes       []string // vantage comes first
	links       []link
	territories []Territory
	silent      []string // nodes that send no time exceeded
	nat         []link   // links that translate sources towards far
	services    []string // nodes with TCP ports, see servicePorts
	nameless    []string // nodes without names in the DNS

	// nodes with open TCP ports, see openPort
	// order of links.
	hops map[string]map[string][]string
}

// New returns the topology of the picture above.
func New() *Topology {
	t := &Topology{
		silent:   []string{"r5"},
		services: []string{"near", "far"},
		nameless: []string{"r6", "site"},
		territories: []Territory{
			area("near", 16, Reached),
			area("edge", 32, Reached),
			area("core", 48, Reached),
			area("site", 64, Reached),
			area("far", 80, Reached),
			area("inside", 96, Reached),
			area("r6", 112, Prohibited),
			area("r4", 128, Unreachable),
			area("r8", 144, Dropped),
		},
	}
	for _, chain := range [][]string{
		{vantage, "r1", "r2", "r3"},
		{"r3", "a1", "a2", "r4"},
		{"r3", "b1", "b2", "r4"},
		{"r3", "c1", "c2", "r4"},
		{"r4", "r5", "r6", "r7"},
		{"r7", "d1", "r8"},
		{"r7", "e1", "r8"},
		{"r6", "n1", "n2", "inside"},
		{"r1", "near"}, {"r2", "edge"}, {"r4", "core"}, {"r6", "site"}, {"r8", "far"},
	} {
		for i, far := range chain[1:] {
			t.join(chain[i], far)
		}
	}
	t.nat = []link{t.between("n1", "n2")}
	t.route()
	return t
}

// area returns the territory of 45.x.0.0/12 and 2a00:x::/32, where x has the same digits in both. x
// is a multiple of 16.
func area(node string, x int, ending Ending) Territory {
	return Territory{
		Node:   node,
		V4:     netip.MustParsePrefix(fmt.Sprintf("45.%d.0.0/12", x)),
		V6:     netip.MustParsePrefix(fmt.Sprintf("2a00:%d::/32", x)),
		Ending: ending,
	}
}

// join adds a link.
func (t *Topology) join(near, far string) {
	for _, n := range []string{near, far} {
		if !slices.Contains(t.nodes, n) {
			t.nodes = append(t.nodes, n)
		}
	}
	t.links = append(t.links, link{near: near, far: far, number: len(t.links) + 1})
}

// linksOf returns a node's links.
func (t *Topology) linksOf(node string) []link {
	var links []link
	for _, l := range t.links {
		if l.near == node || l.far == node {
			links = append(links, l)
		}
	}
	return links
}

// between returns the link between two neighbours.
func (t *Topology) between(a, b string) link {
	for _, l := range t.links {
		if l.near == a && l.far == b || l.near == b && l.far == a {
			return l
		}
	}
	panic("no link between " + a + " and " + b)
}

// prefixes returns the link's two prefixes, of two addresses each.
func (l link) prefixes() [2]netip.Prefix {
	return [2]netip.Prefix{
		netip.MustParsePrefix(fmt.Sprintf("20.0.%d.0/31", l.number)),
		netip.MustParsePrefix(fmt.Sprintf("2a00:1:0:%d::/127", l.number)),
	}
}

// addrs returns a node's two addresses on the link.
func (l link) addrs(node string) [2]netip.Addr {
	var addrs [2]netip.Addr
	for i, p := range l.prefixes() {
		addrs[i] = p.Addr()
		if node == l.far {
			addrs[i] = addrs[i].Next()
		}
	}
	return addrs
}

// index returns the number of node's interface. It differs at the two ends. If it were the same,
// the kernel would treat the pair as a single device, and report it as up only a second later.
func (l link) index(node string) int {
	if node == l.near {
		return 100 + 2*l.number
	}
	return 100 + 2*l.number + 1
}

// other returns the node at the link's other end.
func (l link) other(node string) string {
	if node == l.near {
		return l.far
	}
	return l.near
}

// device returns the name of node's interface on the link.
func (l link) device(node string) string {
	if node == vantage {
		return uplink
	}
	return l.other(node)
}
