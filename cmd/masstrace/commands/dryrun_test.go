package commands

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// previewed returns a probe of a hexadecimal packet.
func previewed(t *testing.T, target string, method probe.Method, ttl uint8, packet string) plan.PreviewProbe {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(packet, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return plan.PreviewProbe{Target: probe.AddrFrom(netip.MustParseAddr(target)), TTL: ttl, Method: method, Packet: b}
}

func TestWritePreview(t *testing.T) {
	const (
		v4  = "4500 002c 1234 0000 0511 0000 c0000201 2d100001" // identification 0x1234
		v6  = "600a bcde 0008 3a05 20010db8000000000000000000000001 2a000016000000000000000000000001"
		udp = " 8000 829a 0018 beef 00000000 00000000 00000000 00000000" // ports, length, checksum
		syn = " 8000 0050 00000000 00000000 5002 ffff 00ad 0000 00000000"
	)
	udp4 := previewed(t, "45.16.0.1", probe.UDP, 5, v4+udp)
	syn4 := previewed(t, "45.16.0.1", probe.TCPSYN, 6, v4+syn)
	echo6 := previewed(t, "2a00:16::1", probe.ICMP, 7, v6+" 8000 0a0b 8001 0102")
	tests := []struct {
		name string
		in   plan.Preview
		want string
	}{
		{"scan", plan.Preview{
			Targets: 2, Probes: 64, TTLs: 32, Flows: 1, Attempts: 2, RatePPS: 10_000, Burst: 22, Duration: 2064 * time.Millisecond,
			Windows: 1, WindowTargets: 2, MemoryBytes: 3 << 19, Method: "udp", Seed: "one", Strategy: "complete", OutputBytes: 8750, PackedBytes: 795.4,
			Removed: &record.LeftOut{SpecialPurpose: record.Removed{Prefixes: 1, Addresses: 256}, Excluded: record.Removed{Prefixes: 2000, Addresses: record.MostRemoved}},
			Source4: netip.MustParseAddr("192.0.2.1"), Source6: netip.MustParseAddr("2001:db8::1"), Link: "up0",
			First: []plan.PreviewProbe{udp4, echo6},
		}, `targets   2
left out  256           addresses, 1 prefix (special-purpose; see --allow-reserved)
left out  many          addresses, 2,000 prefixes (by --exclude)
probes    64            32 TTLs × 1 flow, first attempt of 2
rate      10,000 pps    in bursts of up to 22
duration  2.1 s         at most
output    about 8.8 kB  795 bytes as .zst
windows   1             of up to 2 targets
memory    1.5 MiB       at most, for windows
memory    0.0 MiB       for the lists
method    udp
strategy  complete
source    192.0.2.1 2001:db8::1 by up0
seed      one

      target  TTL  flow  id/label  port/id  dport/seq  checksum  length
   45.16.0.1    5     0    0x1234    32768      33434    0xbeef      44
  2a00:16::1    7     0   0xabcde    32769        258    0x0a0b      48
`},
		{"all paths", plan.Preview{
			Targets: 20, Probes: 1200, PerTarget: 60, TTLs: 32, Flows: 1, Attempts: 1, RatePPS: 1000, Burst: 2, Duration: 3200 * time.Millisecond,
			Windows: 1, WindowTargets: 20, Method: "udp", Strategy: "multipath", OutputBytes: 2e5, PackedBytes: 2e4, Seed: "s", SourceErr: errors.New("no route"), First: []plan.PreviewProbe{udp4},
		}, `targets   20
probes    about 1,200   60 to a target on average: load balancers decide
rate      1,000 pps     in bursts of up to 2
duration  about 3.2 s   longer if routers do not answer
output    about 200 kB  20.0 kB as .zst
windows   1             of up to 20 targets
memory    0.0 MiB       at most, for windows
memory    0.0 MiB       for the lists
method    udp
strategy  multipath
source    not known: no route
seed      s

     target  TTL  flow  id/label  port/id  dport/seq  checksum  length
  45.16.0.1    5     0    0x1234    32768      33434    0xbeef      44
`},
		{"a rate to be found, without a route", plan.Preview{
			Targets: 1, Probes: 32, TTLs: 32, Flows: 1, Attempts: 1, RatePPS: 20_000, RateAuto: true, Duration: 2 * time.Second,
			Windows: 1, WindowTargets: 1, Method: "tcp-syn", Strategy: "topology", OutputBytes: 64e9, PackedBytes: 6e9, Seed: "s", SourceErr: errors.New("no route"), First: []plan.PreviewProbe{syn4},
		}, `targets   1
probes    32             32 TTLs × 1 flow, first attempt of 1
rate      auto           20,000 pps at most
duration  not known      2.0 s at that rate
output    about 64.0 GB  6.0 GB as .zst
windows   1              of up to 1 targets
memory    0.0 MiB        at most, for windows
memory    0.0 MiB        for the lists
method    tcp-syn
strategy  topology
source    not known: no route
seed      s

     target  TTL  flow  id/label  port/id  dport/seq  checksum  length
  45.16.0.1    6     0    0x1234    32768         80    0x00ad      44
`},
		{"list", plan.Preview{
			List: "list.txt", Probes: 1, LeftOut: 3, Source4: netip.MustParseAddr("192.0.2.1"), Link: "up0", First: []plan.PreviewProbe{udp4},
		}, `probes    1          of list.txt
left out  3          excluded, or no route for the family
rate      unlimited
duration  not known  as fast as the link allows
source    192.0.2.1 by up0

     target  TTL  flow  id/label  port/id  dport/seq  checksum  length
  45.16.0.1    5     0    0x1234    32768      33434    0xbeef      44
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			if err := writePreview(&out, &tt.in); err != nil || out.String() != tt.want {
				t.Errorf("%v\n%s\nwant\n%s", err, out.String(), tt.want)
			}
		})
	}
}
