package netsim

// flow is the header fields that balancers may hash.
type flow struct {
	src, dst addr
	first    uint32 // first four octets of the transport header
	label    uint32 // IPv6 flow label
	id       uint16 // identifier of an ICMP echo, else 0
	proto    uint8
	tos      uint8
}

// flowHash holds the two hashes that per-flow balancers use, and the hash that per-destination
// balancers use.
type flowHash struct {
	flow, more, dst uint64
}

func (m *model) hashFlow(f *flow) flowHash {
	pair := mix(f.src.hi^saltFlow, f.src.lo)
	h := mix(pair^f.dst.hi, f.dst.lo^m.seed)
	h = mix(h^uint64(f.proto), uint64(f.first)<<16|uint64(f.id))
	return flowHash{
		flow: h,
		more: mix(h^saltMore, uint64(f.label)<<8|uint64(f.tos)),
		dst:  mix(f.dst.hi^saltHost, f.dst.lo^m.seed),
	}
}

// branch returns the branch that a packet takes; packet is a hash of its number.
func (g *segment) branch(h *flowHash, packet uint64) int {
	x := packet
	switch {
	case g.width == 0:
		return 0
	case g.balancer == perDestination:
		x = h.dst
	case g.balancer == perFlow && g.more:
		x = h.more
	case g.balancer == perFlow:
		x = h.flow
	}
	return pick(mix(g.salt, x), int(g.width))
}
