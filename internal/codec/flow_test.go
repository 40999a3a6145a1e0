package codec

import (
	"math"
	"slices"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/probe"
)

// targets returns n random targets, of both families.
func targets(n int) []probe.Addr {
	r := newRand(50)
	all := make([]probe.Addr, n)
	for i := range all {
		all[i] = randTarget(r, i%2 == 0)
	}
	return all
}

func TestFlowValues(t *testing.T) {
	tests := []struct {
		name      string
		low, high uint16 // as configured
		flows     int
		avoid     []uint16
	}{
		{name: "default", flows: 1},
		{name: "64 flows", flows: 64},
		{name: "most of the range", flows: 30000},
		{name: "range of ten", low: 1000, high: 1009, flows: 3},
		{name: "all of the range", low: 1000, high: 1009, flows: 10},
		{name: "one port", low: 1000, high: 1000, flows: 1},
		{name: "up to 0xffff", low: 0xfff0, high: 0xffff, flows: 4},
		{name: "whole space", low: 1, high: 0xffff, flows: 4},
		{name: "avoid some", low: 1000, high: 1019, flows: 4, avoid: []uint16{1003, 1010, 5, 0, 0xffff}},
		{name: "one place is left", low: 1000, high: 1063, flows: 4, avoid: except(1000, 1063, 1020, 1021, 1022, 1023)},
		{name: "one place is left, round the end", low: 1000, high: 1063, flows: 4, avoid: except(1000, 1063, 1062, 1063, 1000, 1001)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig(probe.UDP)
			cfg.PortLow, cfg.PortHigh, cfg.Flows, cfg.Avoid = tt.low, tt.high, tt.flows, tt.avoid
			c := newCodec(t, cfg)
			low, high := c.PortRange()
			if tt.low != 0 && (low != tt.low || high != tt.high) || tt.low == 0 && (low != 0x8000 || high != 0xffff) {
				t.Fatalf("range %d to %d", low, high)
			}
			bad := map[uint16]bool{0: true, 0xffff: true}
			for _, port := range tt.avoid {
				bad[port] = true
			}
			all := targets(effort.Count(2000, 20_000))
			if tt.flows > 1000 {
				all = all[:20]
			}
			for _, target := range all {
				base := c.base(&target)
				for i := range tt.flows {
					f := c.Flow(target, uint16(i))
					if bad[f.Value] || f.Value < low || f.Value > high || f.Label == 0 || f.Label > 0xfffff {
						t.Fatalf("%s, flow %d: %+v", target, i, f)
					}
					if index, ok := c.flowOf(base, f.Value); !ok || int(index) != i {
						t.Fatalf("%s, flow %d: flowOf = %d, %t", target, i, index, ok)
					}
				}
			}
			// Of all values, just as many as there are flows are a flow's.
			base, n := c.base(&all[0]), 0
			for v := range 1 << 16 {
				if _, ok := c.flowOf(base, uint16(v)); ok {
					n++
				}
			}
			if n != tt.flows {
				t.Errorf("%d values are flows, want %d", n, tt.flows)
			}
		})
	}
}

// except returns the ports from low to high but some.
func except(low, high uint16, some ...uint16) []uint16 {
	var all []uint16
next:
	for port := low; port <= high; port++ {
		for _, s := range some {
			if port == s {
				continue next
			}
		}
		all = append(all, port)
	}
	return all
}

// TestAvoidChangesLittle avoids some ports: the flows of the targets that do
// not meet them stay.
func TestAvoidChangesLittle(t *testing.T) {
	cfg := testConfig(probe.UDP)
	cfg.PortLow, cfg.PortHigh = 40000, 40999
	before := newCodec(t, cfg)
	cfg.Avoid = []uint16{40007, 40500, 40501}
	after := newCodec(t, cfg)
	bad := map[uint16]bool{40007: true, 40500: true, 40501: true}
	moved := 0
	all := targets(5000)
	for _, target := range all {
		met := bad[before.Flow(target, 0).Value] || bad[before.Flow(target, 1).Value]
		if met {
			moved++
		}
		for i := range uint16(2) {
			if same := before.Flow(target, i) == after.Flow(target, i); !met && !same {
				t.Errorf("%s, flow %d: %+v became %+v", target, i, before.Flow(target, i), after.Flow(target, i))
			}
		}
	}
	if moved == 0 || moved > len(all)/50 {
		t.Errorf("%d of %d targets met a port to avoid", moved, len(all))
	}
}

func TestSeedFixesFlows(t *testing.T) {
	cfg := testConfig(probe.UDP)
	a := newCodec(t, cfg)
	cfg.Key = Key{4, 5, 6}
	cfg.Method, cfg.DstPort, cfg.TOS, cfg.MaxTTL = probe.ICMP, 7, 3, 9
	b := newCodec(t, cfg)
	cfg.Seed[15]++
	other := newCodec(t, cfg)
	same := 0
	for _, target := range targets(2000) {
		for i := range uint16(2) {
			if a.Flow(target, i) != b.Flow(target, i) {
				t.Fatalf("%s: %+v and %+v under one seed", target, a.Flow(target, i), b.Flow(target, i))
			}
			if a.Flow(target, i).Value == other.Flow(target, i).Value {
				same++
			}
		}
	}
	if same > 5 {
		t.Errorf("%d of 4000 values alike under another seed", same)
	}
}

// TestFlowSpread sees that ports and labels of many targets are uniform and
// that flows of one target differ in the label.
func TestFlowSpread(t *testing.T) {
	c := newCodec(t, testConfig(probe.UDP))
	var ports, labels [256]int
	all := targets(effort.Count(50_000, 500_000))
	for _, target := range all {
		f, g := c.Flow(target, 0), c.Flow(target, 1)
		ports[(f.Value-0x8000)>>7]++
		labels[f.Label>>12]++
		if f.Label == g.Label {
			t.Errorf("%s: two flows with label %#x", target, f.Label)
		}
	}
	for name, count := range map[string][256]int{"ports": ports, "labels": labels} {
		mean, chi := float64(len(all))/256, 0.0
		for _, v := range count {
			chi += (float64(v) - mean) * (float64(v) - mean) / mean
		}
		if z := (chi - 255) / math.Sqrt(510); math.Abs(z) > 5 {
			t.Errorf("%s: χ² off by %.1f σ", name, z)
		}
	}
}

// With a thousand flows, some ports in use leave few values to begin with. No flow has such a port,
// and each answer finds its flow.
func TestCrowdedRange(t *testing.T) {
	cfg := variedConfig(probe.UDP)
	for port := uint32(0x8000); port < 61000; port += 500 { // as on a machine with many connections
		cfg.Avoid = append(cfg.Avoid, uint16(port))
	}
	c := newCodec(t, cfg)
	for h := uint32(0); h < c.ports.size; h += 101 {
		want := h
		for c.ports.avoided.has(want) {
			want = (want + 1) % c.ports.size
		}
		if got := uint32(c.ports.next[h]); got != want {
			t.Fatalf("the next free value from %d is %d, want %d", h, got, want)
		}
	}
	first := map[uint16]bool{}
	for _, target := range targets(2000) {
		base := c.base(&target)
		for _, flow := range []uint16{0, 1, 500, probe.BaseFlows - 1} {
			v := c.Flow(target, flow).Value
			if slices.Contains(cfg.Avoid, v) || v == 0xffff {
				t.Fatalf("%s: flow %d has port %d", target, flow, v)
			}
			if got, ok := c.flowOf(base, v); !ok || got != flow {
				t.Fatalf("%s: port %d is flow %d, want %d", target, v, got, flow)
			}
		}
		first[c.Flow(target, 0).Value] = true
	}
	if len(first) < 500 {
		t.Errorf("2,000 targets begin with %d ports", len(first))
	}
	for port := uint32(0x8000); port < 0xffff; port += 500 {
		cfg.Avoid = append(cfg.Avoid, uint16(port))
	}
	if _, err := New(cfg); err == nil {
		t.Error("no thousand ports in a row are free")
	}
}

// The targets of a prefix have the same flows, and those of others have not.
func TestSharedFlows(t *testing.T) {
	cfg := testConfig(probe.UDP)
	cfg.Prefix4, cfg.Prefix6 = 25, 52
	c := newCodec(t, cfg)
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"20.0.0.0", "20.0.0.127", true},
		{"20.0.0.127", "20.0.0.128", false},
		{"2a00:0:0:f000::", "2a00:0:0:ffff:1:2:3:4", true},
		{"2a00:0:0:e000::", "2a00:0:0:f000::", false},
	} {
		for _, flow := range []uint16{0, 7} {
			a, b := c.Flow(addr(tt.a), flow), c.Flow(addr(tt.b), flow)
			if a == b != tt.same {
				t.Errorf("%s and %s: flow %d is %+v and %+v", tt.a, tt.b, flow, a, b)
			}
		}
	}
}
