package codec

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

func TestEchoReply(t *testing.T) {
	proxy := map[bool]probe.Addr{true: addr("20.9.9.9"), false: addr("2600:7::1")}
	tests := []struct {
		name    string
		from    map[bool]probe.Addr // nil: the target
		edit    func(message []byte) []byte
		want    Verdict
		valid   probe.Validity
		mangled probe.Mangled
	}{
		{name: "from the target", valid: probe.Strong},
		{name: "from elsewhere", from: proxy, valid: probe.Strong},
		{name: "no payload", edit: func(b []byte) []byte { return b[:8] }, valid: probe.Weak, mangled: probe.MangledLen},
		{name: "no payload, from elsewhere", from: proxy, edit: func(b []byte) []byte { return b[:8] }, want: Unrelated},
		{name: "seal only", edit: func(b []byte) []byte { return b[:8+sealLen] }, valid: probe.Strong, mangled: probe.MangledLen},
		{name: "half a seal", edit: func(b []byte) []byte { return b[:8+sealLen-1] }, valid: probe.Weak, mangled: probe.MangledLen},
		{name: "7 octets", edit: func(b []byte) []byte { return b[:7] }, want: Malformed},
		{name: "nothing", edit: func([]byte) []byte { return nil }, want: Malformed},
		{name: "identifier", edit: flip(wire.EchoID), valid: probe.Strong, mangled: probe.MangledID},
		{name: "identifier and checksum", edit: func(b []byte) []byte { b[2] ^= 0x40; b[4] ^= 0x40; return b }, want: Unrelated},
		{name: "checksum", edit: flip(wire.ICMPChecksum), valid: probe.Strong},
		{name: "sequence number", edit: flip(wire.EchoSeq), valid: probe.Weak, mangled: probe.MangledSeq},
		{name: "authenticator", edit: flip(8 + sealMAC), valid: probe.Weak, mangled: probe.MangledPayload},
		{name: "τ", edit: flip(8 + sealTau), valid: probe.Weak, mangled: probe.MangledPayload},
		{name: "zeros for payload", edit: func(b []byte) []byte { clear(b[8:]); return b }, want: Unrelated},
	}
	for _, k := range echoKinds {
		c := newCodec(t, testConfig(k.method))
		r := newRand(60)
		for _, tt := range tests {
			t.Run(k.String()+" "+tt.name, func(t *testing.T) {
				for range 50 {
					p := randProbe(r, c, k.is4)
					message := echoReply(c, p)
					if tt.edit != nil {
						message = tt.edit(message)
					}
					f := probe.Facts{Responder: p.Target, Mangled: 0xffff}
					if tt.from != nil {
						f.Responder = tt.from[k.is4]
					}
					v := c.EchoReply(message, k.is4, &f)
					// Once in 2⁹ a wrong field is valid by chance.
					if v == Conflict && tt.valid == probe.Weak {
						continue
					}
					if v != tt.want || v == Accepted && (f.Probe != p || f.Valid != tt.valid || f.Mangled != tt.mangled) {
						t.Fatalf("verdict %d, mangled %v, %+v; want %+v", v, f.Mangled.AppendNames(nil), f, p)
					}
				}
			})
		}
	}
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		b[at] ^= 0x40
		return b
	}
}

// TestEchoReplyChecksum sees that the pinned checksum comes back as such: with
// the identifier lost it still finds the flow.
func TestEchoReplyChecksum(t *testing.T) {
	for _, k := range echoKinds {
		c := newCodec(t, testConfig(k.method))
		r := newRand(61)
		for range effort.Count(20_000, 200_000) {
			p := randProbe(r, c, k.is4)
			message := echoReply(c, p)
			binary.BigEndian.PutUint16(message[wire.EchoID:], 0)
			f := probe.Facts{Responder: p.Target}
			if v := c.EchoReply(message, k.is4, &f); v != Accepted || f.Probe != p || f.Mangled != probe.MangledID {
				t.Fatalf("%s: %d, %+v; want %+v", k, v, f, p)
			}
		}
	}
}

func TestEchoReplyElsewhere(t *testing.T) {
	p := probe.Probe{Target: addr("20.1.2.3"), TTL: 5}
	icmp := newCodec(t, testConfig(probe.ICMP))
	message := echoReply(icmp, p)
	f := probe.Facts{Responder: p.Target}
	if v := newCodec(t, testConfig(probe.UDP)).EchoReply(message, true, &f); v != Unrelated {
		t.Errorf("UDP run: verdict %d", v)
	}
	only6 := testConfig(probe.ICMP)
	only6.Source4 = netip.Addr{}
	f = probe.Facts{Responder: p.Target}
	if v := newCodec(t, only6).EchoReply(message, true, &f); v != Unrelated {
		t.Errorf("IPv6 run: verdict %d", v)
	}
	mapped := bytes.Clone(message[:8+sealLen])
	mapped = append(mapped, p.Target[:]...)
	f = probe.Facts{Responder: addr("2600::1")}
	if v := icmp.EchoReply(mapped, false, &f); v != Unrelated {
		t.Errorf("IPv4 target in an ICMPv6 payload: verdict %d", v)
	}
}

func TestUDPAnswer(t *testing.T) {
	cfg := testConfig(probe.UDP)
	c := newCodec(t, cfg)
	target := addr("20.1.2.3")
	flow := c.Flow(target, 1)
	tests := []struct {
		name     string
		c        *Codec
		from     probe.Addr
		src, dst uint16
		want     Verdict
	}{
		{"answer", c, target, cfg.DstPort, flow.Value, Accepted},
		{"other port of the target", c, target, 53, flow.Value, Unrelated},
		{"other flow", c, target, cfg.DstPort, flow.Value + 1, Unrelated},
		{"elsewhere", c, addr("20.1.2.4"), cfg.DstPort, flow.Value, Unrelated},
		{"ICMP run", newCodec(t, testConfig(probe.ICMP)), target, cfg.DstPort, flow.Value, Unrelated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := probe.Facts{Responder: tt.from, Mangled: 0xffff, Probe: probe.Probe{TTL: 9, Attempt: 3}}
			v := tt.c.UDPAnswer(tt.src, tt.dst, &f)
			if v != tt.want {
				t.Fatalf("verdict %d, want %d", v, tt.want)
			}
			want := probe.Probe{Target: target, Flow: 1}
			if v == Accepted && (f.Probe != want || f.Kind != probe.KindUDPReply || f.Valid != probe.Weak || f.Mangled != 0) {
				t.Errorf("%+v", f)
			}
		})
	}
}
