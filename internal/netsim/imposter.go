package netsim

// routerAddr returns the address from which the router at the end of a way answers. That is its
// own, or the target's: some translators answer for the target, and so do routers before a
// forwarded port.
func (m *model) routerAddr(p *plan, w *way) addr {
	if w.answer == TimeExceeded && w.node.level == levels-1 && m.viaTarget.hit(mix(m.seed^saltViaTarget, p.key)) {
		return p.dst
	}
	return w.node.addr()
}

// isImposter reports whether a target answers each probe as a router does whose TTL ran out.
func (m *model) isImposter(p *plan) bool { return m.imposters.hit(mix(p.host, saltImposter)) }

// imposed returns the address that an imposter answers from. It is the address of a router that
// a probe with the same TTL would meet on the way to another target nearby.
func (m *model) imposed(p *plan, w *way, rnd uint64) addr {
	dst := p.dst
	if h := mix(rnd, saltImposter); p.six {
		dst.hi ^= (1 + h%0xff) << 16 // another /48
	} else {
		dst.lo ^= (1 + h%0xfff) << 8 // another /24
	}
	other := m.plan(dst)
	m.enter(&other, int(p.vantage))
	return m.walk(&other, &flowHash{}, &flow{proto: protoUDP}, w.ttl, rnd).node.addr()
}
