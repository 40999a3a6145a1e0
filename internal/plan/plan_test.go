package plan

import (
	"errors"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// config returns the configuration of the default flags.
func config(targets ...string) Config {
	return Config{
		Targets: targets, Stdin: strings.NewReader(""), PerPrefix: 1, Granularity4: 24, Granularity6: 48,
		Method: probe.UDP, MinTTL: 1, MaxTTL: 32, DstPort: 33434, Flows: 1, Attempts: 1,
		RatePPS: 10_000, Wait: time.Second, Memory: 64 << 20, Records: record.Traces,
	}
}

// planOf returns the plan of a config, without warnings.
func planOf(t *testing.T, c Config) *Plan {
	t.Helper()
	c.Seed, c.Key = "plan", strings.Repeat("00", 16)
	p, err := New(t.Context(), &c, Began{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Windows are of a second of probing, within bounds of targets, of time and
// of memory.
func TestWindows(t *testing.T) {
	const whole = "0.0.0.0/0"
	tests := []struct {
		name    string
		set     func(*Config)
		targets int // of a window
	}{
		{"a second", func(*Config) {}, 256},                                                                // 10,000 ÷ 32, a multiple of 64
		{"flows take room", func(c *Config) { c.Flows = 10 }, 28},                                          // ÷ 320, a multiple of 4
		{"few TTLs make many targets", func(c *Config) { c.MinTTL, c.MaxTTL = 3, 4 }, 4992},                // ÷ 2
		{"at least 4 targets", func(c *Config) { c.RatePPS = 100 }, 4},                                     // 1.3 s
		{"not over a minute", func(c *Config) { c.RatePPS = 1 }, 1},                                        // 60 ÷ 32
		{"one target takes what it takes", func(c *Config) { c.RatePPS = 0.1 }, 1},                         // 320 s
		{"no more than there are", func(c *Config) { c.Targets = []string{"45.0.0.0/22"} }, 4},             // /24s
		{"in bits on the wire", func(c *Config) { c.Bandwidth = 656_000 }, 28},                             // 1000 pps
		{"a shard is a part", func(c *Config) { c.Targets, c.Shards = []string{"45.0.0.0/21"}, 4 }, 2},     // of 8
		{"the first of them", func(c *Config) { c.MaxTargets = 5 }, 5},                                     // of 2²⁴
		{"all addresses", func(c *Config) { c.Granularity4, c.Targets = 32, []string{"45.0.0.0/28"} }, 16}, // 2⁴
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := config(whole)
			c.Memory = 1 << 30
			tt.set(&c)
			p := planOf(t, c)
			if p.Shape.Targets != tt.targets {
				t.Errorf("windows of %d targets, want %d", p.Shape.Targets, tt.targets)
			}
			if last := p.Windows - 1; p.TargetsBefore(last) >= p.Order.Len() || p.TargetsBefore(p.Windows) != p.Order.Len() {
				t.Errorf("%d windows for %d targets", p.Windows, p.Order.Len())
			}
		})
	}
}

// The memory of windows stays within --memory, and is that of the plan.
func TestMemory(t *testing.T) {
	for _, records := range []record.Kinds{record.Traces, record.Both} {
		for _, memory := range []uint64{1 << 20, 16 << 20, 64 << 20} {
			c := config("0.0.0.0/0")
			c.RatePPS, c.Memory, c.Attempts, c.Flows, c.Records = 1e6, memory, 2, 2, records
			p := planOf(t, c)
			if got := p.Memory(); got > memory || got < memory/2 {
				t.Errorf("%d octets planned of %d", got, memory)
			}
			// A window of that shape, with every probe sent.
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			w := window.New(p.Shape)
			for flow := range uint16(c.Flows) {
				for attempt := range uint8(c.Attempts) {
					w.Stamp(window.Slot{Flow: flow, Attempt: attempt, TTL: 1}, 1)
				}
			}
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > memory/window.Live+64<<10 {
				t.Errorf("a window takes %d octets, more than its part of %d", got, memory)
			}
			runtime.KeepAlive(w)
		}
	}
}

// A request that cannot be planned is an error of usage, for every caller.
func TestPlanErrors(t *testing.T) {
	tests := []struct {
		name        string
		set         func(*Config)
		field, want string
	}{
		{"no room", func(c *Config) { c.Memory = 1000 }, "Memory", "1000 bytes are too few"},
		{"too many", func(c *Config) {
			c.Targets, c.Granularity6 = []string{"2000::/3"}, 64
		}, "Targets", "more than 2⁵³"},
		{"key", func(c *Config) { c.Key = "x" }, "Key", "32 hexadecimal digits"},
		{"shard without seed", func(c *Config) { c.Seed, c.Shards = "", 2 }, "Shard", "needs a seed"},
		{"shard", func(c *Config) { c.Shard, c.Shards = 2, 2 }, "Shard", ""},
		{"strategy", func(c *Config) { c.Strategy.Strategy = "lasthop" }, "Strategy", "complete, exhaustive, multipath, topology"},
		{"source", func(c *Config) { c.Sources = []netip.Addr{netip.MustParseAddr("2001:db8::1")} }, "Sources", "no target has this address family"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := config("45.0.0.0/8")
			c.Seed, c.Key = "s", strings.Repeat("00", 16)
			tt.set(&c)
			_, err := New(t.Context(), &c, Began{})
			refused := new(ConfigError)
			if !errors.As(err, &refused) || refused.Field != tt.field || !strings.Contains(refused.Err.Error(), tt.want) {
				t.Errorf("error %v, want one of %s with %q", err, tt.field, tt.want)
			}
		})
	}
}

func TestDuration(t *testing.T) {
	c := config("45.0.0.0/16") // 256 × 32 probes
	c.Attempts, c.Wait = 2, 3*time.Second
	if got, want := planOf(t, c).Duration(), 7638400*time.Microsecond; got != want {
		t.Errorf("duration %v, want %v", got, want)
	}
}

// Windows on demand stay within --memory too, and 10,000 targets at once have room in the default.
func TestMemoryOnDemand(t *testing.T) {
	for _, records := range []record.Kinds{record.Traces, record.Both} {
		c := config("0.0.0.0/0")
		c.RatePPS, c.Memory, c.Records = 1e9, 512<<20, records
		c.Strategy.Strategy, c.HashFields, c.Attempts = Multipath, true, 2
		p := planOf(t, c)
		if got := p.Memory(); got > c.Memory || got < c.Memory/2 {
			t.Errorf("%d octets planned of %d", got, c.Memory)
		}
		if live := p.Shape.Targets * window.Live; live < 10_000 {
			t.Errorf("%d targets at once, %d octets each", live, p.memory)
		}
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
		if !p.Codec(probe.UDP, [16]byte{}).Variations {
			t.Error("flows do not vary")
		}
	}
}
