package receiver

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

var (
	source4 = netip.MustParseAddr("45.1.2.3")
	source6 = netip.MustParseAddr("2a00:1::7")
	router4 = probe.AddrFrom(netip.MustParseAddr("203.0.113.1"))
	router6 = probe.AddrFrom(netip.MustParseAddr("2001:db8::1"))
	target4 = probe.AddrFrom(netip.MustParseAddr("11.22.33.44"))
	target6 = probe.AddrFrom(netip.MustParseAddr("2a01:5::9"))
)

func newCodec(t testing.TB, m probe.Method) *codec.Codec {
	t.Helper()
	c, err := codec.New(codec.Config{
		Method: m, Seed: codec.Key{1, 2, 3}, Key: codec.Key{9, 8, 7}, Source4: source4, Source6: source6,
		DstPort: 33434, Flows: 2, MinTTL: 1, MaxTTL: 32, Attempts: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newDecoder(t testing.TB, c *codec.Codec, link layers.LinkType) (*decoder, *account.Live) {
	t.Helper()
	d, heard := new(decoder), new(account.Live)
	if err := d.init(int(link), c, heard); err != nil {
		t.Fatal(err)
	}
	return d, heard
}

// asked is the probe that the frames of these tests answer.
func asked(is4 bool) probe.Probe {
	p := probe.Probe{Target: target6, Flow: 1, TTL: 9, Attempt: 2}
	if is4 {
		p.Target = target4
	}
	return p
}

// sent returns the packet of a probe.
func sent(c *codec.Codec, p probe.Probe) []byte {
	var prepared codec.Prepared
	c.Prepare(&prepared, p.Target, p.Flow)
	buf := make([]byte, codec.MaxSize)
	return buf[:c.Encode(buf, &prepared, p.TTL, p.Attempt)]
}

func sum16(parts ...[]byte) uint16 {
	var acc uint32
	for _, b := range parts {
		for i, v := range b {
			acc += uint32(v) << (8 * (1 - i%2))
		}
	}
	for acc > 0xffff {
		acc = acc>>16 + acc&0xffff
	}
	return uint16(acc)
}

// ip4 returns an IPv4 packet to us with options.
func ip4(src probe.Addr, protocol byte, options, payload []byte) []byte {
	head := 20 + len(options)
	b := []byte{byte(4<<4 | head/4), 0xc0, 0, 0, 0x12, 0x34, 0, 0, 55, protocol, 0, 0}
	b = append(append(b, src[12:]...), 45, 1, 2, 3)
	b = append(append(b, options...), payload...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return resum4(b)
}

// resum4 sets the header checksum right.
func resum4(b []byte) []byte {
	head := 4 * int(b[0]&15)
	binary.BigEndian.PutUint16(b[10:], 0)
	binary.BigEndian.PutUint16(b[10:], ^sum16(b[:head]))
	return b
}

// icmp4 returns an ICMPv4 message; word is octets 4 to 7.
func icmp4(typ, code byte, word uint32, rest []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{typ, code, 0, 0}, word)
	b = append(b, rest...)
	binary.BigEndian.PutUint16(b[2:], ^sum16(b))
	return b
}

// ip6 returns an IPv6 packet to us with extension headers, the first of which
// is next.
func ip6(src probe.Addr, next byte, headers, payload []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, 6<<28|0x5a<<20|0x12345)
	b = binary.BigEndian.AppendUint16(b, uint16(len(headers)+len(payload)))
	b = append(b, next, 55)
	dst := source6.As16()
	b = append(append(b, src[:]...), dst[:]...)
	return append(append(b, headers...), payload...)
}

// icmp6 returns an ICMPv6 message from src to us.
func icmp6(src probe.Addr, typ, code byte, word uint32, rest []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{typ, code, 0, 0}, word)
	b = append(b, rest...)
	dst := source6.As16()
	pseudo := []byte{0, 0, byte(len(b) >> 8), byte(len(b)), 0, 58}
	binary.BigEndian.PutUint16(b[2:], ^sum16(src[:], dst[:], pseudo, b))
	return b
}

// ethernet puts a packet into a frame, after VLAN tags of those types.
func ethernet(packet []byte, tags ...uint16) []byte {
	b := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}
	for _, tag := range tags {
		b = binary.BigEndian.AppendUint16(b, tag)
		b = append(b, 0x60, 42)
	}
	if packet[0]>>4 == 4 {
		b = append(b, 8, 0)
	} else {
		b = append(b, 0x86, 0xdd)
	}
	return append(b, packet...)
}

// quoted returns a packet as an ICMP error quotes it: its TTL is 1, and it is
// cut to n octets; 0 is all.
func quoted(packet []byte, n int) []byte {
	b := slices.Clone(packet)
	if n > 0 {
		b = b[:n]
	}
	if b[0]>>4 == 4 {
		b[8] = 1
		return resum4(b)
	}
	b[7] = 1
	return b
}

// with returns a copy of b with some octets replaced.
func with(b []byte, at int, octets ...byte) []byte {
	b = slices.Clone(b)
	copy(b[at:], octets)
	return b
}

// padded returns b followed by zeros up to n octets.
func padded(b []byte, n int) []byte { return append(slices.Clone(b), make([]byte, n-len(b))...) }

// mpls is an extension structure of one MPLS label (RFC 4950).
func mpls() []byte {
	return wire.AppendExtension(nil, wire.Object{Class: 1, CType: 1, Payload: []byte{0, 0x10, 0x01, 0xff}})
}

// errorFrom returns the packet of a time exceeded from a router that quotes b,
// with an extension structure if stated is not 0.
func errorFrom(b []byte, ext []byte) []byte {
	is4 := b[0]>>4 == 4
	word := uint32(0)
	if ext != nil {
		b = padded(b, 128)
		if word = 128 / 4 << 16; !is4 {
			word = 128 / 8 << 24
		}
	}
	b = append(slices.Clone(b), ext...)
	if is4 {
		return ip4(router4, 1, nil, icmp4(11, 0, word, b))
	}
	return ip6(router6, 58, nil, icmp6(router6, 3, 0, word, b))
}

// isReply decodes a frame as a Receiver does.
func (d *decoder) isReply(frame []byte, r *probe.Reply) bool { return d.accept(d.decode(frame, r)) }
