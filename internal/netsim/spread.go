package netsim

import "math/bits"

// branches returns the range of branches among n, at least one, that packets with a hash take. all
// is a kind of balancer of which all branches are taken, as they are of perPacket. For perFlow that
// leaves out those that choose by addresses.
func (m *model) branches(b *balance, h *flowHash, n int, all balancer) (from, to int) {
	switch {
	case n < 2:
		return 0, 1
	case b.balancer == perPacket, b.balancer == all:
		return 0, n
	}
	from = m.choose(b, h, 0, n)
	return from, from + 1
}

// spread follows packets with a TTL through a segment with a fabric, over all ways that branches
// returns. Bit n of starts is set if the segment may begin after n routers; the result has the same
// for its end. It calls expire for each router at which the packets expire.
func (m *model) spread(g *segment, h *flowHash, starts uint64, ttl uint8, all balancer,
	expire func(slot uint16, place, dist int)) (next uint64) {
	var here [maxFabric]uint64
	here[0] = g.rows(starts, ttl, 0, int(g.before), expire)
	for l := range g.depth() {
		there := m.advance(g, h, l, &here, all)
		for i := range g.layerWidth(l) {
			if g.skipped(l, i) {
				continue
			}
			set := there[i]
			if ttl <= 64 && set>>(ttl-1)&1 != 0 {
				expire(g.fabricSlot(l, i), int(g.before)+l, int(ttl))
			}
			there[i] = below(set<<1, ttl)
		}
		here = there
	}
	var ends uint64
	for _, set := range here {
		ends |= set
	}
	return g.rows(ends, ttl, int(g.before), int(g.before+g.after), expire)
}

// below returns the bits of set for packets that have a TTL left.
func below(set uint64, ttl uint8) uint64 {
	if ttl > 63 {
		return set
	}
	return set & (1<<ttl - 1)
}

// advance moves packets to layer l.
func (m *model) advance(g *segment, h *flowHash, l int, here *[maxFabric]uint64, all balancer) (there [maxFabric]uint64) {
	width := g.layerWidth(l)
	for i := range g.layerWidth(l - 1) {
		if here[i] == 0 {
			continue
		}
		first, count := g.step(l, i)
		b := m.balanceAt(g, l, i)
		from, to := m.branches(&b, h, count, all)
		for k := from; k < to; k++ {
			there[(first+k)%width] |= here[i]
		}
	}
	return there
}

// rows follows packets through the routers of a row from the from-th to the to-th.
func (g *segment) rows(starts uint64, ttl uint8, from, to int, expire func(slot uint16, place, dist int)) (next uint64) {
	for set := starts; set != 0; set &= set - 1 {
		pos := bits.TrailingZeros64(set)
		left := int(ttl) - pos
		if left > to-from {
			next |= 1 << (pos + to - from)
		} else if left > 0 {
			// Beyond the fabric, slots count on as if it had no routers.
			i := from + left - 1
			place := i
			if from == int(g.before) && from > 0 {
				place += int(g.longest)
			}
			expire(uint16(1+i), place, int(ttl))
		}
	}
	return next
}
