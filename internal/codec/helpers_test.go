package codec

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

func newRand(n uint64) *rand.Rand { return rand.New(rand.NewPCG(n, 0x6d617373)) }

func addr(s string) probe.Addr { return probe.AddrFrom(netip.MustParseAddr(s)) }

func testConfig(m probe.Method) Config {
	return Config{
		Method: m, Seed: Key{1, 2, 3}, Key: Key{9, 8, 7},
		Source4: netip.MustParseAddr("45.1.2.3"), Source6: netip.MustParseAddr("2a00:1::7"),
		DstPort: 33434, Flows: 2, MinTTL: 1, MaxTTL: 32, Attempts: 3,
	}
}

func newCodec(t testing.TB, cfg Config) *Codec {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// encode returns the packet of p.
func encode(c *Codec, p probe.Probe) []byte {
	var prepared Prepared
	c.Prepare(&prepared, p.Target, p.Flow)
	buf := make([]byte, MaxSize)
	return buf[:c.Encode(buf, &prepared, p.TTL, p.Attempt)]
}

// quote returns the quotation of the first n octets of a probe, read by fixed
// offsets.
func quote(packet []byte, n int) wire.Quotation {
	if packet[0]>>4 == 6 {
		word := binary.BigEndian.Uint32(packet)
		return wire.Quotation{
			Src: [16]byte(packet[8:]), Dst: [16]byte(packet[24:]), Protocol: packet[6], TTL: 1,
			TOS: uint8(word >> 20), Label: word & 0xfffff, Size: int(binary.BigEndian.Uint16(packet[4:])) + 40,
			Headers: 40, Transport: packet[40:n],
		}
	}
	return wire.Quotation{
		Is4: true, Src: probe.Addr4From([4]byte(packet[12:])), Dst: probe.Addr4From([4]byte(packet[16:])),
		Protocol: packet[9], TTL: 1, TOS: packet[1], ID: binary.BigEndian.Uint16(packet[4:]),
		Size: int(binary.BigEndian.Uint16(packet[2:])), Headers: 20, Transport: packet[20:n],
	}
}

// randTarget returns a random global unicast address of the family.
func randTarget(r *rand.Rand, is4 bool) probe.Addr {
	if is4 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], r.Uint32())
		return probe.Addr4From(b)
	}
	var a probe.Addr
	fill(r, a[:])
	a[0] = 0x20 | a[0]&0x1f
	return a
}

// randProbe returns a random probe that c may send.
func randProbe(r *rand.Rand, c *Codec, is4 bool) probe.Probe {
	return probe.Probe{
		Target:  randTarget(r, is4),
		Flow:    uint16(r.IntN(c.cfg.Flows)),
		TTL:     c.cfg.MinTTL + uint8(r.IntN(int(c.cfg.MaxTTL-c.cfg.MinTTL)+1)),
		Attempt: uint8(r.IntN(int(c.cfg.Attempts))),
	}
}

func fill(r *rand.Rand, b []byte) {
	for i := range b {
		b[i] = uint8(r.Uint32())
	}
}

// sum16 is the slow reference of the Internet checksum (RFC 1071 §4.1).
func sum16(parts ...[]byte) uint16 {
	var acc uint32
	for _, b := range parts {
		for i, v := range b {
			if i%2 == 0 {
				acc += uint32(v) << 8
			} else {
				acc += uint32(v)
			}
		}
	}
	for acc > 0xffff {
		acc = acc>>16 + acc&0xffff
	}
	return uint16(acc)
}

// echoReply returns the ICMP message with which the target of p answers it.
func echoReply(c *Codec, p probe.Probe) []byte {
	packet := encode(c, p)
	if !p.Target.Is4() {
		message := packet[wire.V6Len:]
		message[0] = wire.ICMPv6EchoReply
		reseal6(message, p.Target, c.source6)
		return message
	}
	message := packet[wire.V4Len:]
	message[0] = wire.ICMPv4EchoReply
	binary.BigEndian.PutUint16(message[2:], 0)
	binary.BigEndian.PutUint16(message[2:], ^sum16(message))
	return message
}

// reseal6 writes the checksum of an ICMPv6 message from src to dst.
func reseal6(message []byte, src, dst probe.Addr) {
	binary.BigEndian.PutUint16(message[2:], 0)
	pseudo := []byte{0, uint8(len(message)), 0, probe.ProtoICMPv6}
	binary.BigEndian.PutUint16(message[2:], ^sum16(src[:], dst[:], pseudo, message))
}

// kind is a method over a family.
type kind struct {
	method probe.Method
	is4    bool
}

var (
	udpKinds  = []kind{{probe.UDP, true}, {probe.UDP, false}}
	echoKinds = []kind{{probe.ICMP, true}, {probe.ICMP, false}}
	tcpKinds  = []kind{{probe.TCPSYN, true}, {probe.TCPSYN, false}, {probe.TCPACK, true}, {probe.TCPACK, false}}
	kinds     = slices.Concat(udpKinds, echoKinds, tcpKinds)
)

func (k kind) isTCP() bool { return k.method == probe.TCPSYN || k.method == probe.TCPACK }

func (k kind) String() string {
	if k.is4 {
		return k.method.String() + "/v4"
	}
	return k.method.String() + "/v6"
}

// quotation is one way in which routers quote a probe.
type quotation struct {
	wire.Quotation
	whole bool
}

// quotations returns the ways: 8 octets of transport, these padded with zeros
// to 128 octets (RFC 4884 §4), the whole, and the whole padded.
func quotations(packet []byte) []quotation {
	header := 20
	if packet[0]>>4 == 6 {
		header = 40
	}
	short := quote(packet, header+8)
	whole := quote(packet, len(packet))
	short.Transport, whole.Transport = bytes.Clone(short.Transport), bytes.Clone(whole.Transport)
	padded := func(q wire.Quotation) wire.Quotation {
		b := make([]byte, 128-header)
		copy(b, q.Transport)
		q.Transport = b
		return q
	}
	return []quotation{{short, false}, {padded(short), false}, {whole, true}, {padded(whole), true}}
}
