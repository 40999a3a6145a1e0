package netsim

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// kindsOf returns networks in which all per-flow balancers are of one kind.
func kindsOf(t *testing.T) map[string]Config {
	kinds := map[string]Config{}
	add := func(name string, set func(*Config)) {
		cfg := preset(t, "multipath")
		cfg.PerFlow, cfg.PerDestination, cfg.PerPacket, cfg.Weighted = 1, 0, 0, 0
		cfg.HashMore, cfg.HashAddresses, cfg.HashPorts, cfg.HashLabel = 0, 0, 0, 0
		set(&cfg)
		kinds[name] = cfg
	}
	add("flow", func(*Config) {})
	add("more", func(c *Config) { c.HashMore = 1 })
	add("addresses", func(c *Config) { c.HashAddresses = 1 })
	add("ports", func(c *Config) { c.HashPorts = 1 })
	add("label", func(c *Config) { c.HashLabel = 1 })
	add("destination", func(c *Config) { c.PerFlow, c.PerDestination = 0, 1 })
	add("packet", func(c *Config) { c.PerFlow, c.PerPacket = 0, 1 })
	add("weighted", func(c *Config) { c.Weighted = 1 })
	add("nested", func(c *Config) { c.Nested = 1 })
	add("meshed", func(c *Config) { c.Meshed = 1 })
	add("chained", func(c *Config) { c.Chained = 1 })
	add("uneven", func(c *Config) { c.Unequal = 1 })
	add("all", func(c *Config) { c.Nested, c.Meshed, c.Chained, c.Unequal, c.Weighted = 1, 1, 1, 1, 1 })
	add("simple", func(c *Config) { c.Nested, c.Meshed, c.Chained, c.MaxWidth = 0, 0, 0, 16 })
	return kinds
}

// TestTruthOfKinds compares answers with the truth for each kind of balancer, over every method and
// both families, before and after balancers remap and routes change.
func TestTruthOfKinds(t *testing.T) {
	for name, cfg := range kindsOf(t) {
		t.Run(name, func(t *testing.T) {
			cfg.Remap, cfg.Remapped = After(50*time.Second), 0.5
			cfg.Reroute, cfg.Rerouted = After(100*time.Second), 0.5
			s := newSim(t, cfg)
			truth, err := NewTruth(cfg)
			must(t, err)
			r := rand.New(rand.NewPCG(1, 2))
			now := int64(1e18)
			for range 3000 {
				now += 50e6
				checkProbe(t, s, truth, now, randomProbe(r, 40))
			}
		})
	}
}

// chiSquare returns the statistic of counts against shares, divided by its degrees of freedom.
func chiSquare(counts []int, shares []float64) float64 {
	n, x := 0, 0.0
	for _, c := range counts {
		n += c
	}
	for i, c := range counts {
		want := float64(n) * shares[i]
		x += (float64(c) - want) * (float64(c) - want) / want
	}
	return x / float64(len(counts)-1)
}

// balancerCase is a kind of balancer, and the fields of a flow that it hashes.
type balancerCase struct {
	name    string
	balance balance
	six     family
	hashes  Fields
}

func balancerCases() []balancerCase {
	all := SourcePort | DestPort | Destination
	return []balancerCase{
		{"flow", balance{}, ip4, all},
		{"flow", balance{}, ip6, all},
		{"more", balance{fields: hashMore}, ip4, all | TOS},
		{"more", balance{fields: hashMore}, ip6, all | TOS | FlowLabel},
		{"ports", balance{fields: hashPorts}, ip4, SourcePort | DestPort},
		{"label", balance{fields: hashLabel}, ip6, FlowLabel},
		{"addresses", balance{balancer: perAddresses}, ip4, Destination},
		{"destination", balance{balancer: perDestination}, ip6, Destination},
	}
}

// vary changes one field of a flow.
func vary(f *flow, field Fields, i int) {
	switch field {
	case SourcePort:
		f.first += uint32(i) << 16
	case DestPort:
		f.first += uint32(i)
	case FlowLabel:
		f.label = (f.label + uint32(i)) & 0xfffff
	case TOS:
		f.tos += uint8(i)
	case Destination:
		f.dst.lo += uint64(i)
	}
}

// TestHash varies one field of flows at a time. If a balancer hashes the field, it spreads the
// flows over its branches evenly, or by its weights. No other field matters.
func TestHash(t *testing.T) {
	m := newModel(preset(t, "multipath"))
	for _, c := range balancerCases() {
		if got := c.balance.hashed(c.six); got != c.hashes {
			t.Errorf("%s, IPv6 %v: hashes %05b, want %05b", c.name, c.six, got, c.hashes)
		}
		for field := SourcePort; field <= Destination; field <<= 1 {
			if field == FlowLabel && !c.six {
				continue
			}
			for _, n := range []int{2, 3, 16, 100} {
				for _, ratio := range []uint8{0, 2, 10} {
					c.balance.ratio = ratio
					testSpread(t, m, c, field, n)
				}
			}
		}
	}
}

// testSpread varies one field.
func testSpread(t *testing.T, m *model, c balancerCase, field Fields, n int) {
	t.Helper()
	b := c.balance
	total := 0.0
	shares := make([]float64, n)
	for i := range n {
		shares[i] = float64(b.weight(i, n))
		total += shares[i]
	}
	for i := range shares {
		shares[i] /= total
	}
	if min, max := shares[0], shares[n-1]; b.ratio > 1 && math.Abs(max/min-float64(b.ratio)) > 1e-9 {
		t.Errorf("ratio %d: shares from %v to %v", b.ratio, min, max)
	}
	// The TOS has 256 values, so one balancer shows little.
	const values, balancers = 256, 200
	mean := 0.0
	for salt := range uint64(balancers) {
		b.salt = mix(salt, 77)
		counts := make([]int, n)
		f := flow{src: addrOf(vantage4), dst: addr4(0x08080800), first: 40000<<16 | 33434, proto: protoUDP}
		if c.six {
			f.src, f.dst = addrOf(vantage6), addr{0x2a00 << 48, 0}
		}
		first := -1
		for i := range values {
			g := f
			vary(&g, field, i)
			h := m.hashFlow(&g, 0)
			branch := m.choose(&b, &h, 0, n)
			if counts[branch]++; first < 0 {
				first = branch
			}
			if branch != first && c.hashes&field == 0 {
				t.Fatalf("%s hashes field %05b", c.name, field)
			}
		}
		mean += chiSquare(counts, shares) / balancers
	}
	// The mean is 1 if the hash is as good as chance, greater if it is uneven, smaller if it
	// deals flows out in turn.
	if limit := 6 * math.Sqrt(2/float64(n-1)/balancers); c.hashes&field != 0 && math.Abs(mean-1) > limit {
		t.Errorf("%s, field %05b, %d branches, ratio %d: χ²/(n−1) = %.3f, more than %.3f from 1", c.name, field, n, b.ratio, mean, limit)
	}
}

// TestRemap checks that a balancer which remaps sends about 1 − 1/w of its flows another way, and
// any other balancer none.
func TestRemap(t *testing.T) {
	cfg := preset(t, "multipath")
	cfg.Remap, cfg.Remapped = After(30*time.Second), 0.5
	m := newModel(cfg)
	before, after := int64(30*time.Second)-1, int64(30*time.Second)
	for _, c := range balancerCases() {
		for _, n := range []int{2, 4, 16} {
			for salt := range uint64(20) {
				b := c.balance
				b.salt = mix(salt, 99)
				moved := 0
				const flows = 4000
				for i := range flows {
					f := flow{src: addrOf(vantage4), dst: addr4(0x08080000 + uint32(i)), proto: protoUDP,
						first: uint32(i) * 65537, label: uint32(i), tos: uint8(i)}
					h, g := m.hashFlow(&f, before), m.hashFlow(&f, after)
					if m.choose(&b, &h, 0, n) != m.choose(&b, &g, 0, n) {
						moved++
					}
				}
				want := 0.0
				if m.remaps(&b) {
					want = 1 - 1/float64(n)
				}
				if got := float64(moved) / flows; math.Abs(got-want) > 0.05 {
					t.Errorf("%s, %d branches: %.3f of the flows moved, want %.3f", c.name, n, got, want)
				}
			}
		}
	}
}
