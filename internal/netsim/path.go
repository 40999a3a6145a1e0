package netsim

// stop is how a route ends before its target.
type stop uint8

const (
	stopNone stop = iota
	stopUnreachable
	stopLoop
	stopBlackHole
)

// wall is how a firewall refuses a packet.
type wall uint8

const (
	wallNone wall = iota
	wallProhibited
	wallSilent
)

// plan is everything that depends on the destination's prefix and not on a router.
type plan struct {
	dst  addr
	key  uint64 // prefix of level 5, left-aligned in 48 bits
	host uint64 // hash of the address
	six  family
	via  uint64 // key of the routers at the levels of rerouteLevel and above, while it is moved

	vantage uint8 // number of the vantage point
	entries [entryLevels]uint8

	stop      stop
	stopLevel uint8 // the route ends with this segment
	wall      wall
	wallLevel uint8 // the last router of this segment is the firewall
	wallProto uint8 // set of protoBits that it stops
	wallCode  uint8 // index of a "prohibited" code
	box       box
	boxLevel  uint8 // the box is after this segment
	boxHash   uint64
}

// protoBit returns a protocol's bit in a firewall's set.
func protoBit(proto uint8) uint8 {
	switch proto {
	case protoUDP:
		return 1
	case protoTCP:
		return 2
	}
	return 4
}

// wallSets are the sets of protocols that firewalls block; UDP is in most of them.
var wallSets = [8]uint8{7, 7, 7, 1, 1, 3, 5, 4}

// plan returns the plan of a destination at the beginning of the run.
func (m *model) plan(dst addr) plan {
	p := plan{dst: dst, six: family(!dst.is4()), host: mix(dst.hi^m.seed^saltHost, dst.lo)}
	if p.six {
		p.key = dst.hi >> 16
	} else {
		p.key = uint64(dst.v4()>>8) << 24
	}
	if reachOf(dst) != routable {
		p.stop, p.key = stopUnreachable, 0
		return p
	}
	p.via = p.key
	h := mix(m.seed^saltPrefix, p.key<<1|1)
	level := 1 + uint8(h>>32&3)
	switch {
	case m.unreachable.hit(h):
		p.stop, p.stopLevel = stopUnreachable, level
	case m.loop.hit(h):
		p.stop, p.stopLevel = stopLoop, level
	case m.blackHole.hit(h):
		p.stop, p.stopLevel = stopBlackHole, level
	}
	if h = mix(h, saltFirewall); m.silentFirewall.hit(h) {
		p.wall, p.wallLevel = wallProhibited, 4+uint8(h>>32&1)
		if !m.firewall.hit(h) {
			p.wall = wallSilent
		}
		p.wallProto, p.wallCode = wallSets[h>>33&7], uint8(h>>36&3)
	}
	if h = mix(h, saltBox); m.boxes[numBoxes-1].hit(h) {
		for !m.boxes[p.box].hit(h) {
			p.box++
		}
		p.boxLevel, p.boxHash = 2+uint8(h>>32&1)+uint8(h>>33&1), h
	}
	return p
}

func (pl *plan) prefix(level int) uint64 {
	key := pl.key
	if level == rerouteLevel || level == rerouteLevel+1 {
		key = pl.via
	}
	if pl.six {
		return key >> (48 - bits6[level])
	}
	return key >> (48 - bits4[level])
}

// way is how one packet ends: at which node, and with which answer.
type way struct {
	node   node // the router; if target, the last one before it
	dist   int  // routers on the way, including one that answers; for the target, plus 1
	base   int64
	answer Answer
	fate   Fate // Answered, or the permanent reason for no answer
	code   uint8
	target bool
	loop   bool // the packet expired in a loop
	end    bool // with a greater TTL the packet would get no further
	boxed  bool // it went through the plan's box
	ttl    uint8
}

// tail is the last two routers of a path so far, which a loop needs.
type tail struct {
	last, prev         node
	lastBase, prevBase int64
}

// add moves the tail to the end of a segment. length is the length of the segment over branch b. It
// needs rows only: at least two routers follow each diamond. in is the number of routers on the way
// through the diamond.
func (t *tail) add(n node, g *segment, length, b, in int, base int64) {
	for i := max(0, length-2); i < length; i++ {
		var place int
		n.slot, place = g.slot(i, b, in)
		t.prev, t.prevBase = t.last, t.lastBase
		t.last, t.lastBase = n, base+g.delayAt(place)
	}
}

// walk follows a packet with the given TTL, 1 to 255. packet decides at per-packet balancers.
func (m *model) walk(p *plan, h *flowHash, f *flow, ttl uint8, packet uint64) way {
	var (
		t    tail
		base int64
		pos  int
		room = m.cfg.MaxHops - 1
		left = int(ttl)
	)
	for level := range levels {
		prefix := p.prefix(level)
		g := m.segment(level, prefix, p.six, 0, room)
		n := node{prefix: prefix, level: uint8(level), six: p.six}
		rest := room - g.most()
		if p.vantage != 0 {
			m.further(&g, &n, p)
		}
		b, in := 0, 0
		switch {
		case g.width == 0:
		case g.layers != 0:
			c := m.cross(&g, h, mix(packet, uint64(level)), left-pos-int(g.before))
			if c.ends {
				n.slot = g.fabricSlot(c.layer, c.index)
				return m.expired(p, n, left, base+g.delayAt(int(g.before)+c.layer), ttl)
			}
			in = c.passed
		default:
			b = m.choose(&g.balance, h, mix(packet, uint64(level)), int(g.width))
			in = g.branchLen(b)
		}
		length := int(g.before+g.after) + in
		if left <= pos+length {
			slot, place := g.slot(left-pos-1, b, in)
			n.slot = slot
			return m.expired(p, n, left, base+g.delayAt(place), ttl)
		}
		t.add(n, &g, length, b, in, base)
		pos, base, room = pos+length, base+g.delay, rest
		if w, done := m.stopped(p, level, &t, pos, f.proto, ttl); done {
			return w
		}
	}
	return m.arrived(p, &t, pos, base, f, ttl)
}

// expired returns the way of a packet whose TTL expired at a router.
func (m *model) expired(p *plan, n node, dist int, base int64, ttl uint8) way {
	return way{node: n, dist: dist, base: base, answer: TimeExceeded,
		fate: m.routerFate(n), boxed: p.boxed(n.level), ttl: ttl}
}

// routerFate returns SilentRouter for routers that never answer, and Answered for others.
func (m *model) routerFate(n node) Fate {
	if m.silent.hit(n.hash(m.seed)) {
		return SilentRouter
	}
	return Answered
}

// boxed reports whether packets at routers of a level have passed the box.
func (pl *plan) boxed(level uint8) bool { return pl.box != boxNone && level > pl.boxLevel }

// stopped returns the way of a packet that is stopped after the segment of a level, pos routers
// from here. ttl is the remaining TTL. done is false if the packet goes on.
func (m *model) stopped(p *plan, level int, t *tail, pos int, proto, ttl uint8) (w way, done bool) {
	end := p.stop != stopNone && int(p.stopLevel) == level
	walled := p.wall != wallNone && int(p.wallLevel) == level && p.wallProto&protoBit(proto) != 0
	if !end && !walled {
		return way{}, false
	}
	w = way{node: t.last, dist: pos, base: t.lastBase, fate: m.routerFate(t.last), end: true,
		boxed: p.boxed(t.last.level), ttl: ttl}
	switch {
	case !end && p.wall == wallProhibited:
		w.answer, w.code = Prohibited, prohibited4[p.wallCode]
		if p.six {
			w.code = 1 // RFC 4443 §3.1
		}
	case !end:
		w.fate = SilentFirewall
	case p.stop == stopUnreachable:
		w.answer = NetUnreach
	case p.stop == stopBlackHole:
		w.fate = BlackHole
	default: // back and forth between the last two routers
		w.answer, w.loop = TimeExceeded, true
		more := int64(ttl) - int64(pos)
		if more%2 != 0 {
			w.node, w.base, w.dist = t.prev, t.prevBase, pos-1
			w.fate, w.boxed = m.routerFate(t.prev), p.boxed(t.prev.level)
			more++ // it was at the last one once already
		}
		w.base = min(w.base+more*(t.lastBase-t.prevBase)/2, int64(m.cfg.Delay))
	}
	return w, true
}

// prohibited4 are the codes of RFC 1812 §5.2.7.1, 13 the most common.
var prohibited4 = [4]uint8{13, 13, 10, 9}

// arrived returns the way of a packet that passed all pos routers.
func (m *model) arrived(p *plan, t *tail, pos int, base int64, f *flow, ttl uint8) way {
	w := way{node: t.last, target: true, end: true, dist: pos + 1, ttl: ttl,
		base: base + m.lastLink(p), boxed: p.box != boxNone}
	if !m.alive.hit(p.host) {
		w.fate = DeadHost
		if m.hostUnreachable.hit(p.host >> 32) {
			w.target, w.answer, w.code, w.fate = false, HostUnreach, 1, m.routerFate(t.last)
			w.dist, w.base, w.boxed = pos, t.lastBase, p.boxed(t.last.level)
			if p.six {
				w.code = 3 // address unreachable
			}
		}
		return w
	}
	w.fate = m.hostFate(p, f)
	return w
}

// lastLink returns the round-trip time of the target's own link, up to 1/50 of
// the maximum.
func (m *model) lastLink(p *plan) int64 {
	return uniform(mix(p.host, saltDelay), 1+int64(m.cfg.Delay)/50)
}
