package linklayer

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/pcapng"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// packet is the beginning of a packet of that version: an IP header of nothing more.
func packet(version byte) []byte {
	if version == 4 {
		b := make([]byte, v4Len)
		b[0], b[3], b[8], b[9] = 0x45, v4Len, 9, 1
		return b
	}
	b := make([]byte, v6Len)
	b[0], b[6], b[7] = 0x60, 58, 9
	return b
}

const macs = "020000000001 020000000002 "

// heads are the octets before an IPv4 packet.
var heads = []struct {
	name     string
	linkType int
	head     string
	way      pcapng.Direction
}{
	{"null", 0, "02000000", 0},
	{"Ethernet", 1, macs + "0800", 0},
	{"VLAN", 1, macs + "8100 0007 0800", 0},
	{"five tags", 1, macs + "88a8 0001 8100 0002 9100 0003 9200 0004 9300 0005 0800", 0},
	{"MPLS on Ethernet", 1, macs + "8847 000640ff 000651ff", 0},
	{"pseudowire", 1, macs + "8847 000641ff 00000000" + macs + "0800", 0},
	{"PPPoE", 1, macs + "8864 11000001 0016 0021", 0},
	{"SNAP", 1, macs + "001c aaaa03 000000 0800", 0},
	{"IP over LLC", 1, macs + "0017 060603", 0},
	{"ISO over LLC", 1, macs + "0018 fefe03 cc", 0},
	{"backbone", 1, macs + "88e7 00000001" + macs + "0800", 0},
	{"Token Ring", 6, "1040 020000000001 820000000002 0610 001a 002b aaaa03 000000 0800", 0},
	{"ARCNET", 7, "0102 d4 000000", 0},
	{"PPP", 9, "ff03 0021", 0},
	{"PPP, bare", 9, "0021", 0},
	{"PPP, compressed", 9, "21", 0},
	{"FDDI", 10, "50" + macs + "aaaa03 000000 0800", 0},
	{"raw", 101, "", 0},
	{"PPP in HDLC", 50, "ff03 0021", 0},
	{"Cisco in HDLC", 50, "0f00 0800", 0},
	{"flags in HDLC", 50, "7e7e ff03 0021", 0},
	{"PPPoE alone", 51, "11000001 0016 0021", 0},
	{"ATM", 100, "aaaa03 000000 0800", 0},
	{"ATM, bridged", 100, "aaaa03 0080c2 0007" + macs + "0800", 0},
	{"HDLC", 104, "0f00 0800", 0},
	{"HDLC with MPLS", 104, "0f00 8847 000641ff", 0},
	{"802.11 from the station", 105, "0801 0000" + macs + "020000000003 0000 aaaa03 000000 0800", 0},
	{"802.11 with quality of service", 105, "8802 0000" + macs + "020000000003 0000 0000 aaaa03 000000 0800", 0},
	{"802.11 between stations", 105, "8883 0000" + macs + "020000000003 0000 020000000004 0000 11223344 aaaa03 000000 0800", 0},
	{"802.11 aggregated", 105, "8802 0000" + macs + "020000000003 0000 8000" + macs + "001c aaaa03 000000 0800", 0},
	{"Frame Relay", 107, "1841 03 cc", 0},
	{"Frame Relay of Cisco", 107, "1841 0800", 0},
	{"Frame Relay with SNAP", 107, "1841 03 00 80 000000 0800", 0},
	{"loop", 108, "00000002", 0},
	{"ENC", 109, "00000002 00000000 00000000", 0},
	{"cooked, received", 113, "0000 0001 0006 0200000000010000 0800", pcapng.Inbound},
	{"cooked, sent", 113, "0004 0001 0006 0200000000010000 0800", pcapng.Outbound},
	{"cooked VLAN", 113, "0004 0001 0006 0200000000010000 8100 0007 0800", pcapng.Outbound},
	{"cooked LLC", 113, "0000 0001 0006 0200000000010000 0004 aaaa03 000000 0800", pcapng.Inbound},
	{"PFLOG", 117, "3d 02" + strings.Repeat("00", 62), 0},
	{"Prism", 119, "00000044 90000000" + strings.Repeat("00", 136) + "0801 0000" + macs + "020000000003 0000 aaaa03 000000 0800", 0},
	{"Fibre Channel", 122, strings.Repeat("00", 16) + "aaaa03 000000 0800", 0},
	{"SunATM", 123, "82 00 0000 aaaa03 000000 0800", pcapng.Outbound},
	{"radiotap", 127, "0000 0900 02000000 00 0801 0000" + macs + "020000000003 0000 aaaa03 000000 0800", 0},
	{"radiotap, padded", 127, "0000 1900 03000080 00000000 00000000 0000000000000000 20 8801 0000" + macs + "020000000003 0000 0000 0000 aaaa03 000000 0800", 0},
	{"FireWire", 138, strings.Repeat("00", 16) + "0800", 0},
	{"AVS", 163, "80211001 00000040" + strings.Repeat("00", 56) + "0801 0000" + macs + "020000000003 0000 aaaa03 000000 0800", 0},
	{"pppd", 166, "01 03 0021", 0},
	{"PPI", 192, "0000 0800 01000000" + macs + "0800", 0},
	{"PPP, sent", 204, "01 ff03 0021", pcapng.Outbound},
	{"HDLC, received", 205, "00 0f00 0800", pcapng.Inbound},
	{"Frame Relay, sent", 206, "01 1841 03 cc", pcapng.Outbound},
	{"labels alone", 219, "000641ff", 0},
	{"IPv4", 228, "", 0},
	{"NFLOG", 239, "02 00 0000 0500 0a00 41000000 1800 0900", 0},
	{"NFLOG, other order", 239, "02 00 0000 0005 000a 41000000 0018 0009", 0},
	{"netANALYZER", 240, "00000000" + macs + "0800", 0},
	{"IPoIB", 242, strings.Repeat("00", 40) + "0800 0000", 0},
	{"IPoIB, no addresses", 242, "0800 0000", 0},
	{"InfiniBand", 247, "0002 0001 000a 0002" + "64000000 00000001 00000002" + "00000000 00000003" + "0800 0000", 0},
	{"InfiniBand with GRH", 247, "0003 0001 000a 0002" + strings.Repeat("00", 40) + "64000000 00000001 00000002" + "00000000 00000003" + "0800 0000", 0},
	{"PKTAP", 258, "28000000 00000000 01000000" + strings.Repeat("00", 24) + "02000000" + macs + "0800", pcapng.Outbound},
	{"EPON", 259, "0000000000000000" + macs + "0800", 0},
	{"cooked v2, sent", 276, "0800 0000 00000002 0001 04 06 0200000000010000", pcapng.Outbound},
	{"DSA", 284, macs + "00000000 0800", 0},
}

// Every head leads to the packet after it, with all octets after that. No shorter frame does, and
// none is read beyond its end.
func TestPacket(t *testing.T) {
	var d Finder
	for _, tt := range heads {
		t.Run(tt.name, func(t *testing.T) {
			if !Known(tt.linkType) {
				t.Fatalf("link type %d is not known", tt.linkType)
			}
			head := unhex(t, tt.head)
			want := slices.Concat(packet(4), []byte("trailer"))
			if tt.linkType == 239 {
				want = packet(4)
			}
			got, way, found := d.Packet(tt.linkType, slices.Concat(head, want))
			if found != Found || !bytes.Equal(got, want) || way != tt.way {
				t.Errorf("% x, direction %d, finding %d", got, way, found)
			}
			for n := range head {
				if got, _, found := d.Packet(tt.linkType, head[:n:n]); found == Found && len(got) > 0 && n < len(head)-2 && tt.linkType != 242 && !bytes.HasSuffix(head[:n], got) {
					t.Errorf("of %d octets: % x", n, got)
				}
			}
		})
	}
}

// Frames without a packet, or with headers that hide it.
func TestNoPacket(t *testing.T) {
	tests := []struct {
		name     string
		linkType int
		frame    string
		want     Finding
	}{
		{"unknown link type", 0xfff, "45", Unknown},
		{"ARP", 1, macs + "0806 0001", Other},
		{"cut", 1, macs, Short},
		{"IPv6 that is none", 1, macs + "86dd 45", Short},
		{"LLDP", 1, macs + "88cc 02", Other},
		{"spanning tree", 1, macs + "0026 424203 00", Other},
		{"IPCP", 9, "ff03 8021 01", Other},
		{"encrypted 802.11", 105, "0841 0000" + macs + "020000000003 0000 aaaa03 000000 0800", Unknown},
		{"beacon", 105, "8000 0000" + macs + "020000000003 0000", Other},
		{"endless tags", 1, macs + strings.Repeat("8100 0001", 1000), Unknown},
		{"endless labels", 219, strings.Repeat("000640ff", 1000), Unknown},
		{"no octets", 101, "", Short},
	}
	var d Finder
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _, found := d.Packet(tt.linkType, unhex(t, tt.frame))
			if found != tt.want || got != nil {
				t.Errorf("% x, finding %d; want %d", got, found, tt.want)
			}
		})
	}
}

// Inside finds the packet in a tunnel, as gopacket writes it, and in a tunnel of a tunnel.
func TestInside(t *testing.T) {
	inner := packet(4)
	inner[9] = protoUDP + 100
	ip := func(p layers.IPProtocol) *layers.IPv4 {
		return &layers.IPv4{Version: 4, TTL: 64, Protocol: p, SrcIP: []byte{192, 0, 2, 1}, DstIP: []byte{192, 0, 2, 2}}
	}
	udp := func(port layers.UDPPort) *layers.UDP {
		return &layers.UDP{SrcPort: 5, DstPort: port}
	}
	ethernet := &layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: layers.EthernetTypeIPv4}
	tests := []struct {
		name   string
		layers []gopacket.SerializableLayer
	}{
		{"IPIP", []gopacket.SerializableLayer{ip(layers.IPProtocolIPv4)}},
		{"GRE", []gopacket.SerializableLayer{ip(layers.IPProtocolGRE), &layers.GRE{Protocol: layers.EthernetTypeIPv4}}},
		{"GRE with key and sequence", []gopacket.SerializableLayer{ip(layers.IPProtocolGRE),
			&layers.GRE{Protocol: layers.EthernetTypeIPv4, KeyPresent: true, Key: 7, SeqPresent: true, Seq: 9, ChecksumPresent: true}}},
		{"Ethernet in GRE", []gopacket.SerializableLayer{ip(layers.IPProtocolGRE), &layers.GRE{Protocol: layers.EthernetTypeTransparentEthernetBridging}, ethernet}},
		{"VXLAN", []gopacket.SerializableLayer{ip(layers.IPProtocolUDP), udp(portVXLAN), &layers.VXLAN{ValidIDFlag: true, VNI: 7}, ethernet}},
		{"Geneve", []gopacket.SerializableLayer{ip(layers.IPProtocolUDP), udp(portGeneve), gopacket.Payload([]byte{0, 0, 0x65, 0x58, 0, 0, 7, 0}), ethernet}},
		{"GTP-U", []gopacket.SerializableLayer{ip(layers.IPProtocolUDP), udp(portGTP), gopacket.Payload([]byte{0x30, 0xff, 0, 20, 0, 0, 0, 1})}},
		{"MPLS in UDP", []gopacket.SerializableLayer{ip(layers.IPProtocolUDP), udp(portMPLS), &layers.MPLS{Label: 100, StackBottom: true, TTL: 9}}},
		{"two tunnels", []gopacket.SerializableLayer{ip(layers.IPProtocolIPv4), ip(layers.IPProtocolGRE), &layers.GRE{Protocol: layers.EthernetTypeIPv4}}},
		{"no tunnel", nil},
	}
	var d Finder
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := gopacket.NewSerializeBuffer()
			o := gopacket.SerializeOptions{FixLengths: true}
			if err := gopacket.SerializeLayers(b, o, append(tt.layers, gopacket.Payload(inner))...); err != nil {
				t.Fatal(err)
			}
			if got := d.Inside(b.Bytes()); !bytes.HasPrefix(got, inner) {
				t.Errorf("% x, want % x of % x", got, inner, b.Bytes())
			}
		})
	}
}

// A datagram to the port of a tunnel that contains no packet is itself the packet.
func TestNotInside(t *testing.T) {
	var d Finder
	for _, payload := range []string{"", "0000", "0800000000000700", "0800000000000700" + strings.Repeat("00", 30)} {
		b := slices.Concat(packet(4), unhex(t, "0005 12b5 0040 0000"), unhex(t, payload))
		b[9] = protoUDP
		if got := d.Inside(b); !bytes.Equal(got, b) {
			t.Errorf("%q: % x", payload, got)
		}
	}
}

// Packet and Inside stay within the frame, and allocate nothing.
func FuzzPacket(f *testing.F) {
	for _, tt := range heads {
		f.Add(tt.linkType, slices.Concat(unhex(f, tt.head), packet(4)))
		f.Add(tt.linkType, slices.Concat(unhex(f, tt.head), packet(6)))
	}
	f.Fuzz(func(t *testing.T, linkType int, frame []byte) {
		var d Finder
		got, _, found := d.Packet(linkType, frame)
		if (found == Found) != (got != nil) || found == Found && len(got) == 0 {
			t.Fatalf("% x, finding %d", got, found)
		}
		if found == Found && !bytes.HasSuffix(frame, d.Inside(got)) && linkType != 239 {
			t.Fatalf("% x is not in % x", got, frame)
		}
	})
}

func TestAllocs(t *testing.T) {
	var d Finder
	for _, tt := range heads {
		frame := slices.Concat(unhex(t, tt.head), packet(4))
		if n := testing.AllocsPerRun(10, func() { d.Packet(tt.linkType, frame) }); n != 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
}
