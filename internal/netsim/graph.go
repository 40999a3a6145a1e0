package netsim

// Graph is everything that probes to a target can meet, over all flows with one source, destination
// and protocol.
type Graph struct {
	Nodes []Node
	Links []Link
	Forks []Fork
	// Fixed are nodes with a load balancer that sends all packets to the target the same way.
	// It chooses by addresses.
	Fixed []int
}

// Node is a hop at a TTL. A router that is met at several TTLs is several nodes. The target, and a
// router that stops packets, is a node only at the TTLs at which some packet first reaches it.
type Node struct {
	TTL uint8
	Hop
}

// Link is a pair of nodes that one packet meets, if it has the TTL of either.
type Link struct{ Near, Far int } // indices of nodes

// Fork is a node at which the paths of packets to the target part.
type Fork struct {
	Node     int
	Kind     Kind
	Fields   Fields // that decide the branch; none if each packet may take another
	Remaps   bool   // at Config.Remap
	Branches []Branch
}

// Branch is a branch of a fork. Several branches may begin with the same node if some have no
// router before they join again; then they are one.
type Branch struct {
	Node  int
	Share float64 // of the flows, or packets, that meet the fork
}

// Equal reports whether all branches have the same share.
func (f *Fork) Equal() bool {
	for _, b := range f.Branches {
		if b.Share < f.Branches[0].Share*(1-1e-9) || b.Share > f.Branches[0].Share*(1+1e-9) {
			return false
		}
	}
	return true
}

// Kind is the kind of a fork.
type Kind uint8

// The kinds. A load balancer that chooses by addresses is no fork for one target.
const (
	ByFlow Kind = iota
	ByPacket
)

// Fields is a set of header fields.
type Fields uint8

// The fields. Those of ICMP are in the place of ports: type, code and checksum, identifier.
const (
	SourcePort Fields = 1 << iota
	DestPort
	FlowLabel
	TOS
	Destination
)

// hashed returns the fields that decide the branch.
func (b *balance) hashed(six family) (f Fields) {
	switch {
	case b.balancer == perPacket:
		return 0
	case b.fixed():
		return Destination
	case b.fields == hashLabel:
		return FlowLabel
	case b.fields == hashPorts:
		return SourcePort | DestPort
	}
	f = SourcePort | DestPort | Destination
	if b.fields == hashMore {
		f |= TOS
		if six {
			f |= FlowLabel
		}
	}
	return f
}

// Graph returns the graph of a target for flows with the source, destination, protocol and time of
// f, up to TTL last.
func (t *Truth) Graph(f *Flow, last uint8) *Graph {
	m, in := t.m, f.internal()
	b := &builder{t: t, in: in, p: m.planAt(in.src, in.dst, int64(f.At)), h: m.hashFlow(&in, int64(f.At)),
		last: int(last), nodes: make(map[nodeKey]int), links: make(map[Link]float64), forks: make(map[int]balance), fixed: make(map[int]bool)}
	if reachOf(in.dst) != martian {
		b.build()
	}
	return &b.g
}
