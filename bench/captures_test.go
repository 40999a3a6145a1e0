package bench

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
)

var update = flag.Bool("update", false, "write testdata/captures anew")

// capture is a capture file of time exceeded messages. They answer the UDP probes of one run, that
// of captureCodec.
type capture struct {
	name string
	v6   bool
	// quoted is the largest number of octets quoted; 0 means the whole probe.
	quoted int
	// labels is the depth of the MPLS stack in the RFC 4884 extension.
	labels int
}

var captures = []capture{
	// The minimum of RFC 792: IP header and 64 bits.
	{name: "plain", quoted: 28},
	// As a label switching router sends it: padded to 128 octets, 4 labels.
	{name: "mpls", labels: 4},
	{name: "v6", v6: true},
}

// A capture contains the answers of captureTargets targets at captureTTLs TTLs.
const (
	captureTargets = 16
	captureTTLs    = 16
)

func (c capture) path() string {
	return filepath.Join("..", "testdata", "captures", c.name+".pcap")
}

// captureCodec is the codec of the run whose probes the captures answer.
func captureCodec(t testing.TB) *codec.Codec {
	t.Helper()
	c, err := codec.New(codec.Config{
		Method:   probe.UDP,
		Seed:     codec.Key{1},
		Key:      codec.Key{2},
		Source4:  netip.MustParseAddr("20.0.0.1"),
		Source6:  netip.MustParseAddr("2600::1"),
		DstPort:  33434,
		Flows:    1,
		MinTTL:   1,
		MaxTTL:   32,
		Attempts: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// make returns the capture file.
func (c capture) make(t testing.TB) []byte {
	t.Helper()
	var file bytes.Buffer
	w := pcapgo.NewWriter(&file)
	must(t, w.WriteFileHeader(65536, layers.LinkTypeEthernet))
	stamp := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	run := captureCodec(t)
	probeOctets := make([]byte, codec.MaxSize)
	for i := range captureTargets {
		target := probe.AddrFrom(netip.AddrFrom4([4]byte{20, 1, byte(i), 1}))
		if c.v6 {
			target = probe.AddrFrom(netip.MustParseAddr(fmt.Sprintf("2600:1:%x::1", i)))
		}
		var p codec.Prepared
		run.Prepare(&p, target, 0)
		for ttl := uint8(1); ttl <= captureTTLs; ttl++ {
			n := run.Encode(probeOctets, &p, ttl, 0)
			frame := c.answer(t, probeOctets[:n], ttl)
			must(t, w.WritePacket(gopacket.CaptureInfo{
				Timestamp: stamp, CaptureLength: len(frame), Length: len(frame),
			}, frame))
			stamp = stamp.Add(100 * time.Microsecond)
		}
	}
	return file.Bytes()
}

// answer returns the frame with which the router at a TTL answers a probe.
func (c capture) answer(t testing.TB, packet []byte, ttl uint8) []byte {
	t.Helper()
	eth := &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}}
	quotation := bytes.Clone(packet)
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if c.v6 {
		eth.EthernetType = layers.EthernetTypeIPv6
		quotation[7] = 1 // hop limit on arrival
		ip := &layers.IPv6{
			Version: 6, HopLimit: 64 - ttl, NextHeader: layers.IPProtocolICMPv6,
			SrcIP: net.ParseIP(fmt.Sprintf("2600:2::%x", ttl)), DstIP: quotation[8:24],
		}
		icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeTimeExceeded, 0)}
		must(t, icmp.SetNetworkLayerForChecksum(ip))
		unused := make([]byte, 4)
		must(t, gopacket.SerializeLayers(buf, opts, eth, ip, icmp, gopacket.Payload(append(unused, quotation...))))
		return buf.Bytes()
	}
	eth.EthernetType = layers.EthernetTypeIPv4
	quotation[8] = 1 // TTL on arrival; routers do not update the checksum
	if c.quoted > 0 {
		quotation = quotation[:c.quoted]
	}
	ip := &layers.IPv4{
		Version: 4, TTL: 255 - ttl, TOS: 0xc0, Id: uint16(ttl) * 997, Protocol: layers.IPProtocolICMPv4,
		SrcIP: net.IPv4(20, 2, 0, ttl), DstIP: quotation[12:16],
	}
	icmp := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeTimeExceeded, 0)}
	if c.labels > 0 {
		const padded = 128 // RFC 4884 §5.3
		quotation = append(quotation, make([]byte, padded-len(quotation))...)
		icmp.Id = padded / 4 // octet 5 is the quotation's length in words
		quotation = append(quotation, stack(c.labels)...)
	}
	must(t, gopacket.SerializeLayers(buf, opts, eth, ip, icmp, gopacket.Payload(quotation)))
	return buf.Bytes()
}

// stack returns an extension structure (RFC 4884 §7) with a label stack object
// (RFC 4950).
func stack(labels int) []byte {
	b := []byte{0x20, 0, 0, 0, 0, byte(4 + 4*labels), 1, 1}
	for i := range labels {
		entry := uint32(24000+i)<<12 | 1 // TTL 1
		if i == labels-1 {
			entry |= 1 << 8 // bottom of stack
		}
		b = binary.BigEndian.AppendUint32(b, entry)
	}
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	binary.BigEndian.PutUint16(b[2:], ^uint16(sum+sum>>16))
	return b
}

// The captures in the repository equal those that this file makes; go test ./bench -update writes
// them.
func TestCapturesAreCurrent(t *testing.T) {
	for _, c := range captures {
		want := c.make(t)
		if *update {
			must(t, os.MkdirAll(filepath.Dir(c.path()), 0o755))
			must(t, os.WriteFile(c.path(), want, 0o644))
		}
		got, err := os.ReadFile(c.path())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from the codec's output: run with -update", c.path())
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
