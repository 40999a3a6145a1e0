package ndjson

import (
	"net/netip"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/internal/wire"
)

// Addresses of the samples (RFC 5737, RFC 3849).
var (
	source4 = addr("192.0.2.1")
	target4 = addr("198.51.100.9")
	source6 = addr("2001:db8::1")
	target6 = addr("2001:db8:9::9")
)

func addr(s string) probe.Addr { return probe.AddrFrom(netip.MustParseAddr(s)) }

// start is when all samples began: 2026-09-21T14:13:21.101222333Z.
const start = 1790000001101222333

var testConfig = Config{Kinds: record.Both, Run: "01JX", Hostname: "vp1"}

// sample is a closed trace, and its replies as they came: those of its hops,
// duplicates, late ones and others.
type sample struct {
	name    string
	trace   *record.Trace
	replies []record.Hop
	reply   *record.Reply // room for the one that is written
}

// udp4 returns an open trace, UDP over IPv4, of n routers.
func udp4(n int) *record.Trace {
	t := &record.Trace{
		Head: record.Head{
			Target: target4, Source: source4, Method: probe.UDP,
			Flow: probe.Flow{Value: 41021}, DstPort: 33434, ProbeSize: 44,
		},
		FirstTTL: 1, MaxTTL: 16, Attempts: 2, Wait: 2 * time.Second, Start: start,
	}
	for ttl := 1; ttl <= n; ttl++ {
		add(t, udp4Hop(uint8(ttl)))
	}
	return t
}

func udp4Hop(ttl uint8) record.Hop {
	h := record.Hop{Sent: start + int64(ttl)*1e6, RTT: int64(ttl) * 1234567}
	h.Facts = probe.Facts{
		Probe: probe.Probe{Target: target4, TTL: ttl},
		Stamp: h.Sent + h.RTT, Responder: probe.Addr4From([4]byte{203, 0, 113, ttl}),
		Kind: probe.KindTTLExceeded, Valid: probe.Strong,
		Protocol: probe.ProtoICMP, Type: wire.ICMPv4TimeExceeded,
		ReplyTTL: 255 - ttl, ReplyTOS: 0xc0, ReplyID: 4711, ReplySize: 56,
		HasQuote: true, QuotedTTL: 1, QuotedID: 51234, QuotedLen: 28, QuotedSize: 44,
	}
	return h
}

// icmp6 returns an open trace, ICMP over IPv6, of n routers.
func icmp6(n int) *record.Trace {
	t := &record.Trace{
		Head: record.Head{
			Target: target6, Source: source6, Method: probe.ICMP, FlowIndex: 1,
			Flow: probe.Flow{Value: 41021, Label: 0x12345}, DstPort: 33434, TOS: 8, ProbeSize: 64,
		},
		FirstTTL: 1, MaxTTL: 16, Attempts: 1, Wait: 1500 * time.Millisecond, Start: start,
	}
	for ttl := 1; ttl <= n; ttl++ {
		h := udp4Hop(uint8(ttl))
		h.Target, h.Flow = target6, 1
		h.Responder = addr("2001:db8:1::")
		h.Responder[15] = uint8(ttl)
		h.Protocol, h.Type = probe.ProtoICMPv6, wire.ICMPv6TimeExceeded
		h.ReplyID, h.QuotedID, h.ReplySize, h.QuotedLen, h.QuotedSize = 0, 0, 112, 64, 64
		add(t, h)
	}
	return t
}

func tcp4(n int, m probe.Method) *record.Trace {
	t := udp4(n)
	t.Method, t.DstPort, t.ProbeSize = m, 443, 40
	return t
}

// add puts an answered probe into t.
func add(t *record.Trace, h record.Hop) {
	t.Hops = append(t.Hops, h)
	t.ProbeCount++
	t.Answered++
}

// silence puts an unanswered probe into t.
func silence(t *record.Trace, ttl, attempt uint8) {
	t.Silent = append(t.Silent, record.TTLAttempt{TTL: ttl, Attempt: attempt})
	t.ProbeCount++
}

// answer is the target's, with ttl sent.
func answer(t *record.Trace, ttl uint8, kind probe.Kind) record.Hop {
	h := udp4Hop(ttl)
	h.Target, h.Responder, h.Kind = t.Target, t.Target, kind
	switch kind {
	case probe.KindPortUnreach:
		h.Type, h.Code = wire.ICMPv4Unreachable, 3
	case probe.KindEchoReply:
		h.Protocol, h.Type, h.ReplyID = probe.ProtoICMPv6, wire.ICMPv6EchoReply, 0
	default:
		h.Protocol, h.Type = probe.ProtoTCP, 0
		if kind == probe.KindUDPReply {
			h.Protocol = probe.ProtoUDP
		}
	}
	if kind != probe.KindPortUnreach {
		h.HasQuote, h.QuotedTTL, h.QuotedID, h.QuotedLen, h.QuotedSize = false, 0, 0, 0, 0
	}
	return h
}

// Extension structures of the samples.
func mplsExt() []byte {
	stack := wire.Label{Label: 29657, EXP: 5, TTL: 1}.AppendTo(nil)
	stack = wire.Label{Label: 16, S: 1, TTL: 254}.AppendTo(stack)
	return wire.AppendExtension(nil, wire.Object{
		Class: wire.ClassMPLS, CType: wire.CTypeIncomingMPLS, Payload: stack,
	})
}

func ifaceExt() []byte {
	in := wire.Interface{
		Role: wire.RoleIncoming, Index: 7, Addr: netip.MustParseAddr("203.0.113.130"),
		Name: []byte("xe-0/0/1\x1b\"\\\xff\u2028ü"), MTU: 9192,
	}
	out := wire.Interface{Role: wire.RoleNextHop, Addr: netip.MustParseAddr("2001:db8::5")}
	p, c := in.AppendTo(nil)
	q, d := out.AppendTo(nil)
	return wire.AppendExtension(nil,
		wire.Object{Class: wire.ClassInterface, CType: c, Payload: p},
		wire.Object{Class: wire.ClassInterface, CType: d, Payload: q},
		wire.Object{Class: wire.ClassInterface, CType: c, Payload: []byte{0, 0}}, // cut
		wire.Object{Class: 200, CType: 3, Payload: []byte{0xde, 0xad}})
}

// samples are made anew by each call, and closed.
func samples() []sample {
	list := []sample{
		sampleUDP4(), sampleICMP6(), sampleMPLS(), sampleInterfaces(), sampleUnreach(), sampleSilent(),
		sampleHalted(), sampleMangled(), sampleTCP(), sampleTCPACK(), sampleOdd(),
	}
	for i := range list {
		list[i].reply = new(record.Reply)
		trace.Close(list[i].trace)
	}
	return list
}

func sampleUDP4() sample {
	t := udp4(3)
	for ttl := uint8(4); ttl <= 6; ttl++ {
		h := answer(t, ttl, probe.KindPortUnreach)
		h.QuotedTTL = ttl - 3
		add(t, h)
	}
	replies := append([]record.Hop(nil), t.Hops...)
	copied := t.Hops[1]
	copied.Stamp, copied.Dup = copied.Stamp+5e6, 1
	late := t.Hops[2]
	late.Attempt, late.Late, late.Sent, late.RTT = 1, true, 0, 0
	return sample{name: "udp4", trace: t, replies: append(replies, copied, late)}
}

func sampleICMP6() sample {
	t := icmp6(2)
	add(t, answer(t, 3, probe.KindEchoReply))
	return sample{name: "icmp6", trace: t, replies: append([]record.Hop(nil), t.Hops...)}
}

func sampleMPLS() sample {
	t := udp4(2)
	t.Hops[0].Ext, t.Hops[0].QuotedLen = mplsExt(), 128
	t.Hops[1].Ext = mplsExt()
	t.Hops[1].Ext[2] ^= 0xff // a bad checksum
	return sample{name: "mpls", trace: t, replies: append([]record.Hop(nil), t.Hops...)}
}

func sampleInterfaces() sample {
	t := udp4(2)
	t.Hops[0].Ext = ifaceExt()
	t.Hops[1].Ext = []byte{0x20, 0, 0, 0, 0, 4, 1, 1} // 0 labels, no checksum
	return sample{name: "interfaces", trace: t, replies: append([]record.Hop(nil), t.Hops...)}
}

func sampleUnreach() sample {
	t := udp4(3)
	t.Hops[2].Kind, t.Hops[2].Type, t.Hops[2].Code = probe.KindAdmin, wire.ICMPv4Unreachable, 13
	silence(t, 4, 0)
	silence(t, 4, 1)
	return sample{name: "unreach", trace: t, replies: append([]record.Hop(nil), t.Hops...)}
}

func sampleSilent() sample {
	t := udp4(0)
	for ttl := uint8(1); ttl <= 16; ttl++ {
		silence(t, ttl, 0)
		silence(t, ttl, 1)
	}
	t.RateLimited, t.UnderDrops = []uint8{2, 5}, []uint8{15, 16}
	return sample{name: "silent", trace: t, replies: nil}
}

func sampleHalted() sample {
	t := udp4(3)
	t.Hops[2].Responder = t.Hops[0].Responder // a loop
	silence(t, 9, 0)
	t.Halted = true
	return sample{name: "halted", trace: t, replies: nil}
}

func sampleMangled() sample {
	t := udp4(3)
	t.Hops[1].Valid, t.Hops[1].Mangled = probe.Weak, probe.MangledCsum|probe.MangledSource
	t.Hops[2].Valid, t.Hops[2].Mangled = probe.Unverified, 1<<9-1
	silence(t, 4, 0)
	return sample{name: "mangled", trace: t, replies: append([]record.Hop(nil), t.Hops...)}
}

func sampleTCP() sample {
	t := tcp4(2, probe.TCPSYN)
	h := answer(t, 3, probe.KindSYNACK)
	h.TCPFlags = 0x12
	add(t, h)
	return sample{name: "tcp-syn", trace: t, replies: append([]record.Hop(nil), t.Hops...)}
}

func sampleTCPACK() sample {
	t := tcp4(2, probe.TCPACK)
	h := answer(t, 3, probe.KindRST)
	h.TCPFlags, h.Attempt = 0x04, 1
	silence(t, 3, 0)
	add(t, h)
	return sample{name: "tcp-ack", trace: t, replies: append([]record.Hop(nil), t.Hops...)}
}

// sampleOdd returns unusual values: a datagram from the target, a next-hop MTU too large
// for scamper, an RTT too large for caracal, unknown times.
func sampleOdd() sample {
	t := udp4(4)
	t.Hops[1].Kind, t.Hops[1].Type, t.Hops[1].Code = probe.KindFragNeeded, wire.ICMPv4Unreachable, 4
	t.Hops[1].MTU = 1400
	t.Hops[2].Kind, t.Hops[2].MTU = probe.KindPacketTooBig, 1<<32-1
	t.Hops[2].RTT, t.Hops[2].Lagged = 7e9, true
	t.Hops[3].Sent, t.Hops[3].RTT = 0, 0
	t.Touched = true
	datagram := answer(t, 0, probe.KindUDPReply)
	datagram.Sent, datagram.RTT = 0, 0
	return sample{name: "odd", trace: t, replies: append(append([]record.Hop(nil), t.Hops...), datagram)}
}

// sampleAnnotated returns a trace with the entries of databases for its addresses.
func sampleAnnotated() sample {
	t := udp4(4)
	as := &record.Annotation{
		ASN: []uint32{64500, 4200000000}, ASNSource: "pfx2as.txt.gz", ASName: "EXAMPLE \"\u202e\\", Prefix: netip.MustParsePrefix("203.0.113.0/24"),
		Country: "DE", Name: "core1.example.net",
	}
	member := &record.Annotation{ASN: []uint32{0}, ASNSource: "pdb.json", IXP: "Example-IX S\u00fcd", Prefix: netip.MustParsePrefix("2001:db8::/64")}
	t.Hops[0].Annotation, t.Hops[1].Annotation, t.Hops[3].Annotation = as, member, &record.Annotation{Country: "FR"}
	silence(t, 5, 0)
	t.AddInferred(record.Interface{TTL: 1, Addr: source4}, nil)
	t.AddInferred(record.Interface{TTL: 2, Addr: source4}, as)
	t.TargetAnnotation = &record.Annotation{Name: "target"}
	t.ASPath = []record.PathPart{
		{First: 1, Last: 1, Kind: record.PathAS, ASN: as.ASN}, {First: 2, Last: 2, Kind: record.PathIXP, ASN: member.ASN, IXP: member.IXP},
		{First: 3, Last: 4, Kind: record.PathUnknown}, {First: 5, Last: 5, Kind: record.PathSilent},
	}
	trace.Close(t)
	return sample{name: "annotated", trace: t}
}
