package netsim

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

// randomTarget returns an address that has a route.
func randomTarget(r *rand.Rand, six family) netip.Addr {
	for {
		a := addr4(r.Uint32())
		if six {
			a = addr{0x2a00<<48 | r.Uint64()>>16, r.Uint64()}
		}
		if reachOf(a) == routable {
			return a.netip()
		}
	}
}

// The network of a seed stays the same from version to version: old logs are judged by it.
func TestSameNetwork(t *testing.T) {
	for name, want := range map[string]string{
		"default":           "3cd16be4c4341a3f",
		"multipath-hostile": "3e030495aa13df3a",
	} {
		truth, err := NewTruth(preset(t, name))
		must(t, err)
		r := rand.New(rand.NewPCG(7, 7))
		sum := fnv.New64a()
		for i := range 4000 {
			dst, src := randomTarget(r, family(i%2 == 1)), netip.MustParseAddr("192.0.2.2")
			if i%2 == 1 {
				src = netip.MustParseAddr("2001:db8::2")
			}
			f := PortFlow(protoUDP, src, dst, uint16(r.Uint32()), 33434)
			fmt.Fprintln(sum, truth.Path(&f, 40))
			for _, hops := range truth.Path(&f, 40) {
				name, ok := truth.Name(hops[0].Addr)
				fmt.Fprintln(sum, name, ok)
			}
		}
		if got := fmt.Sprintf("%x", sum.Sum64()); got != want {
			t.Errorf("the paths of network %s have the sum %s, want %s", name, got, want)
		}
	}
}

// several returns a preset with four vantage points.
func several(t testing.TB, name string) Config {
	cfg := preset(t, name)
	cfg.VantagePoints = 4
	return cfg
}

// flowFrom returns a flow from a vantage point.
func flowFrom(vantage int, dst netip.Addr) Flow {
	src := VantagePoint(vantage)[0]
	if dst.Is6() {
		src = VantagePoint(vantage)[1]
	}
	return PortFlow(protoUDP, src, dst, 40000, 33434)
}

func TestVantagePointOf(t *testing.T) {
	cfg := several(t, "clean")
	for n := range 4 {
		for _, a := range VantagePoint(n) {
			if got, ok := cfg.VantagePoint(a); !ok || got != n {
				t.Errorf("%v is of vantage point %d, %v; want %d", a, got, ok, n)
			}
		}
	}
	for _, a := range []string{"192.0.2.1", "192.0.2.6", "2001:db8::1", "2001:db8::6", "2001:db9::2", "10.0.0.1", "::c000:202"} {
		if n, ok := cfg.VantagePoint(netip.MustParseAddr(a)); ok {
			t.Errorf("%s is of vantage point %d", a, n)
		}
	}
}

// Each router of a further entry has an address and a name of its own. They lead back to it, if the
// network has the entry.
func TestEntryAddresses(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	one, err := NewTruth(preset(t, "clean"))
	must(t, err)
	truth, err := NewTruth(several(t, "clean"))
	must(t, err)
	seen := map[addr]node{}
	named := 0
	for range 100000 {
		n := node{six: family(r.IntN(2) == 0), level: uint8(r.IntN(entryLevels)), slot: uint16(1 + r.IntN(62))}
		length := bits4[n.level]
		if n.six {
			length = bits6[n.level]
		}
		n.prefix = r.Uint64() >> (64 - length)
		n.entry = uint8(r.IntN([entryLevels]int{MaxVantagePoints, entriesLevel, 2}[n.level]))
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
		if kind, _ := one.Locate(a.netip()); kind == RouterAddr && n.entry > 0 {
			t.Fatalf("a network of one vantage point has router %+v", n)
		}
		name, ok := truth.Name(a.netip())
		if !ok {
			continue
		}
		if n.entry > 0 {
			named++
		}
		if back, ok := truth.Addr(name); !ok || back != a.netip() {
			t.Fatalf("%v has the name %s, which has %v", a.netip(), name, back)
		}
	}
	if named < 1000 {
		t.Errorf("%d routers have names", named)
	}
}

// Paths begin in access networks of their own, and end over the same routers.
func TestPathsConverge(t *testing.T) {
	cfg := several(t, "clean")
	cfg.PerFlow, cfg.PerPacket = 0, 0 // sources take the same branches
	truth, err := NewTruth(cfg)
	must(t, err)
	cfg.VantagePoints = 0
	one, err := NewTruth(cfg)
	must(t, err)
	r := rand.New(rand.NewPCG(5, 5))
	var lengths [20]int
	joined := [levels]int{}
	for i := range 4000 {
		dst := randomTarget(r, family(i%2 == 1))
		var paths [4][]node
		for v := range paths {
			f := flowFrom(v, dst)
			paths[v] = routersOf(t, truth, &f)
			if v == 0 && !slices.Equal(paths[0], routersOf(t, one, &f)) {
				t.Fatalf("%v: the path of the first vantage point is not that of a network with one", dst)
			}
			first := slices.IndexFunc(paths[v], func(n node) bool { return n.level > 0 || int(n.entry) != v })
			if first < 0 {
				t.Fatalf("%v: vantage point %d has no path: %v", dst, v, paths[v])
			}
			lengths[first]++
		}
		for v, p := range paths[1:] {
			joined[checkJoin(t, dst, v+1, paths[0], p)]++
		}
	}
	t.Logf("lengths of access networks %v, levels at which paths join the first one %v", lengths, joined)
	most := slices.Max(joined[:])
	if lengths[0]+lengths[1]+lengths[6]+lengths[7] > 0 || joined[0] > 0 || min(joined[1], joined[2], joined[3]) < most/2 {
		t.Errorf("lengths of access networks %v, levels at which paths join the first one %v", lengths, joined)
	}
}

// routersOf returns the routers of a path without load balancers by flow or packet.
func routersOf(t *testing.T, truth *Truth, f *Flow) (path []node) {
	t.Helper()
	for _, hops := range truth.Path(f, 60) {
		n, ok := nodeAt(addrOf(hops[0].Addr))
		if hops[0].Target || !ok {
			break
		}
		if kind, _ := truth.Locate(hops[0].Addr); kind != RouterAddr {
			t.Fatalf("%v: %v is no router", f.Dst, hops[0].Addr)
		}
		path = append(path, n)
	}
	return path
}

// checkJoin returns the level at which a path joins the first one. It checks that it stays there.
func checkJoin(t *testing.T, dst netip.Addr, vantage int, first, path []node) int {
	t.Helper()
	i := slices.IndexFunc(path, func(n node) bool { return n.entry == 0 })
	if i < 0 {
		return levels - 1 // no router is beyond the entries
	}
	k := slices.Index(first, path[i])
	if k < 0 || !slices.Equal(first[k:], path[i:]) {
		t.Fatalf("%v: vantage point %d joins at %+v and goes on over %v, not %v", dst, vantage, path[i], path[i:], first)
	}
	return int(path[i].level)
}

// The simulator's answers to each vantage point are those of the truth.
func TestTruthOfVantagePoints(t *testing.T) {
	for _, name := range []string{"default", "multipath-hostile"} {
		cfg := several(t, name)
		cfg.Noise, cfg.ForgedQuotes, cfg.ForgedEchoes, cfg.Imposters = 0, 0, 0, 0
		s := newSim(t, cfg)
		truth, err := NewTruth(cfg)
		must(t, err)
		r := rand.New(rand.NewPCG(1, 2))
		for i := range int64(8000) {
			p := randomProbe(r, 36)
			p.from = VantagePoint(r.IntN(4))
			checkProbe(t, s, truth, 1e18+i*50e6, p)
		}
	}
}

// A policer is that of one vantage point.
func TestPolicers(t *testing.T) {
	cfg := several(t, "clean")
	cfg.Policer, cfg.PolicerBurst = 1, 5
	s := newSim(t, cfg)
	var passed [4]int
	for i := range 40 {
		p := testProbe{dst: netip.MustParseAddr("45.0.0.1"), method: "udp", ttl: 1, sport: 40000, dport: 33434, id: 1, from: VantagePoint(i % 4)}
		if rec, _ := send(s, 1e9, p.build(t)); rec.Fate != LostForward {
			passed[i%4]++
		}
	}
	if want := [4]int{5, 5, 5, 5}; passed != want {
		t.Errorf("%v packets passed, want %v", passed, want)
	}
}

// Vantage points with a common stop set can leave out 40 % of all probes, and lose no more than 1 %
// of the interfaces.
func TestSharedStopSet(t *testing.T) {
	truth, err := NewTruth(several(t, "default"))
	must(t, err)
	r := rand.New(rand.NewPCG(3, 3))
	var targets []netip.Addr
	for _, p := range []uint32{45<<24 | 96<<16, 81<<24 | 7<<16, 81<<24 | 9<<16, 150<<24 | 40<<16} {
		for i := range uint32(256) {
			targets = append(targets, addr4(p|i<<8|uint32(r.IntN(256))).netip())
		}
	}
	r.Shuffle(len(targets), func(i, j int) { targets[i], targets[j] = targets[j], targets[i] })
	apart, together := stopScan(truth, targets, false), stopScan(truth, targets, true)
	t.Logf("%d probes and %d interfaces apart, %d and %d together", apart.probes, len(apart.found), together.probes, len(together.found))
	if together.probes*100 > apart.probes*60 || len(together.found)*100 < len(apart.found)*99 {
		t.Errorf("%d probes and %d interfaces apart, %d and %d together", apart.probes, len(apart.found), together.probes, len(together.found))
	}
	common := 0
	for _, by := range apart.found {
		if by == 1<<4-1 {
			common++
		}
	}
	if share := float64(common) / float64(len(apart.found)); share < 0.8 || share > 0.99 {
		t.Errorf("%.3f of the interfaces are found by all vantage points", share)
	}
}

// stopping is a scan by four vantage points. Its traces begin in the middle of the path. On the way
// to a target, they stop at an interface that another vantage point has met on its way there. On
// the way back, they stop at an interface that they have met themselves.
type stopping struct {
	truth  *Truth
	shared bool
	met    map[[2]netip.Addr]uint8 // interface, target: the set of vantage points
	found  map[netip.Addr]uint8    // interface: the same
	probes int
}

func stopScan(truth *Truth, targets []netip.Addr, shared bool) *stopping {
	s := &stopping{truth: truth, shared: shared, met: map[[2]netip.Addr]uint8{}, found: map[netip.Addr]uint8{}}
	for _, dst := range targets {
		for v := range 4 {
			s.forward(v, dst)
			s.back(v, dst)
		}
	}
	return s
}

const middle, gapLimit = 7, 5

func (s *stopping) ask(vantage int, dst netip.Addr, ttl uint8) (h Hop, again bool) {
	s.probes++
	f := flowFrom(vantage, dst)
	h = s.truth.AppendHops(nil, &f, ttl)[0]
	if h.Fate == Answered && !h.Target {
		again = s.found[h.Addr]>>vantage&1 != 0
		s.found[h.Addr] |= 1 << vantage
	}
	return h, again
}

func (s *stopping) forward(vantage int, dst netip.Addr) {
	silent := 0
	for ttl := uint8(middle); ttl <= 32 && silent < gapLimit; ttl++ {
		h, _ := s.ask(vantage, dst, ttl)
		if silent++; h.Fate != Answered {
			continue
		}
		silent = 0
		key := [2]netip.Addr{h.Addr, dst}
		others := s.met[key] &^ (1 << vantage)
		s.met[key] |= 1 << vantage
		if h.Target || h.Loop || h.Answer != TimeExceeded || s.shared && others != 0 {
			return
		}
	}
}

func (s *stopping) back(vantage int, dst netip.Addr) {
	for ttl := uint8(middle - 1); ttl > 0; ttl-- {
		if _, again := s.ask(vantage, dst, ttl); again {
			return
		}
	}
}
