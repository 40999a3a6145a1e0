package receiver

import (
	"net/netip"
	"testing"

	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
)

// An authentic time exceeded from an address that no host has is counted, and no reply. If the
// address is the target, it is one.
func TestResponders(t *testing.T) {
	for _, tt := range []struct {
		from    string
		refused bool
	}{
		{"0.0.0.0", true}, {"0.1.2.3", true}, {"127.0.0.1", true}, {"127.9.9.9", true}, {"224.0.0.1", true},
		{"239.255.255.255", true}, {"255.255.255.255", true}, {source4.String(), true},
		{"1.0.0.0", false}, {"126.1.1.1", false}, {"128.0.0.1", false}, {"223.255.255.255", false}, {"240.0.0.1", false},
		{"255.255.255.254", false}, {"10.0.0.1", false}, {"169.254.1.1", false}, {"100.64.0.1", false}, {"45.1.2.4", false},
		{"::", true}, {"::1", true}, {"ff02::1", true}, {source6.String(), true},
		{"::ffff:0.0.0.0", true}, {"::ffff:127.0.0.1", true}, {"::ffff:224.0.0.1", true}, {"::ffff:255.255.255.255", true},
		{"::2", false}, {"::1.2.3.4", false}, {"::ffff:203.0.113.1", false}, {"fe80::1", false}, {"64:ff9b::1.2.3.4", false},
		{"100::1", false}, {"2a00:1::8", false}, {"fd00::1", false},
	} {
		addr := netip.MustParseAddr(tt.from)
		from, is4 := probe.AddrFrom(addr), addr.Is4()
		c := newCodec(t, probe.UDP)
		answer := func(p probe.Probe) []byte {
			q := quoted(sent(c, p), 0)
			if is4 {
				return ip4(from, 1, nil, icmp4(11, 0, 0, q))
			}
			return ip6(from, 58, nil, icmp6(from, 3, 0, 0, q))
		}
		want, text := reply, func(r *probe.Reply) bool { return r.Source() == addr }
		if tt.refused {
			want = verdicts{}
		}
		runFrames(t, probe.UDP, layers.LinkTypeRaw, []frameTest{{tt.from, answer(asked(is4)), want, text}})
		d, heard := newDecoder(t, c, layers.LinkTypeRaw)
		var r probe.Reply
		if v := d.decode(answer(asked(is4)), &r); (v == codec.BadResponder) != tt.refused || d.accept(v) == tt.refused {
			t.Errorf("%s: %v", tt.from, v)
		}
		if got := heard.Rejected.Responder.Load() == 1; got != tt.refused {
			t.Errorf("%s: counted %t, want %t", tt.from, got, tt.refused)
		}
		if addr.Is4In6() {
			continue // no target is
		}
		self := asked(is4)
		self.Target = from
		if v := d.decode(answer(self), &r); v != codec.Accepted {
			t.Errorf("%s, as the target: %v", tt.from, v)
		}
	}
}

// Only an ICMPv6 error may come from an IPv4-mapped address: an answer of a transport layer would
// count for the IPv4 target with that address.
func TestMappedAnswer(t *testing.T) {
	c := newCodec(t, probe.UDP)
	flow := c.Flow(target4, 0).Value
	datagram := []byte{33434 >> 8, 33434 & 0xff, byte(flow >> 8), byte(flow), 0, 8, 0, 0}
	runFrames(t, probe.UDP, layers.LinkTypeRaw, []frameTest{
		{"datagram", ip4(target4, 17, nil, datagram), reply, nil},
		{"datagram from the mapped address", ip6(target4, 17, nil, datagram), unrelated, nil},
	})
}
