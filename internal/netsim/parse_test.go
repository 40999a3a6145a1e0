package netsim

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// TestJudging checks that a packet that a strict host would drop gets no answer.
func TestJudging(t *testing.T) {
	base := testProbe{method: "udp", ttl: 2, sport: 40000, dport: 33434, id: 7, payload: 11}
	v4, v6 := base, base
	v4.dst, v6.dst = netip.MustParseAddr("193.0.9.9"), netip.MustParseAddr("2a02:7::1")
	with := func(p testProbe, change func(b []byte) []byte) []byte { return change(p.build(t)) }
	echo := v4
	echo.method = "icmp"
	tests := []struct {
		name string
		b    []byte
		want Fate
	}{
		{"right 4", v4.build(t), Answered},
		{"right 6", v6.build(t), Answered},
		{"padded by the link", append(v4.build(t), 0, 0, 0), Answered},
		{"IP checksum", with(v4, func(b []byte) []byte { b[10] ^= 1; return b }), BadIPChecksum},
		{"UDP checksum 4", with(v4, func(b []byte) []byte { b[30] ^= 1; return b }), BadChecksum},
		{"UDP checksum 6", with(v6, func(b []byte) []byte { b[50] ^= 1; return b }), BadChecksum},
		{"UDP no checksum 4", with(v4, func(b []byte) []byte { b[26], b[27] = 0, 0; return b }), Answered},
		{"UDP no checksum 6", with(v6, func(b []byte) []byte { b[46], b[47] = 0, 0; return b }), BadChecksum},
		{"ICMP checksum", with(echo, func(b []byte) []byte { b[22] ^= 1; return b }), BadChecksum},
		{"UDP length", with(v4, func(b []byte) []byte { b[25]--; return b }), Malformed},
		{"cut short", v4.build(t)[:30], Malformed},
		{"hop limit 0", with(v6, func(b []byte) []byte { b[7] = 0; return b }), HopLimitZero},
		{"fragment", with(v4, func(b []byte) []byte { b[6] |= 0x20; resum(b); return b }), Fragment},
		{"GRE", with(v4, func(b []byte) []byte { b[9] = 47; resum(b); return b }), UnknownProtocol},
		{"multicast", with(v4, func(b []byte) []byte { b[16] = 224; resum(b); return b }), MartianAddress},
		{"ICMP error", with(echo, func(b []byte) []byte {
			b[20] = 3
			b[22], b[23] = 0, 0
			c := fold(sum(0, b[20:]))
			b[22], b[23] = uint8(c>>8), uint8(c)
			return b
		}), ICMPErrorIgnored},
		{"empty", nil, Malformed},
		{"version 5", append([]byte{0x55}, make([]byte, 40)...), Malformed},
	}
	s := newSim(t, preset(t, "clean"))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec, out := send(s, 0, tt.b)
			if rec.Fate != tt.want || (len(out) > 0) != (tt.want == Answered) {
				t.Errorf("fate %v, %d replies; want %v", rec.Fate, len(out), tt.want)
			}
		})
	}
}

func FuzzHandle(f *testing.F) {
	r := rand.New(rand.NewPCG(15, 16))
	for range 20 {
		f.Add(randomProbe(r, 30).build(f))
	}
	cfg := Default()
	cfg.Noise, cfg.NATSource, cfg.MangleLength = 1, 0.3, 0.3
	s := newSim(f, cfg)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, fix := range []func([]byte){func([]byte) {}, fixSums} {
			fix(b)
			rec := s.Handle(1, b, func(_ int64, out []byte) {
				if len(out) > maxBuffer {
					t.Fatalf("%d octets", len(out))
				}
			})
			if rec.Fate >= numFates {
				t.Fatalf("fate %d", rec.Fate)
			}
		}
	})
}

// fixSums corrects lengths and checksums if it can, so that random packets pass the checks.
func fixSums(b []byte) {
	if len(b) < 48 {
		return
	}
	var p packet
	if b[0]>>4 == 4 {
		b[0], b[6], b[7], b[2], b[3] = 0x45, 0, 0, uint8(len(b)>>8), uint8(len(b))
		resum(b)
		p.parse4(b)
	} else {
		b[0], b[4], b[5] = 0x60|b[0]&15, uint8((len(b)-40)>>8), uint8(len(b)-40)
		p.parse6(b)
	}
	at := checksumAt(p.flow.proto)
	if at+2 > len(p.l4) {
		return
	}
	if p.flow.proto == protoUDP {
		p.l4[4], p.l4[5] = uint8(len(p.l4)>>8), uint8(len(p.l4))
	}
	e := envelope{src: p.flow.src, dst: p.flow.dst, proto: p.flow.proto}
	e.seal(p.l4, at)
}
