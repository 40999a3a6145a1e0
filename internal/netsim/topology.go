package netsim

// Limits of a segment, so that its slots fit into its address bits.
const (
	levels     = 6
	maxWidth   = 16
	maxBranch  = 3  // routers on a branch
	maxRow     = 14 // routers in a row: slots 1 to 14
	firstInDia = 15 // branch b, place j: slot 15 + 3b + j, up to 62

	maxRowEnd     = 6 // level 5: slots 1 to 6, with a diamond 1 and 2
	firstInDiaEnd = 3 // branch b, place j: slot 3 + 2b + j, up to 6
	maxBranchEnd  = 2
	maxWidthEnd   = 2

	// afterDia is how many routers at least follow a diamond. So the last two routers of a
	// path's first k segments are the same for all flows.
	afterDia = 2
)

// bits4 and bits6 are the lengths of the prefixes that segments belong to.
var (
	bits4 = [levels]uint8{0, 8, 12, 16, 20, 24}
	bits6 = [levels]uint8{0, 16, 24, 32, 40, 48}
)

// balancer is how a diamond's first router chooses a branch.
type balancer uint8

const (
	perFlow balancer = iota
	perDestination
	perPacket
	perAddresses // source and destination
)

// segment is a row of routers that may contain a diamond.
type segment struct {
	balance       // of the diamond; in a fabric, each router has its own
	delay   int64 // of the whole segment, ns, round trip
	// lens has the routers on branch b: bits 2b and 2b+1. In a fabric, it has the routers in
	// layer l: octet l.
	lens    uint64
	layers  uint8 // of a fabric: see fabric.go; else 0
	before  uint8 // routers before the diamond; without one, all routers
	after   uint8
	width   uint8 // branches, 0 without a diamond
	longest uint8 // routers on the longest branch
	mesh    uint8 // of a fabric: bit l is set if the branches to layer l share routers
	level   uint8
	narrow  bool // no address for more than a few routers: level 3 and above, or a further entry
	uneven  bool // of a fabric: some branches skip layers
	end     bool // level 5
}

// model is a Config in computable form: shares as integers, scales, and the seed.
type model struct {
	cfg  Config
	seed uint64

	row       [levels]int64 // routers in a row: uniform below row/2¹⁶, rounded down
	accessLen int
	delay     [levels]float64 // ns at most

	diamond, unequal, more, flow, flowOrDst   share
	silent, limited, limitedHost              share
	lossForward, loss, duplicate, spike       share
	unreachable, loop, blackHole              share // cumulative
	firewall, silentFirewall                  share // cumulative
	alive, hostUnreachable                    share
	filterUDP, filterTCP, filterICMP          share
	filterPorts                               share
	open, other, udpAnswer                    share
	boxes                                     [numBoxes]share // cumulative
	quoteShort, quoteNew, quoteOld            share           // cumulative
	interfaces, quotedZero, asymmetric, noise share
	garbled, nobodies, liars                  share
	imposters, viaTarget                      share
	nested, meshed, chained, weighted, wide   share
	addresses, portsOnly, labelOnly           share // cumulative
	remapped, rerouted                        share

	several bool // vantage points
	fabrics bool // diamonds are fabrics, except at level 5
}

// delayParts divides Config.Delay among the levels. The largest part belongs to the long-distance
// networks.
var delayParts = [levels]float64{0.01, 0.36, 0.24, 0.14, 0.13, 0.10}

// rowParts divides the mean path among levels 1 to 5.
var rowParts = [levels]float64{0, 0.27, 0.22, 0.2, 0.19, 0.12}

func newModel(cfg Config) *model {
	m := &model{cfg: cfg, seed: mix(cfg.Seed, 0x6d61737374726163)}
	weights := cfg.PerFlow + cfg.PerDestination + cfg.PerPacket
	for _, s := range []struct {
		to *share
		p  float64
	}{
		{&m.diamond, cfg.Diamonds}, {&m.unequal, cfg.Unequal}, {&m.more, cfg.HashMore},
		{&m.flow, cfg.PerFlow / weights},
		{&m.flowOrDst, (cfg.PerFlow + cfg.PerDestination) / weights},
		{&m.silent, cfg.SilentRouters}, {&m.limited, cfg.LimitedRouters},
		{&m.limitedHost, cfg.LimitedHosts},
		{&m.lossForward, cfg.LossForward}, {&m.loss, cfg.LossForward + cfg.LossReply},
		{&m.duplicate, cfg.Duplicates}, {&m.spike, cfg.Spikes},
		{&m.unreachable, cfg.Unreachable}, {&m.loop, cfg.Unreachable + cfg.Loops},
		{&m.blackHole, cfg.Unreachable + cfg.Loops + cfg.BlackHoles},
		{&m.firewall, cfg.Firewalls},
		{&m.silentFirewall, cfg.Firewalls + cfg.SilentFirewalls},
		{&m.alive, cfg.HostsAlive}, {&m.hostUnreachable, cfg.HostUnreachable},
		{&m.filterUDP, cfg.FilterUDP}, {&m.filterTCP, cfg.FilterTCP},
		{&m.filterICMP, cfg.FilterICMP}, {&m.filterPorts, cfg.FilterPorts}, {&m.open, cfg.OpenPorts},
		{&m.other, cfg.OtherPorts}, {&m.udpAnswer, cfg.UDPAnswers},
		{&m.quoteShort, cfg.QuoteShort}, {&m.quoteNew, cfg.QuoteShort + cfg.QuoteNew},
		{&m.quoteOld, cfg.QuoteShort + cfg.QuoteNew + cfg.QuoteOld},
		{&m.interfaces, cfg.Interfaces}, {&m.quotedZero, cfg.QuotedZero},
		{&m.asymmetric, cfg.Asymmetric}, {&m.noise, cfg.Noise},
		{&m.garbled, cfg.Garbled}, {&m.nobodies, cfg.Nobodies}, {&m.liars, cfg.Liars},
		{&m.imposters, cfg.Imposters}, {&m.viaTarget, cfg.ViaTarget},
		{&m.nested, cfg.Nested}, {&m.meshed, cfg.Meshed}, {&m.chained, cfg.Chained},
		{&m.wide, cfg.Wide},
		{&m.weighted, cfg.Weighted}, {&m.addresses, cfg.HashAddresses},
		{&m.portsOnly, cfg.HashAddresses + cfg.HashPorts},
		{&m.labelOnly, cfg.HashAddresses + cfg.HashPorts + cfg.HashLabel},
		{&m.remapped, cfg.Remapped}, {&m.rerouted, cfg.Rerouted},
	} {
		*s.to = shareOf(s.p)
	}
	total := 0.0
	for i, p := range []float64{
		boxNATSource: cfg.NATSource, boxNATPort: cfg.NATPort,
		boxNATDestination: cfg.NATDestination, boxIPID: cfg.MangleIPID,
		boxChecksum: cfg.MangleChecksum, boxTOS: cfg.MangleTOS,
		boxLabel: cfg.MangleLabel, boxLength: cfg.MangleLength,
	} {
		total += p
		m.boxes[i] = shareOf(total)
	}
	m.fabrics = cfg.Nested+cfg.Meshed+cfg.Chained > 0 || cfg.MaxWidth > maxWidth
	m.several = cfg.VantagePoints > 1
	m.accessLen = 2 + pick(mix(m.seed, saltSegment), 2)
	for i := range m.row {
		m.delay[i] = float64(cfg.Delay) * delayParts[i]
		// The access network and the target take 3.5 hops, tails half a hop, diamonds about
		// an eighth of the rest (measured). The remaining hops are divided among the rows.
		// A row is uniform from 0 to twice its mean.
		mean := (cfg.MeanHops - 3.5 - 0.5) * (1 - 0.33*cfg.Diamonds) * rowParts[i]
		m.row[i] = int64((2*mean + 1) * (1 << 16))
	}
	return m
}

// segment returns the segment of a prefix and an entry. room is how many routers the path may
// still have. If there is too little room, first the row gets shorter, then the diamond is left
// out.
func (m *model) segment(level int, prefix uint64, six family, entry uint8, room int) (g segment) {
	x := uint64(level) | uint64(entry)<<16
	if six {
		x |= 1 << 8
	}
	h := mix(m.seed^saltSegment^x, prefix)
	row := int(h & 0xffff * uint64(m.row[level]) >> 32)
	g.end, g.level, g.narrow = level == levels-1, uint8(level), level >= wideLevels || entry != 0
	limit := maxRow
	switch level {
	case 0:
		if row = m.accessLen; entry != 0 {
			row = leastAccess + pick(h, mostAccess-leastAccess+1)
		}
	case 1:
		row = max(row, 1)
	case 4: // the long tail
		if h>>16&7 == 0 {
			row += 2 + int(h>>19&7) + int(h>>22&3)
		}
	case levels - 1:
		limit = maxRowEnd
	}
	row = min(row, limit, room)
	g.before = uint8(row)
	if d := m.delay[level]; d > 0 {
		u := float64(mix(h, saltDelay)>>11) / (1 << 53)
		g.delay = int64(d * (0.02 + 0.98*u*u))
	}
	if row < 1+afterDia && !(g.end && row == afterDia) {
		return g
	}
	if h2 := mix(h, saltBalancer); m.diamond.hit(h2) {
		if m.fabrics && !g.end {
			m.addFabric(&g, h2, six, row, room)
		} else {
			m.addDiamond(&g, h2, six, row, room)
		}
		if g.end && m.several {
			g.balancer = perDestination // see vantage.go
		}
	}
	return g
}

// addDiamond adds a diamond to a row if there is room for it.
func (m *model) addDiamond(g *segment, h uint64, six family, row, room int) {
	salt := mix(h, saltBranches)
	h = salt
	longest, width := maxBranch, 2
	// Half of the diamonds have two branches, one in eight has up to the limit.
	switch h & 7 {
	case 0:
		width = 2 + pick(h, min(m.cfg.MaxWidth, maxWidth)-1)
	case 1, 2, 3:
		width = 2 + pick(h, min(m.cfg.MaxWidth, 4)-1)
	}
	width = max(width, min(m.cfg.MinWidth, maxWidth))
	if g.end {
		longest, width = maxBranchEnd, maxWidthEnd
		row = min(row, afterDia)
	}
	var lens uint64
	h = mix(h, saltBranches+1)
	if m.unequal.hit(h) {
		h = mix(h, saltBranches+2)
		for b := range width {
			n := 1 + uint64(uint8(h>>(3*b)&7))*uint64(longest)/8
			lens |= n << (2 * b)
			g.longest = max(g.longest, uint8(n))
		}
	} else {
		g.longest = uint8(1 + h>>40%2)
		for b := range width {
			lens |= uint64(g.longest) << (2 * b)
		}
	}
	if row+int(g.longest) > room {
		g.longest = 0
		return
	}
	// The diamond can be anywhere after one router of the segment and before two routers. At
	// level 5, the one router may be the last router of the segment before.
	least := 1
	if g.end {
		least = 0
	}
	g.before = uint8(least + pick(mix(h, saltBranches+3), row-least-afterDia+1))
	g.after = uint8(row) - g.before
	g.width, g.lens = uint8(width), lens
	g.balance = m.drawBalance(mix(h, saltBranches+4), six)
	g.salt = salt
}

// branchLen returns the routers on a branch, 0 without a diamond. A fabric has no such branches.
func (g *segment) branchLen(b int) int { return int(g.lens >> (2 * b) & 3) }

// most returns the number of routers on the longest way through.
func (g *segment) most() int { return int(g.before + g.longest + g.after) }

// slot returns the slot of the i-th router, from 0, on the way over branch b, which has n routers.
// In a fabric, it is valid for routers before and after the fabric only. place is the router's
// place if all branches had the length of the longest; its delay depends on it.
func (g *segment) slot(i, b, n int) (slot uint16, place int) {
	switch before := int(g.before); {
	case i < before:
		return uint16(1 + i), i
	case i < before+n && g.end:
		return uint16(firstInDiaEnd + maxBranchEnd*b + i - before), i
	case i < before+n:
		return uint16(firstInDia + maxBranch*b + i - before), i
	default:
		return uint16(1 + i - n), i - n + int(g.longest)
	}
}

// delayAt returns the round-trip time that the segment adds up to a place.
func (g *segment) delayAt(place int) int64 {
	if g.delay == 0 {
		return 0
	}
	return g.delay * int64(place+1) / int64(g.most()+1)
}
