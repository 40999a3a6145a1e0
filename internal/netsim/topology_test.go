package netsim

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

func TestRouterAddresses(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	truth, err := NewTruth(preset(t, "perpacket"))
	must(t, err)
	seen := map[addr]node{}
	for range 300000 {
		n := node{six: family(r.IntN(2) == 0), level: uint8(r.IntN(levels)), slot: uint16(1 + r.IntN(62))}
		length := bits4[n.level]
		if n.six {
			length = bits6[n.level]
		}
		n.prefix = r.Uint64() >> (64 - length)
		if !n.six && n.level == levels-1 {
			n.slot = 1 + n.slot%6
		}
		a := n.addr()
		if back, ok := nodeAt(a); !ok || back != n {
			t.Fatalf("%+v has %v, which is %+v, %v", n, a.netip(), back, ok)
		}
		if was, ok := seen[a]; ok && was != n {
			t.Fatalf("%+v and %+v share %v", n, was, a.netip())
		}
		seen[a] = n
		if reachOf(a) != noRoute {
			t.Fatalf("a probe may reach %v", a.netip())
		}
		if last := a.lo & 0xff; !n.six && (last == 0 || last == 255) {
			t.Fatalf("%v is no address of an interface", a.netip())
		}
	}
	// All routers that the truth returns for a path can be mapped back, and no other address.
	for range 2000 {
		f := PortFlow(17, vantage4, randomDst(r, ip4), 40000, 33434)
		if r.IntN(2) == 0 {
			f = PortFlow(17, vantage6, randomDst(r, ip6), 40000, 33434)
		}
		for ttl := range uint8(25) {
			for _, h := range truth.AppendPossible(nil, &f, ttl+1) {
				kind, place := truth.Locate(h.Addr)
				if h.Target == (kind == RouterAddr) {
					t.Fatalf("%+v is located as %v", h, kind)
				}
				if !h.Target && !place.Prefix.Contains(f.Dst) {
					t.Fatalf("%v is at %v, not on the way to %v", h.Addr, place.Prefix, f.Dst)
				}
			}
		}
	}
	for s, want := range map[string]AddrKind{
		"8.8.8.8": Elsewhere, "215.129.1.1": NoiseAddr, "215.200.0.1": NATAddr,
		"3ffe:ffff::1": NoiseAddr, "3ffe:fffe::1": NATAddr, "6.0.0.7": Elsewhere, "2a00::1": Elsewhere,
	} {
		if got, _ := truth.Locate(netip.MustParseAddr(s)); got != want {
			t.Errorf("%s: kind %d, want %d", s, got, want)
		}
	}
}

func TestReach(t *testing.T) {
	for s, want := range map[string]reach{
		"1.1.1.1": routable, "10.1.1.1": noRoute, "100.63.255.255": routable, "100.64.0.0": noRoute,
		"100.128.0.0": routable, "127.0.0.1": martian, "169.254.1.1": martian, "172.15.0.1": routable,
		"172.16.0.1": noRoute, "172.32.0.1": routable, "192.0.2.9": noRoute, "192.168.3.4": noRoute,
		"192.167.3.4": routable, "198.18.0.1": noRoute, "198.19.9.9": noRoute, "198.20.0.1": routable,
		"198.51.100.1": noRoute, "203.0.113.4": noRoute, "224.0.0.1": martian, "240.0.0.1": noRoute,
		"255.255.255.255": martian, "6.1.1.1": noRoute, "215.0.0.1": noRoute, "0.1.2.3": martian,
		"2001:db8::1": noRoute, "2a00::1": routable, "3ffe::1": noRoute, "fe80::1": martian,
		"ff02::1": martian, "::1": martian, "fd00::1": noRoute, "4000::1": noRoute,
	} {
		if got := reachOf(addrOf(netip.MustParseAddr(s))); got != want {
			t.Errorf("%s: %d, want %d", s, got, want)
		}
	}
}

// lengths returns the distances of targets in random granules.
func lengths(t *testing.T, cfg Config, six family) []int {
	truth, err := NewTruth(cfg)
	must(t, err)
	r := rand.New(rand.NewPCG(2, 2))
	var ds []int
	for range 20000 {
		f := PortFlow(17, vantage4, randomDst(r, six), 40000, 33434)
		if six {
			f.Src = vantage6
		}
		ds = append(ds, int(truth.AppendEnds(nil, &f)[0].Dist))
	}
	slices.Sort(ds)
	return ds
}

func TestPathLengths(t *testing.T) {
	cfg := preset(t, "clean")
	for seed := range uint64(4) {
		cfg.Seed = seed
		for _, six := range []family{ip4, ip6} {
			ds := lengths(t, cfg, six)
			total := 0
			for _, d := range ds {
				total += d
			}
			mean := float64(total) / float64(len(ds))
			t.Logf("seed %d six %v: mean %.2f, least %d, median %d, 99 %% %d, most %d", seed, six,
				mean, ds[0], ds[len(ds)/2], ds[len(ds)*99/100], ds[len(ds)-1])
			if mean < 13.5 || mean > 16.5 || ds[0] < 4 || ds[len(ds)-1] > 30 {
				t.Errorf("mean %.2f, least %d, most %d", mean, ds[0], ds[len(ds)-1])
			}
			if most := ds[len(ds)-1]; most < 24 {
				t.Errorf("no long tail: most %d", most)
			}
		}
	}
	for _, want := range []float64{8, 10, 20} {
		cfg.MeanHops = want
		total := 0
		ds := lengths(t, cfg, false)
		for _, d := range ds {
			total += d
		}
		mean := float64(total) / float64(len(ds))
		t.Logf("MeanHops %v: %.2f", want, mean)
		if mean < want-2 || mean > want+2 {
			t.Errorf("MeanHops %v: %.2f", want, mean)
		}
	}
}

// TestFanOut checks that near targets share more of their path than distant ones.
func TestFanOut(t *testing.T) {
	truth, err := NewTruth(preset(t, "clean"))
	must(t, err)
	r := rand.New(rand.NewPCG(3, 3))
	shared := func(a, b netip.Addr) int {
		fa, fb := PortFlow(17, vantage(a), a, 40000, 33434), PortFlow(17, vantage(b), b, 40000, 33434)
		n := 0
		for ttl := range uint8(30) {
			ha, hb := truth.AppendPossible(nil, &fa, ttl+1), truth.AppendPossible(nil, &fb, ttl+1)
			if len(ha) == 0 || !slices.ContainsFunc(ha, func(h Hop) bool {
				return slices.ContainsFunc(hb, func(g Hop) bool { return g.Addr == h.Addr })
			}) {
				break
			}
			n++
		}
		return n
	}
	var sums, pairs [levels]int
	for range 500 {
		a := addrOf(randomDst(r, ip4)).v4()
		for level, length := range bits4 {
			b := a ^ 1<<(31-length) // differs in the first bit after the prefix
			if reach4(b) == routable {
				pairs[level]++
				sums[level] += shared(addr4(a).netip(), addr4(b).netip())
			}
		}
	}
	for level := 1; level < levels; level++ {
		if sums[level]*pairs[level-1] <= sums[level-1]*pairs[level] {
			t.Errorf("routers shared by level: %v of %v pairs", sums, pairs)
		}
	}
	if sums[0] < pairs[0]*2 {
		t.Errorf("the first routers are not shared by all: %v of %v pairs", sums, pairs)
	}
}

// TestDiamonds checks widths and lengths. It checks that random flows find every branch, and
// nothing that the truth calls impossible.
func TestDiamonds(t *testing.T) {
	cfg := preset(t, "clean")
	truth, err := NewTruth(cfg)
	must(t, err)
	m := truth.m
	var widths [maxWidth + 1]int
	unequal, kinds := 0, [3]int{}
	r := rand.New(rand.NewPCG(4, 4))
	for range 50000 {
		g := m.segment(1+r.IntN(4), r.Uint64()>>50, ip4, 0, 20)
		if g.width == 0 {
			continue
		}
		widths[g.width]++
		kinds[g.balancer]++
		for b := range int(g.width) {
			n := g.branchLen(b)
			if n < 1 || n > maxBranch {
				t.Fatalf("branch of %d routers", n)
			}
			if n != g.branchLen(0) {
				unequal++
				break
			}
		}
		if g.after < afterDia || g.before < 1 || int(g.before+g.after) > maxRow {
			t.Fatalf("%+v", g)
		}
	}
	for w := 2; w <= maxWidth; w++ {
		if widths[w] == 0 {
			t.Errorf("no diamond has %d branches: %v", w, widths)
		}
	}
	if unequal == 0 || kinds[perFlow] < 2*kinds[perDestination] || kinds[perPacket] != 0 {
		t.Errorf("unequal %d, kinds %v", unequal, kinds)
	}
	for range 200 {
		dst := randomDst(r, ip4)
		for ttl := uint8(1); ttl < 16; ttl++ {
			f := PortFlow(17, vantage4, dst, 0, 33434)
			want := truth.AppendPossible(nil, &f, ttl)
			var got []Hop
			for sport := range uint16(400) {
				f := PortFlow(17, vantage4, dst, sport, 33434)
				for _, h := range truth.AppendHops(nil, &f, ttl) {
					if !slices.Contains(got, h) {
						got = append(got, h)
					}
				}
			}
			f.First = 7<<16 | 33434
			for _, h := range got {
				mine := truth.AppendHops(nil, &f, ttl)[0]
				if v := truth.Judge(&f, ttl, h.Addr); h.Addr != mine.Addr && v != OtherFlow {
					t.Fatalf("%v of another flow judged %v", h.Addr, v)
				}
				if !slices.Contains(want, h) {
					t.Fatalf("%v at TTL %d: %+v is not among the possible", dst, ttl, h)
				}
			}
			if len(got) < len(want) && len(want) < 12 {
				t.Fatalf("%v at TTL %d: %d hops of %d found", dst, ttl, len(got), len(want))
			}
		}
	}
}

func TestEnds(t *testing.T) {
	cfg := preset(t, "loops")
	truth, err := NewTruth(cfg)
	must(t, err)
	r := rand.New(rand.NewPCG(5, 5))
	count := map[string]int{}
	const n = 20000
	for range n {
		f := PortFlow(17, vantage4, randomDst(r, ip4), 40000, 33434)
		ends := truth.AppendEnds(nil, &f)
		if len(ends) != 1 {
			t.Fatalf("%d ends", len(ends))
		}
		h := ends[0]
		switch {
		case h.Loop:
			count["loop"]++
			before := truth.AppendHops(nil, &f, 254)[0]
			again := truth.AppendHops(nil, &f, 253)[0]
			if before.Addr == h.Addr || again.Addr != h.Addr {
				t.Fatalf("loop of %v, %v, %v", again.Addr, before.Addr, h.Addr)
			}
		case h.Fate == Answered:
			count[h.Answer.String()]++
		default:
			count[h.Fate.String()]++
		}
		path := truth.Path(&f, 40)
		if last := path[len(path)-1]; !last[0].End || len(path) > 30 {
			t.Fatalf("path of %d ends with %+v", len(path), last)
		}
	}
	t.Log(count)
	near := func(name string, want float64) {
		if got := float64(count[name]) / n; got < want*0.9 || got > want*1.1 {
			t.Errorf("%s: %.3f, want %.3f", name, got, want)
		}
	}
	near("loop", cfg.Loops)
	near("net-unreach", cfg.Unreachable)
	near("black-hole", cfg.BlackHoles)
}

func TestConfig(t *testing.T) {
	for _, name := range PresetNames() {
		cfg := preset(t, name)
		if err := cfg.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Preset("nowhere"); err == nil {
		t.Error("Preset(nowhere) is known")
	}
	for name, bad := range map[string]func(*Config){
		"share":  func(c *Config) { c.Noise = 1.5 },
		"sum":    func(c *Config) { c.LossForward, c.LossReply = 0.6, 0.6 },
		"mean":   func(c *Config) { c.MeanHops = 3 },
		"most":   func(c *Config) { c.MaxHops = 100 },
		"width":  func(c *Config) { c.MaxWidth = 101 },
		"weight": func(c *Config) { c.PerFlow, c.PerDestination, c.PerPacket = 0, 0, 0 },
		"delay":  func(c *Config) { c.Delay = -1 },
		"bucket": func(c *Config) { c.RouterRate = 0 },
	} {
		cfg := Default()
		bad(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: New takes a config out of range", name)
		}
	}
}
