package codec

import (
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/probe"
	"github.com/masstrace/masstrace/wire"
)

func testConfig(m probe.Method) Config {
	return Config{
		Method: m, Seed: Key{1, 2, 3}, Key: Key{9, 8, 7},
		Source4: netip.MustParseAddr("45.1.2.3"), Source6: netip.MustParseAddr("2a00:1::7"),
		DstPort: 33434, Flows: 2, MinTTL: 1, MaxTTL: 32, Attempts: 3,
	}
}

// quote returns the quotation of an IP packet without options of which n
// octets are quoted.
func quote(packet []byte, n int) wire.Quotation {
	p := gopacket.NewPacket(packet, layers.LayerTypeIPv4, gopacket.NoCopy)
	if packet[0]>>4 == 6 {
		p = gopacket.NewPacket(packet, layers.LayerTypeIPv6, gopacket.NoCopy)
		ip := p.NetworkLayer().(*layers.IPv6)
		src, _ := netip.AddrFromSlice(ip.SrcIP)
		dst, _ := netip.AddrFromSlice(ip.DstIP)
		return wire.Quotation{
			Src: src.As16(), Dst: dst.As16(), Protocol: uint8(ip.NextHeader), TTL: 1, TOS: ip.TrafficClass,
			Label: ip.FlowLabel, Size: int(ip.Length) + 40, Headers: 40, Transport: packet[40:n],
		}
	}
	ip := p.NetworkLayer().(*layers.IPv4)
	return wire.Quotation{
		Is4: true, Src: probe.Addr4From([4]byte(ip.SrcIP)), Dst: probe.Addr4From([4]byte(ip.DstIP)),
		Protocol: uint8(ip.Protocol), TTL: 1, TOS: ip.TOS, ID: ip.Id, Size: int(ip.Length), Headers: 20,
		Transport: packet[20:n],
	}
}

func TestQuotedRoundTrip(t *testing.T) {
	for _, m := range []probe.Method{probe.UDP, probe.ICMP} {
		c, err := New(testConfig(m))
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range []string{"20.1.2.3", "2600:9::42"} {
			a := probe.AddrFrom(netip.MustParseAddr(target))
			for flow := range uint16(2) {
				var p Prepared
				c.Prepare(&p, a, flow)
				for ttl := uint8(1); ttl <= 32; ttl++ {
					buf := make([]byte, MaxSize)
					n := c.Encode(buf, &p, ttl, ttl%3)
					for quoted, want := range map[int]probe.Validity{n: probe.Strong, c.template(a.Is4()).header + 8: probe.Weak} {
						if a.Is4() {
							want = probe.Strong
						}
						q := quote(buf[:n], quoted)
						var r probe.Facts
						v := c.Quoted(&q, &r)
						wantProbe := probe.Probe{Target: a, Flow: flow, TTL: ttl, Attempt: ttl % 3}
						if v != Accepted || r.Probe != wantProbe || r.Valid != want || r.Mangled != 0 {
							t.Fatalf("%s %s quoted %d: verdict %d, %+v, %s, mangled %v", m, target, quoted, v, r.Probe, r.Valid, r.Mangled.AppendNames(nil))
						}
					}
				}
			}
		}
	}
}
