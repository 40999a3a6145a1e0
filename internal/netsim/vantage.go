package netsim

import "net/netip"

// Several vantage points are in one network. Their paths to a target begin in networks of their
// own, and join on the way:
//
//	level 0   an access network for each vantage point
//	level 1   one of 4 entries to each /8 (IPv6: /16): some vantage points share one
//	level 2   one of 2 entries to each /12 (/24): half of the paths that are apart join here
//	level 3   from here on, the routers are the same for all
//
// Paths that have joined stay together, except at load balancers that hash the source. The load
// balancers of level 5 then choose by destination, so that the last routers are the same for all.
// An entry is the number of a segment, from 0. The first vantage point has entry 0 everywhere: its
// routers are those of a network with one vantage point.
const (
	entryLevels  = 3
	entriesLevel = 4 // at level 1

	// MaxVantagePoints is the greatest Config.VantagePoints.
	MaxVantagePoints = 100

	// The lengths of the access networks of further vantage points.
	leastAccess, mostAccess = 2, 5
)

// VantagePoint returns the IPv4 and the IPv6 address of vantage point n, from 0.
func VantagePoint(n int) [2]netip.Addr {
	return [2]netip.Addr{addr4(firstSource4 + uint32(n)).netip(), addr{firstSource6, 2 + uint64(n)}.netip()}
}

// The addresses of the first vantage point: 192.0.2.2 and the first half of 2001:db8::2.
const (
	firstSource4 = 192<<24 | 2<<8 | 2
	firstSource6 = 0x20010db8 << 32
)

// VantagePoint returns the number of the vantage point that has a source address, from 0. ok is
// false if none has it: the simulator treats such packets as those of the first one.
func (c *Config) VantagePoint(src netip.Addr) (n int, ok bool) { return c.vantagePoint(addrOf(src)) }

func (c *Config) vantagePoint(src addr) (n int, ok bool) {
	first := addr{firstSource6, 2}
	if src.is4() {
		first = addr4(firstSource4)
	}
	n = int(src.lo - first.lo)
	if src.hi != first.hi || src.lo < first.lo || src.lo-first.lo >= uint64(max(c.VantagePoints, 1)) {
		return 0, false
	}
	return n, true
}

// enterFrom sets the entries of a plan for packets with a source address.
func (m *model) enterFrom(p *plan, src addr) {
	if m.several {
		m.enter(p, m.vantagePoint(src))
	}
}

// vantagePoint returns the number of the vantage point that a source address counts for.
func (m *model) vantagePoint(src addr) int {
	n, _ := m.cfg.vantagePoint(src)
	return n
}

// enter sets the entries of a plan for packets of a vantage point.
func (m *model) enter(p *plan, vantage int) {
	if vantage == 0 {
		return
	}
	p.vantage = uint8(vantage)
	p.entries[0] = p.vantage
	h := mix(m.seed^saltEntry^uint64(vantage)<<16, p.prefix(1)<<1|sixBit(p.six))
	if p.entries[1] = uint8(pick(h, entriesLevel)); p.entries[1] != 0 {
		h = mix(m.seed^saltEntry^uint64(p.entries[1])<<24, p.prefix(2)<<1|sixBit(p.six))
		p.entries[2] = uint8(h >> 32 & 1)
	}
}

func sixBit(six family) uint64 {
	if six {
		return 1
	}
	return 0
}

// entry returns the entry of a plan's segment at a level.
func (pl *plan) entry(level int) uint8 {
	if level < entryLevels {
		return pl.entries[level]
	}
	return 0
}

// further sets the entry of a node of a plan, and replaces its segment, that of entry 0, by that of
// the entry.
func (m *model) further(g *segment, n *node, pl *plan) {
	if n.entry = pl.entry(int(n.level)); n.entry != 0 {
		*g = m.entrySegment(g, *n)
	}
}

// entrySegment returns the segment of a node with a further entry. first is that of entry 0 at the
// same place. Paths leave as much room for later segments after either, so that those are the same
// for all vantage points. So a path of a further vantage point may have up to three routers more
// than Config.MaxHops.
func (m *model) entrySegment(first *segment, n node) segment {
	room := first.most()
	if n.level == 0 {
		room = mostAccess
	}
	return m.segment(int(n.level), n.prefix, n.six, n.entry, room)
}

// hasEntry reports whether the network has a node's entry.
func (m *model) hasEntry(n node) bool {
	switch {
	case n.entry == 0:
		return true
	case !m.several:
		return false
	case n.level == 0:
		return int(n.entry) < m.cfg.VantagePoints
	}
	return n.level == 1 && n.entry < entriesLevel || n.level == 2 && n.entry == 1
}

// entry4 is where the routers of the further entries begin in the simulator's IPv4 space. All have
// 6 bits of slot:
//
//	level 0: 7 bits of entry
//	level 1: 2 bits of entry, less 1, and 8 bits of prefix
//	level 2: 12 bits of prefix
var entry4 = [entryLevels + 1]uint32{
	0: entries4,
	1: entries4 + 1<<14,
	2: entries4 + 4<<14,
	3: entries4 + 4<<14 + 1<<18,
}

// entryAddr returns the IPv4 address of a router of a further entry.
func (n node) entryAddr() addr {
	i := uint32(n.prefix)
	switch n.level {
	case 0:
		i = uint32(n.entry)
	case 1:
		i |= uint32(n.entry-1) << bits4[1]
	}
	return own4(entry4[n.level] + i<<slotBits + uint32(n.slot))
}

// entryNodeAt is nodeAt of the i-th address of the IPv4 space, at or above entries4.
func entryNodeAt(i uint32) (n node, ok bool) {
	if i >= entry4[entryLevels] {
		return node{}, false
	}
	for n.level = entryLevels - 1; i < entry4[n.level]; n.level-- {
	}
	i -= entry4[n.level]
	n.slot = uint16(i & (1<<slotBits - 1))
	i >>= slotBits
	switch n.level {
	case 0:
		n.entry = uint8(i)
		ok = i > 0 && i < MaxVantagePoints
	case 1:
		n.entry, n.prefix, ok = uint8(1+i>>bits4[1]), uint64(i&(1<<bits4[1]-1)), true
	default:
		n.entry, n.prefix, ok = 1, uint64(i), true
	}
	return n, ok && n.slot != 0
}
