package netsim

// A fabric is a diamond whose branches may differ in every respect. It is a row of layers of
// routers. Each router passes a packet to one of some routers in the next layer:
//
//	balancer ─┬─ 0 ── 0 ─┬─ 0 ─┬─        split: router 0 is a balancer inside a branch
//	          │          └─ 1 ─┤
//	          ├─ 1 ── 1 ─── 2 ─┼─ …      straight
//	          └─ 2 ─────── 3 ──┴─        branch 2 skips a layer: it is shorter
//
// If the next layer is narrower, several routers share a successor. If it is meshed, each router
// has one or two further successors, which other routers have too. A layer of one router in the
// middle ends one diamond and begins the next.
//
// segment.lens has the width of layer l in its octet l. All else is drawn from the salt.
const (
	maxLayers    = 8
	maxFabric    = 100                  // routers in a layer; in narrow segments it is maxWidth
	narrowFabric = maxBranch * maxWidth // routers in a fabric of a narrow segment
	wideFabric   = maxWideSlots         // of another one
)

// addFabric adds a fabric to a row if there is room for it.
func (m *model) addFabric(g *segment, h uint64, six family, row, room int) {
	salt := mix(h, saltFabric)
	d := &draft{left: wideFabric, most: min(maxFabric, m.cfg.MaxWidth)}
	if g.narrow {
		d.left, d.most = narrowFabric, min(maxWidth, m.cfg.MaxWidth)
	}
	h = mix(salt, saltBranches)
	width := m.fabricWidth(h, d.most)
	d.add(width, 1+int(h>>3&1))
	if d.uneven = m.unequal.hit(mix(h, 1)); d.uneven {
		d.add(width, 1+int(h>>4&1))
	}
	if x := mix(h, 2); m.meshed.hit(x) && d.add(width, 1) {
		d.mesh |= 1 << (d.n - 1)
	}
	if x := mix(h, 3); m.nested.hit(x) && d.add(min(width+1+pick(x, width), d.most), 1) && x>>5&1 == 0 {
		d.add(width, 1)
	}
	if x := mix(h, 4); m.chained.hit(x) && d.n+2 <= maxLayers && d.add(1, 1) {
		d.add(m.fabricWidth(mix(x, 1), d.most), 1)
	}
	if row+d.n > room {
		return
	}
	h = mix(h, 5)
	g.before = uint8(1 + pick(h, row-afterDia))
	g.after = uint8(row) - g.before
	g.longest, g.layers, g.lens, g.mesh, g.uneven = uint8(d.n), uint8(d.n), d.lens, d.mesh, d.uneven
	g.width = uint8(width)
	g.salt = salt
	if six {
		g.salt |= 1
	} else {
		g.salt &^= 1
	}
}

// draft is a fabric that is being drawn.
type draft struct {
	lens   uint64 // as segment.lens
	n      int
	left   int // routers that it may still get
	most   int // routers in a layer
	mesh   uint8
	uneven bool
}

// add appends a number of layers of a width, and reports whether there was room for one at least.
func (d *draft) add(width, layers int) bool {
	added := false
	for range layers {
		if d.n == maxLayers || width > d.left {
			break
		}
		d.lens |= uint64(width) << (8 * d.n)
		d.n++
		d.left -= width
		added = true
	}
	return added
}

// fabricWidth draws a width up to most. Wide ones have more than 4 branches, and the greater widths
// among them are rarer. Of the others, two thirds have 2.
func (m *model) fabricWidth(h uint64, most int) int {
	width := 2
	switch {
	case m.wide.hit(mix(h, 6)) && most > 4:
		width = 5 + pick(mix(h, 7), 1+pick(h, most-4))
	case h&3 == 0:
		width += pick(h, min(most, 4)-1)
	}
	return max(width, min(m.cfg.MinWidth, most))
}

// depth returns the number of layers of a fabric.
func (g *segment) depth() int { return int(g.layers) }

// layerWidth returns the routers in layer l. Layer −1 is the router before the fabric.
func (g *segment) layerWidth(l int) int {
	if l < 0 {
		return 1
	}
	return int(uint8(g.lens >> (8 * l)))
}

// meshed reports whether the branches to layer l share routers.
func (g *segment) meshed(l int) bool { return g.mesh>>l&1 != 0 }

// step returns the successors in layer l of router i in the layer before: count routers from first
// on, modulo the width of layer l.
func (g *segment) step(l, i int) (first, count int) {
	from, to := g.layerWidth(l-1), g.layerWidth(l)
	if to < from {
		return i * to / from, 1
	}
	first = (i*to + from - 1) / from
	count = ((i+1)*to+from-1)/from - first
	if g.meshed(l) {
		count = min(count+1+int(mix(g.salt^saltFabric, uint64(l)<<8|uint64(i))&1), to)
	}
	return first, count
}

// skipped reports whether a branch has no router at a place. Before and after it, such a branch is
// straight.
func (g *segment) skipped(l, i int) bool {
	if !g.uneven || l == 0 || g.layerWidth(l) != g.layerWidth(l-1) || g.layerWidth(l) < 2 || g.meshed(l) {
		return false
	}
	if l+1 < g.depth() && (g.meshed(l+1) || g.layerWidth(l+1) > g.layerWidth(l)) {
		return false
	}
	return mix(g.salt^saltBranches, uint64(l)<<8|uint64(i))&1 == 0
}

// fabricSlot returns the slot of router i in layer l.
func (g *segment) fabricSlot(l, i int) uint16 {
	for k := range l {
		i += g.layerWidth(k)
	}
	if !g.narrow {
		return uint16(firstWide + i)
	}
	return uint16(firstInDia + i)
}

// inFabric reports whether a fabric has a router with a slot.
func (g *segment) inFabric(slot int) bool {
	slot -= int(g.fabricSlot(0, 0))
	if slot < 0 {
		return false
	}
	for l := range g.depth() {
		if w := g.layerWidth(l); slot >= w {
			slot -= w
			continue
		}
		return !g.skipped(l, slot)
	}
	return false
}

// balanceAt returns how router i of the layer before layer l chooses. All routers of a layer are of
// one kind.
func (m *model) balanceAt(g *segment, l, i int) balance {
	b := m.drawBalance(mix(g.salt^saltBalancer, uint64(l)), g.salt&1 != 0)
	b.salt = mix(g.salt^saltBalancer, uint64(l+1)<<16|uint64(i))
	return b
}

// crossing is how a packet crossed a fabric.
type crossing struct {
	passed       int // routers
	ends         bool
	layer, index int // of the router at which it ends
}

// cross follows a packet through a fabric. It ends at the want-th router, from 1.
func (m *model) cross(g *segment, h *flowHash, packet uint64, want int) (c crossing) {
	i, depth := 0, g.depth()
	if want <= 0 {
		return c
	}
	for l := range depth {
		first, count := g.step(l, i)
		if count > 1 {
			b := m.balanceAt(g, l, i)
			first += m.choose(&b, h, mix(packet, uint64(l)), count)
		}
		if i = first; i >= g.layerWidth(l) {
			i -= g.layerWidth(l)
		}
		if g.skipped(l, i) {
			continue
		}
		if c.passed++; c.passed == want {
			c.ends, c.layer, c.index = true, l, i
			return c
		}
	}
	return c
}
