package multipath

import (
	"fmt"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// same returns the paths of n flows that all take p.
func same(n int, p path) (paths []path) {
	for range n {
		paths = append(paths, p)
	}
	return paths
}

// TestPrefix compares the targets of a prefix. Each has a list of paths, one for each flow; 99 is the
// target.
func TestPrefix(t *testing.T) {
	const found = "2: 2 branches in 2 TTLs, 0 longer, of %d targets, limited"
	tests := []struct {
		name    string
		targets [][]path
		want    string // balancers by destination of the first target
	}{
		{"two branches", [][]path{same(6, path{1, 2, 3, 5, 99}), same(6, path{1, 2, 4, 5, 99})}, fmt.Sprintf(found, 2)},
		{"three targets", [][]path{
			same(6, path{1, 2, 3, 5, 99}), same(6, path{1, 2, 4, 5, 99}), same(6, path{1, 2, 3, 5, 99}),
		}, fmt.Sprintf(found, 3)},
		{"one branch", [][]path{same(6, path{1, 2, 3, 5, 99}), same(6, path{1, 2, 3, 5, 99})}, ""},
		{"one target", [][]path{same(6, path{1, 2, 3, 5, 99})}, ""},
		{"branches of different lengths", [][]path{
			same(6, path{1, 2, 3, 5, 6, 99}), same(6, path{1, 2, 4, 7, 5, 6, 99}),
		}, "2: 2 branches in 3 TTLs, 1 longer, of 2 targets, limited"},
		{"enough targets", [][]path{
			same(6, path{1, 2, 3, 5, 99}), same(6, path{1, 2, 4, 5, 99}), same(6, path{1, 2, 3, 5, 99}), same(6, path{1, 2, 4, 5, 99}),
			same(6, path{1, 2, 3, 5, 99}), same(6, path{1, 2, 4, 5, 99}), same(6, path{1, 2, 3, 5, 99}), same(6, path{1, 2, 4, 5, 99}),
			same(6, path{1, 2, 3, 5, 99}), same(6, path{1, 2, 4, 5, 99}), same(6, path{1, 2, 3, 5, 99}),
		}, "2: 2 branches in 2 TTLs, 0 longer, of 11 targets, complete"},
		// A balancer by flow that showed one branch to one target by chance.
		{"by flow", [][]path{
			same(6, path{1, 2, 3, 5, 99}), append(same(5, path{1, 2, 4, 5, 99}), path{1, 2, 3, 5, 99}),
		}, ""},
		{"too few flows", [][]path{same(5, path{1, 2, 3, 5, 99}), same(5, path{1, 2, 4, 5, 99})}, ""},
		// These are routes to two networks.
		{"no address behind both", [][]path{same(6, path{1, 2, 3, 5, 99}), same(6, path{1, 2, 4, 6, 99})}, ""},
		{"last router", [][]path{same(6, path{1, 2, 99}), same(6, path{1, 2, 3, 99})}, ""},
		{"last router of both", [][]path{same(6, path{1, 2, 3, 99}), same(6, path{1, 2, 4, 99})}, ""},
		{"silent branch", [][]path{same(6, path{1, 2, 0, 5, 99}), same(6, path{1, 2, 4, 5, 99})}, ""},
		{"empty branch", [][]path{
			same(6, path{1, 2, 3, 5, 99}), same(6, path{1, 7, 2, 4, 5, 99}),
		}, "1: 2 branches in 2 TTLs, 1 longer, of 2 targets, limited"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig()
			cfg.HashFields = true
			if err := cfg.Validate(); err != nil {
				t.Fatal(err)
			}
			var d Describer
			var p Prefix
			p.Reset(cfg)
			p.Add(new(record.Multipath), &d) // of a target that nothing answered
			records := make([]record.Multipath, len(tt.targets))
			for i, paths := range tt.targets {
				seen := observations(paths)
				for k := range seen {
					if seen[k].Reached {
						seen[k].From = probe.Addr4From([4]byte{10, 0, 1, byte(i)})
					}
				}
				d.Describe(&records[i], cfg, seen, false)
				p.Add(&records[i], &d)
			}
			p.Join()
			p.Complete(&records[0])
			got := ""
			for _, b := range records[0].Balancers {
				if b.Kind != record.PerDestination {
					continue
				}
				if b.HashFields != record.Examined|record.HashDestination || b.Asked != b.Answered {
					t.Errorf("balancer %+v", b)
				}
				got += fmt.Sprintf("%d: %d branches in %d TTLs, %d longer, of %d targets, %s", b.TTL, b.Width, b.Length, b.Asymmetry, b.Asked, b.State)
			}
			if got != tt.want {
				t.Errorf("found %q, want %q", got, tt.want)
			}
			p.Reset(cfg)
			p.Join()
			if again := records[0]; len(p.balancers) > 0 {
				t.Errorf("Reset left %+v of %s", p.balancers, again.Target)
			}
		})
	}
}

// TestPrefixFields compares flows that differ in the destination alone, at a balancer by flow.
func TestPrefixFields(t *testing.T) {
	for _, tt := range []struct {
		name string
		by   record.HashFields
	}{
		{"ports", record.HashSourcePort},
		{"ports and destination", record.HashSourcePort | record.HashDestination},
	} {
		cfg := testConfig()
		cfg.HashFields, cfg.Method = true, probe.ICMP // the TOS alone varies
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		var p Prefix
		p.Reset(cfg)
		var d Describer
		records := make([]record.Multipath, 2)
		for i := range records {
			var seen []Observation
			for flow := range 24 {
				branch := byte(3 + flow%2)
				if i == 1 && tt.by.Has(record.HashDestination) && flow < 4 {
					branch = 7 - branch
				}
				for ttl, last := range (path{1, 2, branch, 5, theTarget}) {
					o := Observation{Probe: Probe{Flow: uint16(flow), TTL: uint8(ttl + 1)}, Sent: int64(flow), Answered: true}
					o.Answer = Answer{From: ip(last), Steers: true, Ends: last == theTarget, Reached: last == theTarget}
					seen = append(seen, o)
					if ttl == 2 {
						o.Flow = probe.VaryTOS.Of(o.Flow)
						seen = append(seen, o)
					}
				}
			}
			records[i].Target = probe.Addr4From([4]byte{10, 0, 0, theTarget})
			d.Describe(&records[i], cfg, seen, false)
			p.Add(&records[i], &d)
		}
		p.Join()
		for i := range records {
			p.Complete(&records[i])
			if len(records[i].Balancers) != 1 {
				t.Fatalf("%s: balancers %+v", tt.name, records[i].Balancers)
			}
			if got := records[i].Balancers[0].HashFields.Names(); fmt.Sprint(got) != fmt.Sprint((record.Examined | tt.by).Names()) {
				t.Errorf("%s: hash fields %v", tt.name, got)
			}
		}
	}
}
