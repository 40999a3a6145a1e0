package codec

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// TestFlowStability encodes probes of random targets and flows under random configurations at
// random TTLs and attempts. The fields that a load balancer may hash must not change. Every
// checksum must be the one that gopacket writes.
func TestFlowStability(t *testing.T) {
	n := effort.Count(10_000, 100_000)
	for i, k := range kinds {
		t.Run(k.String(), func(t *testing.T) {
			r := newRand(uint64(i))
			var w witness
			var c *Codec
			for j := range n / len(kinds) {
				if j%50 == 0 {
					c = newCodec(t, randConfig(r, k.method))
				}
				p := randProbe(r, c, k.is4)
				checkStable(t, r, c, &w, p)
				if t.Failed() {
					t.Fatalf("configuration %+v", c.cfg)
				}
			}
		})
	}
}

func checkStable(t *testing.T, r *rand.Rand, c *Codec, w *witness, p probe.Probe) {
	t.Helper()
	flow := c.Flow(p.Target, p.Flow)
	first := encode(c, p)
	for range 4 {
		again := randProbe(r, c, p.Target.Is4())
		again.Target, again.Flow = p.Target, p.Flow
		b := encode(c, again)
		if len(b) != c.Size(p.Target.Is4()) || !bytes.Equal(hashed(b), hashed(first)) {
			t.Errorf("%+v: % x and % x are not one flow", again, b, first)
		}
		if !c.carries(b, again, flow) {
			t.Errorf("%+v: % x does not say so, or holds a zero", again, b)
		}
		if fresh := w.serialize(t, b); !bytes.Equal(fresh, b) {
			t.Errorf("%+v: % x, gopacket writes % x", again, b, fresh)
		}
	}
}

// hashed returns the octets of an IP packet that load balancers may hash, lengths included. It
// also returns DF, which must not change either.
func hashed(b []byte) []byte {
	if b[0]>>4 == 6 {
		return append(bytes.Clone(b[:7]), b[8:44]...)
	}
	h := append(bytes.Clone(b[:4]), b[6:8]...)
	return append(append(h, b[9]), b[12:24]...)
}

// carries reports whether a packet has the constants that it should have.
func (c *Codec) carries(b []byte, p probe.Probe, f probe.Flow) bool {
	is4 := p.Target.Is4()
	at, ttl := 40, b[7]
	if is4 {
		at, ttl = 20, b[8]
		if b[1] != c.cfg.TOS || binary.BigEndian.Uint16(b[4:]) == 0 || binary.BigEndian.Uint16(b[6:]) != 0 {
			return false
		}
	} else if word := binary.BigEndian.Uint32(b); uint8(word>>20) != c.cfg.TOS || word&0xfffff != f.Label || f.Label == 0 {
		return false
	}
	if f.Value == 0 || f.Value == 0xffff || ttl != p.TTL {
		return false
	}
	words := [4]uint16{}
	for i := range words {
		words[i] = binary.BigEndian.Uint16(b[at+2*i:])
	}
	switch {
	case c.cfg.Method == probe.TCPSYN || c.cfg.Method == probe.TCPACK:
		return words[0] == f.Value && words[1] == c.cfg.DstPort && c.carriesTCP(b[at:])
	case c.cfg.Method == probe.UDP:
		return words[0] == f.Value && words[1] == c.cfg.DstPort && words[3] != 0
	case is4:
		return words[0] == 8<<8 && words[1] == f.Value && words[2] == f.Value
	default:
		return words[0] == 128<<8 && words[1] == f.Value && words[2] == f.Value
	}
}

// carriesTCP reports whether a segment is a SYN with a maximum segment size, or
// an ACK that acknowledges its own sequence number, and no more.
func (c *Codec) carriesTCP(b []byte) bool {
	if c.cfg.Method == probe.TCPSYN {
		mss := binary.BigEndian.Uint16(b[22:])
		return len(b) == 24 && b[12] == 6<<4 && b[13] == 0x02 && b[20] == 2 && b[21] == 4 &&
			(mss == 1460 || mss == 1440) && binary.BigEndian.Uint32(b[8:]) == 0
	}
	return len(b) == 20 && b[12] == 5<<4 && b[13] == 0x10 && bytes.Equal(b[4:8], b[8:12])
}

// randConfig returns a configuration with random addresses, of which some are
// full of ones, so that sums carry.
func randConfig(r *rand.Rand, m probe.Method) Config {
	cfg := testConfig(m)
	fill(r, cfg.Seed[:])
	fill(r, cfg.Key[:])
	s4, s6 := randTarget(r, true), randTarget(r, false)
	for i := 2 + r.IntN(30); i < 16; i++ {
		s6[i] = 0xff
	}
	cfg.Source4, cfg.Source6 = s4.Netip(), s6.Netip()
	cfg.DstPort, cfg.TOS = uint16(r.Uint32()), uint8(r.Uint32())
	cfg.MinTTL, cfg.MaxTTL, cfg.Attempts, cfg.Flows = 1, probe.MaxTTL, probe.MaxAttempts, 1+r.IntN(70)
	return cfg
}

// witness decodes packets with gopacket and writes them again.
type witness struct{ buf gopacket.SerializeBuffer }

func (w *witness) serialize(t *testing.T, b []byte) []byte {
	t.Helper()
	if w.buf == nil {
		w.buf = gopacket.NewSerializeBuffer()
	}
	var ip4 layers.IPv4
	var ip6 layers.IPv6
	var network gopacket.NetworkLayer = &ip4
	var ls []gopacket.SerializableLayer
	next := layers.IPProtocol(probe.ProtoICMPv6)
	var rest []byte
	if b[0]>>4 == 4 {
		must(t, ip4.DecodeFromBytes(b, gopacket.NilDecodeFeedback))
		ls, next, rest = append(ls, &ip4), ip4.Protocol, ip4.Payload
	} else {
		must(t, ip6.DecodeFromBytes(b, gopacket.NilDecodeFeedback))
		network, ls, next, rest = &ip6, append(ls, &ip6), ip6.NextHeader, ip6.Payload
	}
	switch next {
	case layers.IPProtocolUDP:
		var l layers.UDP
		must(t, l.DecodeFromBytes(rest, gopacket.NilDecodeFeedback))
		must(t, l.SetNetworkLayerForChecksum(network))
		ls, rest = append(ls, &l), l.Payload
	case layers.IPProtocolTCP:
		var l layers.TCP
		must(t, l.DecodeFromBytes(rest, gopacket.NilDecodeFeedback))
		must(t, l.SetNetworkLayerForChecksum(network))
		ls, rest = append(ls, &l), l.Payload
	case layers.IPProtocolICMPv4:
		var l layers.ICMPv4
		must(t, l.DecodeFromBytes(rest, gopacket.NilDecodeFeedback))
		ls, rest = append(ls, &l), l.Payload
	case layers.IPProtocolICMPv6:
		var l layers.ICMPv6
		must(t, l.DecodeFromBytes(rest, gopacket.NilDecodeFeedback))
		must(t, l.SetNetworkLayerForChecksum(network))
		ls, rest = append(ls, &l), l.Payload
	default:
		t.Fatalf("protocol %d", next)
	}
	ls = append(ls, gopacket.Payload(rest))
	must(t, gopacket.SerializeLayers(w.buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...))
	out := w.buf.Bytes()
	// gopacket writes a UDP checksum of 0 where RFC 768 wants 0xffff.
	if next == layers.IPProtocolUDP {
		csum := out[len(out)-len(rest)-2:][:2]
		if csum[0] == 0 && csum[1] == 0 {
			csum[0], csum[1] = 0xff, 0xff
		}
	}
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestZeroTag finds probes whose tag is 0 or 0xffff: both go out as 0xffff and
// both come back.
func TestZeroTag(t *testing.T) {
	c := newCodec(t, testConfig(probe.UDP))
	r := newRand(7)
	seen := map[uint16]int{}
	for range 2_000_000 {
		p := randProbe(r, c, true)
		k := c.tagKey(&p.Target, p.Flow)
		first, second := k.seal16(fieldFirst, tau(p.TTL, p.Attempt)), k.seal16(fieldSecond, tau(p.TTL, p.Attempt))
		for _, tag := range []uint16{first, second} {
			if tag != 0 && tag != 0xffff {
				continue
			}
			seen[tag]++
			b := encode(c, p)
			q := quote(b, 28)
			var got probe.Facts
			if v := c.Quoted(&q, &got); v != Accepted || got.Probe != p || got.Valid != probe.Strong {
				t.Errorf("%+v, tags %#04x %#04x: %d %+v", p, first, second, v, got)
			}
			// Through a NAT that adjusts the checksum.
			foreign := addr("100.64.0.1")
			copy(b[12:], foreign.Octets())
			q = quote(b, 28)
			adjust(&q, wire.UDPChecksum, c.source)
			if v := c.Quoted(&q, &got); v != Accepted || got.Probe != p || got.Valid != probe.Strong {
				t.Errorf("NAT, %+v, tags %#04x %#04x: %d %+v", p, first, second, v, got)
			}
		}
	}
	if seen[0] < 10 || seen[0xffff] < 10 {
		t.Errorf("met too few: %v", seen)
	}
}

func TestSourceOfOnes(t *testing.T) {
	cfg := testConfig(probe.ICMP)
	cfg.Source6 = netip.MustParseAddr("2a00:1:2:3:f816:3eff:fe12:3456")
	c := newCodec(t, cfg)
	var w witness
	b := encode(c, probe.Probe{Target: addr("2600:9::ffff:ffff:ffff:ffff"), TTL: 1})
	if fresh := w.serialize(t, b); !bytes.Equal(fresh, b) {
		t.Errorf("% x, gopacket writes % x", b, fresh)
	}
}
