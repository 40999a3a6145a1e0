package netsim

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// TestFabrics checks that each draw is possible and that each property occurs.
func TestFabrics(t *testing.T) {
	cfg := preset(t, "multipath")
	cfg.Nested, cfg.Meshed, cfg.Chained, cfg.Unequal = 0.3, 0.3, 0.3, 0.3
	m := newModel(cfg)
	var count struct{ fabrics, wide, meshed, split, joint, skipped int }
	r := rand.New(rand.NewPCG(1, 1))
	for range 100000 {
		level := r.IntN(levels)
		g := m.segment(level, r.Uint64()>>50, family(r.IntN(2) == 0), 0, 25)
		if g.layers == 0 {
			continue
		}
		count.fabrics++
		checkFabric(t, &g)
		for l := range g.depth() {
			w, from := g.layerWidth(l), g.layerWidth(l-1)
			switch {
			case w > 48:
				count.wide++
			case w == 1:
				count.joint++
			case w > from && from > 1:
				count.split++
			case g.meshed(l):
				count.meshed++
			}
			for i := range w {
				if g.skipped(l, i) {
					count.skipped++
				}
			}
		}
	}
	t.Logf("%+v", count)
	if count.wide == 0 || count.meshed == 0 || count.split == 0 || count.joint == 0 || count.skipped == 0 {
		t.Errorf("%+v", count)
	}
}

// checkFabric checks that every router has a predecessor and a slot of its own.
func checkFabric(t *testing.T, g *segment) {
	t.Helper()
	total, limit := 0, wideFabric
	if g.level >= wideLevels {
		limit = narrowFabric
	}
	for l := range g.depth() {
		w := g.layerWidth(l)
		total += w
		reached := make([]bool, w)
		for i := range g.layerWidth(l - 1) {
			first, count := g.step(l, i)
			if count < 1 || first >= w || count > w {
				t.Fatalf("%+v: layer %d, router %d: %d successors from %d on", *g, l, i, count, first)
			}
			if count > 1 && g.skipped(l-1, i) {
				t.Fatalf("%+v: layer %d: branch %d forks where it has no router", *g, l-1, i)
			}
			for k := range count {
				reached[(first+k)%w] = true
			}
		}
		if i := slices.Index(reached, false); i >= 0 {
			t.Fatalf("%+v: nothing leads to router %d of layer %d", *g, i, l)
		}
	}
	if total > limit || g.after < afterDia || g.before < 1 || int(g.before+g.after) > maxRow || int(g.longest) != g.depth() {
		t.Fatalf("%d routers in the fabric: %+v", total, *g)
	}
}

// TestWideAddresses checks that the addresses of wide fabrics can be mapped back, and overlap no
// others.
func TestWideAddresses(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	seen := map[addr]node{}
	for range 300000 {
		n := node{six: family(r.IntN(2) == 0), level: uint8(r.IntN(wideLevels)), slot: uint16(firstWide + r.IntN(maxWideSlots))}
		length := bits4[n.level]
		if n.six {
			length = bits6[n.level]
		}
		n.prefix = r.Uint64() >> (64 - length)
		a := n.addr()
		if back, ok := nodeAt(a); !ok || back != n {
			t.Fatalf("%+v has %v, which is %+v, %v", n, a.netip(), back, ok)
		}
		if was, ok := seen[a]; ok && was != n {
			t.Fatalf("%+v and %+v share %v", n, was, a.netip())
		}
		seen[a] = n
		if last := a.lo & 0xff; !n.six && (last == 0 || last == 255 || reachOf(a) != noRoute) {
			t.Fatalf("%v is no address of an interface", a.netip())
		}
		if i, ok := index4(a.v4()); a.is4() && (!ok || i >= noise4) {
			t.Fatalf("%v is an address of noise", a.netip())
		}
	}
}

// TestWidths checks the widths that options ask for.
func TestWidths(t *testing.T) {
	for _, want := range [][2]int{{2, 2}, {4, 4}, {16, 16}, {30, 100}} {
		for _, chained := range []float64{0, 1} {
			cfg := preset(t, "multipath")
			cfg.Nested, cfg.Meshed, cfg.Chained, cfg.MinWidth, cfg.MaxWidth = 0, 0, chained, want[0], want[1]
			m := newModel(cfg)
			r := rand.New(rand.NewPCG(1, 1))
			for range 20000 {
				g := m.segment(r.IntN(wideLevels), r.Uint64()>>50, ip4, 0, 25)
				if g.width != 0 && (int(g.width) < want[0] || int(g.width) > want[1]) {
					t.Fatalf("width %d, want %v", g.width, want)
				}
			}
		}
	}
}

// graphCase is a target and its graph.
type graphCase struct {
	f Flow
	g *Graph
}

// graphs returns the graphs of random targets.
func graphs(t *testing.T, truth *Truth, n int) (cases []graphCase) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 3))
	for i := range n {
		dst := randomDst(r, family(i%2 == 0))
		f := PortFlow([]uint8{protoUDP, protoTCP}[r.IntN(2)], vantage(dst), dst, uint16(r.Uint32()), 80)
		if r.IntN(3) == 0 {
			f = EchoFlow(vantage(dst), dst, uint16(r.Uint32()), uint16(r.Uint32()))
		}
		cases = append(cases, graphCase{f, truth.Graph(&f, 40)})
	}
	return cases
}

// TestGraphNodes checks that a graph has exactly the hops that some flow can meet.
func TestGraphNodes(t *testing.T) {
	for _, name := range PresetNames() {
		truth, err := NewTruth(preset(t, name))
		must(t, err)
		for _, c := range graphs(t, truth, 150) {
			for ttl := uint8(1); ttl <= 40; ttl++ {
				possible := truth.AppendPossible(nil, &c.f, ttl)
				mine := map[Hop]bool{}
				for _, n := range c.g.Nodes {
					if n.TTL == ttl {
						mine[n.Hop] = true
						if !slices.Contains(possible, n.Hop) {
							t.Fatalf("%s, %v, TTL %d: %+v is not possible", name, c.f.Dst, ttl, n.Hop)
						}
					}
				}
				for _, h := range possible {
					if !mine[h] && (!h.End || h.Loop) {
						t.Fatalf("%s, %v, TTL %d: %+v is missing in the graph", name, c.f.Dst, ttl, h)
					}
				}
			}
		}
	}
}

// TestGraphLinks follows many flows. Each pair of hops is a link, and each branch of a fork by flow
// gets its share of the flows.
func TestGraphLinks(t *testing.T) {
	for name, cfg := range kindsOf(t) {
		truth, err := NewTruth(cfg)
		must(t, err)
		forks, worst := 0, 0.0
		for _, c := range graphs(t, truth, 16) {
			counts := countLinks(t, truth, c, 600)
			for _, fork := range c.g.Forks {
				if fork.Kind == ByPacket {
					continue
				}
				var got []int
				var shares []float64
				total, sum := 0, 0.0
				for _, b := range fork.Branches {
					n := counts[Link{fork.Node, b.Node}]
					got, shares, total, sum = append(got, n), append(shares, b.Share), total+n, sum+b.Share
				}
				if sum < 0.999 || sum > 1.001 {
					t.Fatalf("%s: shares of a fork add up to %v: %+v", name, sum, fork)
				}
				if least := slices.Min(shares) * float64(total); least > 5 {
					forks++
					worst = max(worst, chiSquare(got, shares))
				}
			}
		}
		fixed := name == "addresses" || name == "destination"
		if (forks == 0) != fixed && name != "packet" || worst > 20 {
			t.Errorf("%s: %d forks, greatest χ²/(n−1) %.2f", name, forks, worst)
		}
	}
}

// countLinks returns how many of some flows take each link. A hop that is no node, or a pair that
// is no link, fails the test.
func countLinks(t *testing.T, truth *Truth, c graphCase, flows int) map[Link]int {
	t.Helper()
	at, links, counts := map[Node]int{}, map[Link]bool{}, map[Link]int{}
	for i, n := range c.g.Nodes {
		at[n] = i
	}
	for _, l := range c.g.Links {
		links[l] = true
	}
	r := rand.New(rand.NewPCG(5, 5))
	for range flows {
		f := c.f
		if f.ID == 0 {
			f.First = r.Uint32()&^0xffff | f.First&0xffff
		} else {
			f.First = f.First&^0xffff | r.Uint32()&0xffff
		}
		f.TOS = uint8(r.Uint32())
		if f.Dst.Is6() {
			f.Label = r.Uint32() & 0xfffff
		}
		last := -1
		for ttl, hops := range truth.Path(&f, 40) {
			if len(hops) != 1 {
				break // a per-packet balancer
			}
			i, ok := at[Node{uint8(ttl + 1), hops[0]}]
			if !ok {
				t.Fatalf("%v: %+v at TTL %d is no node", f, hops[0], ttl+1)
			}
			if l := (Link{last, i}); last >= 0 {
				if counts[l]++; !links[l] {
					t.Fatalf("%v: %+v is no link", f, l)
				}
			}
			last = i
		}
	}
	return counts
}

// TestReroute checks that paths change at the time for exactly the targets that the truth names.
func TestReroute(t *testing.T) {
	cfg := preset(t, "default")
	cfg.Reroute, cfg.Rerouted = After(60*time.Second), 0.3
	truth, err := NewTruth(cfg)
	must(t, err)
	cfg.Reroute = After(0)
	always, err := NewTruth(cfg)
	must(t, err)
	r := rand.New(rand.NewPCG(7, 7))
	changed := 0
	const n = 4000
	for i := range n {
		dst := randomDst(r, family(i%2 == 0))
		f := PortFlow(protoUDP, vantage(dst), dst, 40000, 33434)
		before, first := truth.Path(&f, 40), always.Path(&f, 40)
		f.At = 60*time.Second - 1
		if !samePath(before, truth.Path(&f, 40)) {
			t.Fatalf("%v changes early", dst)
		}
		f.At = 60 * time.Second
		after := truth.Path(&f, 40)
		differs := !samePath(before, after)
		if differs != truth.Reroutes(dst) || !samePath(after, first) {
			t.Fatalf("%v: differs %v, Reroutes %v", dst, differs, truth.Reroutes(dst))
		}
		if differs {
			changed++
		}
	}
	if changed < n*20/100 || changed > n*31/100 {
		t.Errorf("%d of %d paths changed", changed, n)
	}
}

func samePath(a, b [][]Hop) bool {
	return slices.EqualFunc(a, b, func(x, y []Hop) bool {
		return slices.EqualFunc(x, y, func(g, h Hop) bool { return g.Addr == h.Addr && g.Fate == h.Fate })
	})
}

// TestDestinationsSpread checks that a balancer by destination spreads the addresses of a prefix.
func TestDestinationsSpread(t *testing.T) {
	truth, err := NewTruth(kindsOf(t)["destination"])
	must(t, err)
	met := map[netip.Addr]bool{}
	first := netip.MustParsePrefix("193.5.6.0/24").Addr()
	for dst := first; dst.As4()[3] < 255; dst = dst.Next() {
		f := PortFlow(protoUDP, vantage4, dst, 40000, 33434)
		if g := truth.Graph(&f, 40); len(g.Forks) != 0 {
			t.Fatalf("%v: a fork for one target: %+v", dst, g.Forks)
		}
		for _, hops := range truth.Path(&f, 40) {
			met[hops[0].Addr] = met[hops[0].Addr] || !hops[0].Target
		}
	}
	if len(met) < 40 {
		t.Errorf("only %d addresses over the addresses of one prefix", len(met))
	}
}
