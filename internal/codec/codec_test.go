package codec

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

func TestQuotedRoundTrip(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.String(), func(t *testing.T) {
			c := newCodec(t, testConfig(k.method))
			target := addr("2600:9::42")
			short := probe.Weak // the second tag is in the payload
			if k.isTCP() {
				short = probe.Strong
			}
			if k.is4 {
				target, short = addr("20.1.2.3"), probe.Strong
			}
			for flow := range uint16(2) {
				for ttl := uint8(1); ttl <= 32; ttl++ {
					p := probe.Probe{Target: target, Flow: flow, TTL: ttl, Attempt: ttl % 3}
					for _, quoted := range quotations(encode(c, p)) {
						want := short
						if quoted.whole {
							want = probe.Strong
						}
						var r probe.Facts
						v := c.Quoted(&quoted.Quotation, &r)
						if v != Accepted || r.Probe != p || r.Valid != want || r.Mangled != 0 {
							t.Fatalf("%d octets of %+v: verdict %d, %+v, %s, mangled %v", len(quoted.Transport), p,
								v, r.Probe, r.Valid, r.Mangled.AppendNames(nil))
						}
					}
				}
			}
		})
	}
}

// TestQuotedCopies checks the quoted fields, and that nothing of an earlier
// use is left in the facts.
func TestQuotedCopies(t *testing.T) {
	c := newCodec(t, testConfig(probe.UDP))
	packet := encode(c, probe.Probe{Target: addr("20.1.2.3"), TTL: 7})
	q := quote(packet, len(packet))
	q.TTL = 3
	r := probe.Facts{Mangled: 0xffff, QuotedTTL: 9, QuotedTOS: 9, QuotedID: 9, QuotedLen: 9, QuotedSize: 9}
	if v := c.Quoted(&q, &r); v != Accepted {
		t.Fatal(v)
	}
	if !r.HasQuote || r.QuotedTTL != 3 || r.QuotedTOS != 0 || r.QuotedID != q.ID || r.QuotedLen != 44 ||
		r.QuotedSize != 44 || r.Mangled != 0 {
		t.Errorf("%+v", r)
	}
}

func TestQuotedRejects(t *testing.T) {
	c4 := testConfig(probe.UDP)
	c4.Source6 = netip.Addr{}
	many := testConfig(probe.UDP)
	many.Flows = 1000
	one := testConfig(probe.UDP)
	one.MinTTL, one.MaxTTL, one.Attempts = 7, 7, 1
	p := probe.Probe{Target: addr("20.1.2.3"), TTL: 7}
	p6 := probe.Probe{Target: addr("2600:9::42"), TTL: 7}
	both := testConfig(probe.UDP)
	tests := []struct {
		name string
		made Config // by whom the probe is made
		read Config // by whom it is read
		p    probe.Probe
		edit func(packet []byte) []byte
		want Verdict
	}{
		{name: "no source of the family", made: both, read: c4, p: p6, want: Unrelated},
		{name: "7 octets of transport", made: both, read: both, p: p, edit: func(b []byte) []byte { return b[:27] }, want: Malformed},
		{name: "no transport", made: both, read: both, p: p, edit: func(b []byte) []byte { return b[:20] }, want: Malformed},
		{name: "other protocol", made: both, read: testConfig(probe.ICMP), p: p, want: Unrelated},
		{name: "TTL not asked", made: both, read: one, p: probe.Probe{Target: p.Target, TTL: 8}, want: Garbled},
		{name: "attempt not asked", made: both, read: one, p: probe.Probe{Target: p.Target, TTL: 7, Attempt: 1}, want: Garbled},
		{name: "TTL and attempt asked", made: both, read: one, p: p, want: Accepted},
		{name: "weak, 1,000 flows", made: many, read: many, p: p, edit: setID(0), want: Accepted},
		{name: "strong, 1,000 flows", made: many, read: many, p: p, want: Accepted},
		{name: "no tag", made: both, read: both, p: p, edit: func(b []byte) []byte { b[26], b[27] = 0, 0; return setID(0)(b) }, want: Garbled},
		{
			name: "tags of different TTLs", made: both, read: both, p: p,
			edit: func(b []byte) []byte {
				other := encode(newCodec(t, both), probe.Probe{Target: p.Target, TTL: 8})
				copy(b[4:6], other[4:6])
				return b
			}, want: Conflict,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := encode(newCodec(t, tt.made), tt.p)
			if tt.edit != nil {
				b = tt.edit(b)
			}
			q := quote(b, len(b))
			var r probe.Facts
			if v := newCodec(t, tt.read).Quoted(&q, &r); v != tt.want {
				t.Errorf("verdict %d, want %d", v, tt.want)
			}
		})
	}
}

// TestQuotedFamilies sees that an IPv6 quotation cannot borrow the tags of an
// IPv4 target.
func TestQuotedFamilies(t *testing.T) {
	c := newCodec(t, testConfig(probe.UDP))
	p := probe.Probe{Target: addr("20.1.2.3"), TTL: 7}
	packet := encode(c, p)
	q := quote(packet, len(packet))
	q.Is4, q.Src = false, c.source6
	var r probe.Facts
	if v := c.Quoted(&q, &r); v != Unrelated {
		t.Errorf("verdict %d, %+v", v, r)
	}
}

func setID(id uint16) func([]byte) []byte {
	return func(b []byte) []byte {
		b[4], b[5] = uint8(id>>8), uint8(id)
		return b
	}
}

func TestNewErrors(t *testing.T) {
	tests := []struct {
		name string
		edit func(*Config)
	}{
		{"TTL 0", func(c *Config) { c.MinTTL = 0 }},
		{"TTL 64", func(c *Config) { c.MaxTTL = 64 }},
		{"TTLs reversed", func(c *Config) { c.MinTTL, c.MaxTTL = 9, 8 }},
		{"no attempt", func(c *Config) { c.Attempts = 0 }},
		{"5 attempts", func(c *Config) { c.Attempts = 5 }},
		{"method", func(c *Config) { c.Method = probe.TCPACK + 1 }},
		{"no source", func(c *Config) { c.Source4, c.Source6 = netip.Addr{}, netip.Addr{} }},
		{"IPv6 for IPv4", func(c *Config) { c.Source4 = c.Source6 }},
		{"IPv4 for IPv6", func(c *Config) { c.Source6 = c.Source4 }},
		{"mapped IPv4 for IPv6", func(c *Config) { c.Source6 = netip.MustParseAddr("::ffff:45.1.2.3") }},
		{"mapped IPv4 for IPv4", func(c *Config) { c.Source4 = netip.MustParseAddr("::ffff:45.1.2.3") }},
		{"unspecified IPv4", func(c *Config) { c.Source4 = netip.IPv4Unspecified() }},
		{"unspecified IPv6", func(c *Config) { c.Source6 = netip.IPv6Unspecified() }},
		{"no flow", func(c *Config) { c.Flows = 0 }},
		{"negative flows", func(c *Config) { c.Flows = -1 }},
		{"flows beyond 32 bits", func(c *Config) { c.Flows = 1<<32 + 1 }},
		{"more flows than ports", func(c *Config) { c.Flows, c.PortLow, c.PortHigh = 11, 1000, 1009 }},
		{"more flows than ports to be had", func(c *Config) { c.Flows = 1 << 15 }},
		{"ports reversed", func(c *Config) { c.PortLow, c.PortHigh = 1001, 1000 }},
		{"port 0", func(c *Config) { c.PortHigh = 1000 }},
		{"no port high", func(c *Config) { c.PortLow = 1000 }},
		{"only port 0xffff", func(c *Config) { c.Flows, c.PortLow, c.PortHigh = 1, 0xffff, 0xffff }},
		{"all ports avoided", func(c *Config) {
			c.Flows, c.PortLow, c.PortHigh, c.Avoid = 1, 1000, 1002, []uint16{1000, 1001, 1002}
		}},
		{"no two ports side by side", func(c *Config) { c.PortLow, c.PortHigh, c.Avoid = 1000, 1003, []uint16{1000, 1002} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig(probe.UDP)
			tt.edit(&cfg)
			if _, err := New(cfg); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestSizeAndSource(t *testing.T) {
	for _, tt := range []struct {
		method probe.Method
		v4, v6 int
	}{{probe.UDP, 44, 64}, {probe.ICMP, 48, MaxSize}, {probe.TCPSYN, 44, 64}, {probe.TCPACK, 40, 60}} {
		c := newCodec(t, testConfig(tt.method))
		if c.Size(true) != tt.v4 || c.Size(false) != tt.v6 {
			t.Errorf("%s: sizes %d, %d", tt.method, c.Size(true), c.Size(false))
		}
		if got := fmt.Sprint(c.Source(true), c.Source(false)); got != "45.1.2.3 2a00:1::7" {
			t.Error(got)
		}
	}
}
