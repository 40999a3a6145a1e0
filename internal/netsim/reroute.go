package netsim

import "net/netip"

// rerouteLevel is the level of the prefixes whose route changes: /16, or /32 in IPv6. While it is
// changed, packets to the prefix pass the routers of its neighbour at this level and the next one.
// The neighbour is the prefix that differs in the last bit.
const rerouteLevel = 3

// planAt returns the plan of packets from a source to a destination at a time, in ns since the
// first valid probe.
func (m *model) planAt(src, dst addr, at int64) plan {
	p := m.plan(dst)
	m.reroute(&p, at)
	m.enterFrom(&p, src)
	return p
}

// reroute changes a plan to that at a time.
func (m *model) reroute(p *plan, at int64) {
	if m.cfg.Reroute.reached(at) && m.movedAt(p, at) {
		p.via ^= p.rerouteBit()
	}
}

// movedAt reports whether the route to a destination is the other one at a time from Config.Reroute
// on. With Config.RerouteEvery each prefix draws its route again and again, at moments of its own.
func (m *model) movedAt(p *plan, at int64) bool {
	c := &m.cfg
	if c.RerouteEvery == 0 {
		return m.reroutes(p)
	}
	h := mix(m.seed^saltReroute, p.reroutePrefix())
	turn := c.Reroute.turns(at, c.RerouteEvery, h)
	return turn > 0 && p.key != 0 && m.rerouted.hit(mix(h, turn))
}

// reroutePrefix returns the prefix of rerouteLevel of a destination, with its family.
func (pl *plan) reroutePrefix() uint64 {
	prefix := pl.key / pl.rerouteBit()
	if pl.six {
		prefix |= 1 << 48
	}
	return prefix
}

// rerouteBit returns the last bit of a prefix of rerouteLevel, within a key.
func (pl *plan) rerouteBit() uint64 {
	if pl.six {
		return 1 << (48 - bits6[rerouteLevel])
	}
	return 1 << (48 - bits4[rerouteLevel])
}

// reroutes reports whether the route to a destination changes at Config.Reroute, if it changes once.
func (m *model) reroutes(p *plan) bool {
	return p.key != 0 && m.rerouted.hit(mix(m.seed^saltReroute, p.reroutePrefix()))
}

// Reroutes reports whether the path to a target is another one from Config.Reroute on, if routes
// change once. It does not count paths that end before the changed part.
func (t *Truth) Reroutes(dst netip.Addr) bool {
	m, in := t.m, addrOf(dst)
	p := m.plan(in)
	if m.cfg.Reroute == 0 || !m.reroutes(&p) || p.stop != stopNone && p.stopLevel < rerouteLevel {
		return false
	}
	moved := m.planAt(addr{}, in, int64(m.cfg.Reroute))
	last := rerouteLevel + 1
	if p.stop != stopNone {
		last = min(last, int(p.stopLevel))
	}
	return m.routers(&p, last) > 0 || m.routers(&moved, last) > 0
}

// routers returns the number of routers on the longest way from rerouteLevel up to a level.
func (m *model) routers(p *plan, last int) (n int) {
	room := m.cfg.MaxHops - 1
	for level := range last + 1 {
		g := m.segment(level, p.prefix(level), p.six, 0, room)
		room -= g.most()
		if level >= rerouteLevel {
			n += g.most()
		}
	}
	return n
}
