package codec

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

func newListed(t testing.TB) *Listed {
	t.Helper()
	l, err := NewListed(ListedConfig{
		Key: Key{7}, Source4: netip.MustParseAddr("192.0.2.1"), Source6: netip.MustParseAddr("2001:db8::1"), TOS: 0x20,
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func randomLine(r *rand.Rand) Line {
	v := Line{
		Target: probe.Addr4From([4]byte{198, 51, byte(r.Uint32()), byte(r.Uint32())}), SrcPort: 1 + uint16(r.Uint32N(65534)),
		DstPort: 1 + uint16(r.Uint32N(65535)), TTL: 1 + uint8(r.Uint32N(63)), Method: probe.Method(r.Uint32N(2)),
	}
	if r.Uint32N(2) == 0 {
		v.Target = probe.AddrFrom(netip.MustParseAddr("2001:db8:9::"))
		v.Target[15] = byte(r.Uint32())
	}
	if v.Method == probe.ICMP {
		v.DstPort = 0
	}
	return v
}

// listedQuotation reads a probe as if it were quoted.
func listedQuotation(b []byte) *wire.Quotation {
	if b[0]>>4 == 4 {
		return &wire.Quotation{
			Is4: true, Src: probe.Addr4From([4]byte(b[12:])), Dst: probe.Addr4From([4]byte(b[16:])), Protocol: b[9],
			TTL: 1, TOS: b[1], ID: uint16(b[4])<<8 | uint16(b[5]), Size: len(b), Headers: 20, Transport: b[20:],
		}
	}
	return &wire.Quotation{
		Src: probe.Addr(b[8:24]), Dst: probe.Addr(b[24:40]), Protocol: b[6], TTL: 1, TOS: b[0]<<4 | b[1]>>4,
		Label: uint32(b[1]&15)<<16 | uint32(b[2])<<8 | uint32(b[3]), Size: len(b), Headers: 40, Transport: b[40:],
	}
}

// Every line comes back as it was sent. gopacket finds the checksums right, and the flow is
// constant. A quotation with a changed bit gives the same probe or no probe.
func TestListed(t *testing.T) {
	l, r := newListed(t), rand.New(rand.NewPCG(1, 2))
	buf := make([]byte, MaxSize)
	for range 20_000 {
		v, attempt := randomLine(r), uint8(r.Uint32N(4))
		if err := v.Check(); err != nil {
			t.Fatal(err)
		}
		b := buf[:l.Encode(buf, &v, attempt)]
		checkListedPacket(t, b, &v)
		q := listedQuotation(b)
		want := probe.Probe{Target: v.Target, Flow: v.SrcPort, TTL: v.TTL, Attempt: attempt}
		var f probe.Facts
		if verdict := l.Quoted(q, &f); verdict != Accepted || f.Probe != want || f.Valid != probe.Strong || f.Mangled != 0 {
			t.Fatalf("%+v: verdict %d, %+v", v, verdict, f)
		}
		i := r.IntN(len(q.Transport) * 8)
		q.Transport[i/8] ^= 1 << (i % 8)
		f = probe.Facts{}
		if l.Quoted(q, &f) == Accepted && (f.Valid != probe.Strong || f.Probe != want) {
			t.Fatalf("%+v with bit %d changed: %+v", v, i, f)
		}
	}
}

func checkListedPacket(t *testing.T, b []byte, v *Line) {
	t.Helper()
	first := layers.LayerTypeIPv4
	if b[0]>>4 == 6 {
		first = layers.LayerTypeIPv6
	}
	p := gopacket.NewPacket(b, first, gopacket.NoCopy)
	var sum uint64
	if v.Method == probe.UDP {
		udp, ok := p.Layer(layers.LayerTypeUDP).(*layers.UDP)
		if !ok || uint16(udp.SrcPort) != v.SrcPort || uint16(udp.DstPort) != v.DstPort || udp.Checksum == 0 {
			t.Fatalf("%+v: %v", v, p)
		}
	}
	n := p.NetworkLayer()
	if v.Method == probe.UDP || !v.Target.Is4() {
		flow := n.NetworkFlow()
		sum = wire.PseudoSum(flow.Src().Raw(), flow.Dst().Raw(), v.Method.Protocol(v.Target.Is4()), len(n.LayerPayload()))
	}
	if wire.Fold(wire.Sum(n.LayerPayload(), sum)) != 0xffff {
		t.Fatalf("%+v: wrong checksum: % x", v, b)
	}
}

// Echo replies come back to their line, wherever they come from.
func TestListedEchoReply(t *testing.T) {
	l, r := newListed(t), rand.New(rand.NewPCG(3, 4))
	buf := make([]byte, MaxSize)
	for range 2000 {
		v := randomLine(r)
		v.Method, v.DstPort = probe.ICMP, 0
		b := buf[:l.Encode(buf, &v, 1)]
		is4 := v.Target.Is4()
		message := b[l.methods[1].template(is4).header:]
		var f probe.Facts
		want := probe.Probe{Target: v.Target, Flow: v.SrcPort, TTL: v.TTL, Attempt: 1}
		if verdict := l.EchoReply(message, is4, &f); verdict != Accepted || f.Probe != want || f.Valid != probe.Strong {
			t.Fatalf("%+v: verdict %d, %+v", v, verdict, f)
		}
		message[wire.EchoSeq]++
		if l.EchoReply(message, is4, &f) == Accepted {
			t.Fatalf("%+v: a wrong sequence number is accepted", v)
		}
	}
}

// Of random quotations none is accepted: one tag is not enough.
func TestListedForged(t *testing.T) {
	l, r := newListed(t), rand.New(rand.NewPCG(5, 6))
	buf := make([]byte, MaxSize)
	accepted := 0
	for range 200_000 {
		v := randomLine(r)
		b := buf[:l.Encode(buf, &v, 0)]
		q := listedQuotation(b)
		for i := 2; i < len(q.Transport); i++ {
			if v.Method == probe.UDP && i < 4 {
				continue
			}
			q.Transport[i] = byte(r.Uint32())
		}
		q.ID = uint16(r.Uint32())
		if v.Method == probe.ICMP {
			q.Transport[1] = 0
		}
		var f probe.Facts
		if l.Quoted(q, &f) == Accepted {
			accepted++
		}
	}
	// Each passes once in some 2¹⁶/4 tags of each kind, squared, over 4·63 probes.
	if accepted > 1 {
		t.Errorf("%d random quotations were accepted", accepted)
	}
}

func TestListedAllocs(t *testing.T) {
	l, r := newListed(t), rand.New(rand.NewPCG(7, 8))
	buf := make([]byte, MaxSize)
	v := randomLine(r)
	var f probe.Facts
	n := l.Encode(buf, &v, 0)
	q := listedQuotation(buf[:n])
	if n := testing.AllocsPerRun(100, func() { l.Encode(buf, &v, 0); l.Quoted(q, &f) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
