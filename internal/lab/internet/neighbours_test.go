package internet

import (
	"bytes"
	"net"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

var ourMAC = [6]byte{2, 0, 0, 0, 0, 9}

func serialize(t *testing.T, parts ...gopacket.SerializableLayer) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, options, parts...); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func arpRequest(t *testing.T, from, who net.IP) []byte {
	return serialize(t, &layers.ARP{
		AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
		Operation:       layers.ARPRequest,
		SourceHwAddress: []byte{2, 0, 0, 0, 0, 1}, SourceProtAddress: from.To4(),
		DstHwAddress: make([]byte, 6), DstProtAddress: who.To4(),
	})
}

func TestARPReply(t *testing.T) {
	host, asked := net.IPv4(192, 0, 2, 2), net.IPv4(192, 0, 2, 77)
	reply := appendARPReply(nil, arpRequest(t, host, asked), ourMAC)
	got, ok := gopacket.NewPacket(reply, layers.LayerTypeARP, gopacket.Default).Layer(layers.LayerTypeARP).(*layers.ARP)
	if !ok {
		t.Fatalf("% x is no ARP packet", reply)
	}
	if got.Operation != layers.ARPReply || !bytes.Equal(got.SourceHwAddress, ourMAC[:]) ||
		!net.IP(got.SourceProtAddress).Equal(asked) || !net.IP(got.DstProtAddress).Equal(host) ||
		!bytes.Equal(got.DstHwAddress, []byte{2, 0, 0, 0, 0, 1}) {
		t.Errorf("reply %+v", got)
	}
	for name, request := range map[string][]byte{
		"for its own address": arpRequest(t, host, host),
		"a reply":             reply,
		"cut":                 arpRequest(t, host, asked)[:arpLen-1],
		"empty":               nil,
	} {
		if got := appendARPReply(nil, request, ourMAC); len(got) != 0 {
			t.Errorf("%s: answered by % x", name, got)
		}
	}
}

func solicitation(t *testing.T, from, who net.IP) []byte {
	ip := &layers.IPv6{Version: 6, HopLimit: 255, NextHeader: layers.IPProtocolICMPv6, SrcIP: from, DstIP: net.ParseIP("ff02::1:ff00:77")}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeNeighborSolicitation, 0)}
	if err := icmp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	return serialize(t, ip, icmp, &layers.ICMPv6NeighborSolicitation{TargetAddress: who})
}

func TestAdvertisement(t *testing.T) {
	host, asked := net.ParseIP("2001:db8::2"), net.ParseIP("2001:db8::77")
	request := solicitation(t, host, asked)
	if !isNeighbourDiscovery(request) {
		t.Error("a solicitation is not taken for neighbour discovery")
	}
	reply := appendAdvertisement(nil, request, ourMAC)
	packet := gopacket.NewPacket(reply, layers.LayerTypeIPv6, gopacket.Default)
	ip, _ := packet.NetworkLayer().(*layers.IPv6)
	got, ok := packet.Layer(layers.LayerTypeICMPv6NeighborAdvertisement).(*layers.ICMPv6NeighborAdvertisement)
	if !ok || ip.HopLimit != 255 || !ip.DstIP.Equal(host) || !ip.SrcIP.Equal(asked) {
		t.Fatalf("reply %v", packet)
	}
	if !got.TargetAddress.Equal(asked) || !got.Solicited() || !got.Override() || len(got.Options) != 1 ||
		!bytes.Equal(got.Options[0].Data, ourMAC[:]) {
		t.Errorf("advertisement %+v", got)
	}
	icmp := packet.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6)
	was := icmp.Checksum
	if err := icmp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	if again := serialize(t, ip, icmp, gopacket.Payload(icmp.Payload)); !bytes.Equal(again, reply) {
		t.Errorf("checksum %#x is wrong", was)
	}
	for name, request := range map[string][]byte{
		"duplicate address detection": solicitation(t, net.IPv6zero, asked),
		"an advertisement":            reply,
		"cut":                         request[:ndLen-1],
	} {
		if got := appendAdvertisement(nil, request, ourMAC); len(got) != 0 {
			t.Errorf("%s: answered by % x", name, got)
		}
	}
}
