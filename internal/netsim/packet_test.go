package netsim

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

var (
	vantage4 = netip.MustParseAddr("5.10.20.30")
	vantage6 = netip.MustParseAddr("2a01:5:6::30")
)

func vantage(dst netip.Addr) netip.Addr {
	if dst.Is4() {
		return vantage4
	}
	return vantage6
}

// testProbe describes a probe; build makes its octets with gopacket.
type testProbe struct {
	dst      netip.Addr
	method   string // udp, icmp, syn, ack, rst
	ttl, tos uint8
	sport    uint16 // ICMP: identifier
	dport    uint16
	id       uint16 // IP identification
	seq, ack uint32 // ICMP: sequence number
	label    uint32
	payload  int
	from     [2]netip.Addr // IPv4 and IPv6; zero: that of vantage
}

var methods = []string{"udp", "icmp", "syn", "ack"}

// src returns the source address.
func (p testProbe) src() netip.Addr {
	switch {
	case !p.from[0].IsValid():
		return vantage(p.dst)
	case p.dst.Is4():
		return p.from[0]
	}
	return p.from[1]
}

func (p testProbe) build(t testing.TB) []byte {
	t.Helper()
	src := p.src()
	var ls []gopacket.SerializableLayer
	var network gopacket.NetworkLayer
	proto := map[string]layers.IPProtocol{"udp": 17, "icmp": 1}[p.method]
	if proto == 0 {
		proto = 6
	}
	if p.dst.Is4() {
		ip := &layers.IPv4{Version: 4, TTL: p.ttl, TOS: p.tos, Id: p.id, Protocol: proto,
			SrcIP: src.AsSlice(), DstIP: p.dst.AsSlice()}
		ls, network = append(ls, ip), ip
	} else {
		if proto == 1 {
			proto = 58
		}
		ip := &layers.IPv6{Version: 6, HopLimit: p.ttl, TrafficClass: p.tos, FlowLabel: p.label,
			NextHeader: proto, SrcIP: src.AsSlice(), DstIP: p.dst.AsSlice()}
		ls, network = append(ls, ip), ip
	}
	switch proto {
	case 17:
		u := &layers.UDP{SrcPort: layers.UDPPort(p.sport), DstPort: layers.UDPPort(p.dport)}
		must(t, u.SetNetworkLayerForChecksum(network))
		ls = append(ls, u)
	case 6:
		c := &layers.TCP{SrcPort: layers.TCPPort(p.sport), DstPort: layers.TCPPort(p.dport),
			Seq: p.seq, Ack: p.ack, Window: 1024,
			SYN: p.method == "syn", ACK: p.method == "ack", RST: p.method == "rst"}
		must(t, c.SetNetworkLayerForChecksum(network))
		ls = append(ls, c)
	case 1:
		ls = append(ls, &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: p.sport, Seq: uint16(p.seq)})
	case 58:
		i := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(128, 0)}
		must(t, i.SetNetworkLayerForChecksum(network))
		ls = append(ls, i, &layers.ICMPv6Echo{Identifier: p.sport, SeqNumber: uint16(p.seq)})
	}
	if p.payload > 0 {
		ls = append(ls, gopacket.Payload(make([]byte, p.payload)))
	}
	buf := gopacket.NewSerializeBuffer()
	must(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...))
	b := buf.Bytes()
	if u := b[headerLen(family(p.dst.Is6())):]; proto == 17 && u[6]|u[7] == 0 {
		u[6], u[7] = 0xff, 0xff // gopacket writes 0, which means none
	}
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newSim(t testing.TB, cfg Config) *Sim {
	t.Helper()
	s, err := New(cfg)
	must(t, err)
	return s
}

func preset(t testing.TB, name string) Config {
	t.Helper()
	cfg, err := Preset(name)
	must(t, err)
	return cfg
}

// randomDst returns a routable address.
func randomDst(r *rand.Rand, six family) netip.Addr {
	for {
		a := addr4(r.Uint32())
		if six {
			a = addr{r.Uint64()>>3 | 1<<61, r.Uint64()}
		}
		if reachOf(a) == routable {
			return a.netip()
		}
	}
}

// randomProbe returns a probe of any method with a TTL up to most.
func randomProbe(r *rand.Rand, most int) testProbe {
	p := testProbe{dst: randomDst(r, family(r.IntN(2) == 0)), method: methods[r.IntN(len(methods))],
		ttl: uint8(1 + r.IntN(most)), sport: uint16(0x8000 | r.IntN(0x7fff)), dport: 33434,
		id: uint16(1 + r.IntN(65535)), seq: r.Uint32(), label: uint32(1 + r.IntN(1<<20-1)),
		payload: r.IntN(60)}
	if p.method == "syn" {
		p.dport = 80
	}
	if p.method == "ack" {
		p.ack = p.seq
	}
	return p
}

// reply is an emitted packet.
type reply struct {
	due int64
	b   []byte
}

// send passes a packet to s and collects the packets that come back.
func send(s *Sim, now int64, b []byte) (*Record, []reply) {
	var out []reply
	rec := s.Handle(now, b, func(due int64, p []byte) {
		out = append(out, reply{due, append([]byte(nil), p...)})
	})
	return rec, out
}

// witness is gopacket's decoding of an emitted packet.
type witness struct {
	src, dst   netip.Addr
	ttl        uint8
	proto      layers.IPProtocol
	kind, code uint8 // ICMP
	body       []byte
	tcp        *layers.TCP
	udp        *layers.UDP
	id, seq    uint16
}

// decode decodes b with gopacket and checks checksums: gopacket writes the same layers with
// checksums of its own.
func decode(b []byte) (w witness, err error) {
	first := layers.LayerTypeIPv4
	if b[0]>>4 == 6 {
		first = layers.LayerTypeIPv6
	}
	p := gopacket.NewPacket(b, first, gopacket.Default)
	if e := p.ErrorLayer(); e != nil {
		return w, e.Error()
	}
	var network gopacket.NetworkLayer
	var ls []gopacket.SerializableLayer
	var payload []byte
	if ip, ok := p.NetworkLayer().(*layers.IPv4); ok {
		w.src, _ = netip.AddrFromSlice(ip.SrcIP)
		w.dst, _ = netip.AddrFromSlice(ip.DstIP)
		w.ttl, w.proto, network, payload = ip.TTL, ip.Protocol, ip, ip.Payload
		if int(ip.Length) != len(b) {
			return w, fmt.Errorf("length %d of %d", ip.Length, len(b))
		}
		ls = append(ls, ip)
	} else {
		ip := p.NetworkLayer().(*layers.IPv6)
		w.src, _ = netip.AddrFromSlice(ip.SrcIP)
		w.dst, _ = netip.AddrFromSlice(ip.DstIP)
		w.ttl, w.proto, network, payload = ip.HopLimit, ip.NextHeader, ip, ip.Payload
		if int(ip.Length)+40 != len(b) {
			return w, fmt.Errorf("length %d of %d", ip.Length, len(b))
		}
		ls = append(ls, ip)
	}
	switch w.proto {
	case 1:
		i := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4)
		w.kind, w.code, w.body, w.id, w.seq = i.TypeCode.Type(), i.TypeCode.Code(), i.Payload, i.Id, i.Seq
		ls = append(ls, i, gopacket.Payload(i.Payload))
	case 58:
		i := p.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6)
		i.SetNetworkLayerForChecksum(network)
		w.kind, w.code, w.body = i.TypeCode.Type(), i.TypeCode.Code(), i.Payload[4:]
		if w.kind == 129 {
			w.id = uint16(i.Payload[0])<<8 | uint16(i.Payload[1])
			w.seq = uint16(i.Payload[2])<<8 | uint16(i.Payload[3])
		}
		ls = append(ls, i, gopacket.Payload(i.Payload))
	case 6:
		w.tcp = p.Layer(layers.LayerTypeTCP).(*layers.TCP)
		w.tcp.SetNetworkLayerForChecksum(network)
		ls = append(ls, w.tcp, gopacket.Payload(w.tcp.Payload))
	case 17:
		w.udp = p.Layer(layers.LayerTypeUDP).(*layers.UDP)
		w.udp.SetNetworkLayerForChecksum(network)
		ls = append(ls, w.udp, gopacket.Payload(w.udp.Payload))
	default:
		return w, fmt.Errorf("protocol %v, %d octets", w.proto, len(payload))
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{ComputeChecksums: true, FixLengths: true}, ls...); err != nil {
		return w, err
	}
	if got := buf.Bytes(); string(got) != string(b) {
		return w, fmt.Errorf("gopacket writes\n% x, not\n% x", got, b)
	}
	return w, nil
}
