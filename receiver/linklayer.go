package receiver

import (
	"encoding/binary"
	"fmt"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/linklayer"
	"github.com/masstrace/masstrace/internal/pcapng"
)

// Link types of live captures, as files number them (tcpdump.org/linktypes.html). A live handle has
// the system's own number for bare IP packets.
const (
	linkNull       = 0
	linkEthernet   = 1
	linkRawLinux   = 12
	linkRawOpenBSD = 14
	linkRaw        = 101
	linkLoop       = 108
	linkSLL        = 113
	linkIPv4       = 228
	linkIPv6       = 229
	linkSLL2       = 276
)

// etherTypeOldQinQ is an EtherType of tags besides those of IEEE 802.1Q and 802.1ad: switches
// used it for the outer tag before there was a standard.
const etherTypeOldQinQ layers.EthernetType = 0x9100

// vlanTag is the length of a tag, in octets. The last two are the type of the following header.
const vlanTag = 4

// setLink makes d decode frames of that link type.
func (d *decoder) setLink(linkType int) error {
	known := d.wide && linklayer.Known(linkType)
	switch linkType {
	case linkEthernet, linkSLL, linkSLL2, linkNull, linkLoop, linkRaw, linkIPv4, linkIPv6, linkRawLinux, linkRawOpenBSD:
		known = true
	}
	if !known {
		return fmt.Errorf("frames of link type %d are not understood", linkType)
	}
	d.link = linkType
	return nil
}

// ipPacket finds the IP packet in a frame, and the frame's direction, if its link type shows
// that. The packet has at least one octet, the first of which has its version. The verdict is
// Accepted, Malformed or, for a frame with another packet, Unrelated.
func (d *decoder) ipPacket(frame []byte) (packet []byte, way pcapng.Direction, v codec.Verdict) {
	if d.wide || d.link != linkEthernet {
		return d.anyPacket(frame)
	}
	if d.layers.ethernet.DecodeFromBytes(frame, gopacket.NilDecodeFeedback) != nil {
		return nil, way, codec.Malformed
	}
	next, packet := d.layers.ethernet.EthernetType, d.layers.ethernet.Payload
	for next == layers.EthernetTypeDot1Q || next == layers.EthernetTypeQinQ || next == etherTypeOldQinQ {
		if len(packet) < vlanTag {
			return nil, way, codec.Malformed
		}
		next, packet = layers.EthernetType(binary.BigEndian.Uint16(packet[vlanTag-2:])), packet[vlanTag:]
	}
	version := byte(0)
	switch next {
	case layers.EthernetTypeIPv4:
		version = 4
	case layers.EthernetTypeIPv6:
		version = 6
	default:
		return nil, way, codec.Unrelated
	}
	if len(packet) == 0 || packet[0]>>4 != version {
		return nil, way, codec.Malformed
	}
	return packet, way, codec.Accepted
}

// anyPacket finds the packet in a frame of any link type. In captures of other programs, that is
// the packet in a tunnel.
func (d *decoder) anyPacket(frame []byte) (packet []byte, way pcapng.Direction, v codec.Verdict) {
	packet, way, finding := d.finder.Packet(d.link, frame)
	d.finding = finding
	switch finding {
	case linklayer.Found:
	case linklayer.Short:
		return nil, way, codec.Malformed
	default:
		return nil, way, codec.Unrelated
	}
	if d.wide {
		packet = d.finder.Inside(packet)
	}
	return packet, way, codec.Accepted
}
