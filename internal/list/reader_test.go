package list

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/target"
)

func TestReader(t *testing.T) {
	v4, v6 := probe.AddrFrom(netip.MustParseAddr("192.0.2.9")), probe.AddrFrom(netip.MustParseAddr("2001:db8::9"))
	tests := []struct {
		in   string
		want codec.Line
		err  string
	}{
		{in: "192.0.2.9,24000,33434,7,udp", want: codec.Line{Target: v4, SrcPort: 24000, DstPort: 33434, TTL: 7}},
		{in: "# heading\r\n\r\n ::ffff:192.0.2.9, 24000 ,33434,7,udp\r\n", want: codec.Line{Target: v4, SrcPort: 24000, DstPort: 33434, TTL: 7}},
		{in: "192.0.2.9,24000,33434,7,icmp", want: codec.Line{Target: v4, SrcPort: 24000, TTL: 7, Method: probe.ICMP}},
		{in: "2001:db8::9,24000,0,63,icmp6", want: codec.Line{Target: v6, SrcPort: 24000, TTL: 63, Method: probe.ICMP}},
		{in: "\ufeff192.0.2.9,24000,33434,7,udp # mine", want: codec.Line{Target: v4, SrcPort: 24000, DstPort: 33434, TTL: 7}},
		{in: "; none\n192.0.2.9,24000,33434,7,udp;", want: codec.Line{Target: v4, SrcPort: 24000, DstPort: 33434, TTL: 7}},
		{in: "", err: "EOF"},
		{in: "192.0.2.9,24000,33434,7", err: "x:1: 4 fields"},
		{in: "\nhost,24000,33434,7,udp", err: `x:2: "host" is not a destination address`},
		{in: "192.0.2.9,66000,33434,7,udp", err: `"66000" is not a source port`},
		{in: "192.0.2.9,24000,-1,7,udp", err: `"-1" is not a destination port`},
		{in: "192.0.2.9,24000,33434,x,udp", err: `"x" is not a TTL`},
		{in: "192.0.2.9,24000,33434,0,udp", err: "TTL 0 is not within 1 to 63"},
		{in: "192.0.2.9,24000,33434,64,udp", err: "TTL 64 is not within 1 to 63"},
		{in: "192.0.2.9,24000,33434,7,tcp", err: `protocol "tcp"`},
		{in: "192.0.2.9,24000,33434,7,icmp6", err: "icmp6 does not fit the address family of 192.0.2.9"},
		{in: "2001:db8::9,24000,33434,7,icmp", err: "icmp does not fit the address family of 2001:db8::9"},
		{in: "192.0.2.9,0,33434,7,udp", err: "source port 0"},
		{in: "192.0.2.9,65535,0,7,icmp", err: "source port 65535"},
		{in: "192.0.2.9,24000,0,7,udp", err: "destination port 0"},
	}
	for _, tt := range tests {
		r := &reader{lines: target.NewLineReader("x", strings.NewReader(tt.in))}
		var got codec.Line
		err := r.next(&got)
		if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) || err == nil && got != tt.want {
			t.Errorf("%q: %+v, %v; want %+v, %q", tt.in, got, err, tt.want, tt.err)
		}
	}
}
