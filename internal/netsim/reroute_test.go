package netsim

import (
	"net/netip"
	"testing"
	"time"
)

// Routes and balancers change again and again, at moments of their own, and are constant between
// them.
func TestRepeatedChanges(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(*Config)
	}{
		{"reroute", func(c *Config) { c.Reroute, c.Rerouted, c.RerouteEvery = After(0), 0.5, time.Minute }},
		{"remap", func(c *Config) { c.Remap, c.Remapped, c.RemapEvery = After(0), 1, time.Minute }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := Preset("clean")
			if err != nil {
				t.Fatal(err)
			}
			tt.set(&cfg)
			truth, err := NewTruth(cfg)
			if err != nil {
				t.Fatal(err)
			}
			moments := map[time.Duration]bool{}
			changes := 0
			for i := range 40 {
				f := PortFlow(17, netip.MustParseAddr("192.0.2.1"), netip.AddrFrom4([4]byte{45, byte(i), 3, 9}), 40000, 33434)
				before := ""
				for at := time.Duration(0); at < 10*time.Minute; at += time.Second {
					f.At = at
					now := ""
					for ttl := uint8(1); ttl <= 20; ttl++ {
						now += truth.AppendHops(nil, &f, ttl)[0].Addr.String() + " "
					}
					if before != "" && now != before {
						changes++
						moments[at%time.Minute] = true
					}
					before = now
				}
			}
			if changes < 40 || changes > 40*3*10 {
				t.Errorf("%d changes of 40 paths in 10 minutes", changes)
			}
			if len(moments) < 10 {
				t.Errorf("changes at %d moments of a minute, want many", len(moments))
			}
		})
	}
}
