package receiver

import (
	"encoding/binary"
	"fmt"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/pcapng"
)

// Link types as files number them (tcpdump.org/linktypes.html); gopacket's numbers have 8 bits. A
// live handle has the system's own number for bare IP packets.
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

// Layouts of other frames than Ethernet's, by octets.
//
//	Linux cooked v1:  0              2        4        6          14
//	                  | packet type | ARPHRD | length | address | EtherType | packet …
//	Linux cooked v2:  0           2          4           8        10            11
//	                  | EtherType | reserved | interface | ARPHRD | packet type | length …
//	                  12            20
//	                  | address (8) | packet …
//	null, loopback:   0                          4
//	                  | address family (32 bits) | packet …
const (
	sllLen  = 16
	sllType = 14
	sll2Len = 20
	sll2At  = 10 // packet type
	nullLen = 4

	packetOutgoing = 4 // packet type of frames that this machine sent
)

// etherTypeOldQinQ is an EtherType of tags besides those of IEEE 802.1Q and 802.1ad: switches
// used it for the outer tag before there was a standard.
const etherTypeOldQinQ layers.EthernetType = 0x9100

// vlanTag is the length of a tag, in octets. The last two are the type of the following header.
const vlanTag = 4

// setLink makes d decode frames of that link type.
func (d *decoder) setLink(linkType int) error {
	switch linkType {
	case linkEthernet, linkSLL, linkSLL2, linkNull, linkLoop:
		d.link = linkType
	case linkRaw, linkIPv4, linkIPv6, linkRawLinux, linkRawOpenBSD:
		d.link = linkRaw
	default:
		return fmt.Errorf("frames of link type %d are not understood", linkType)
	}
	return nil
}

// ipPacket finds the IP packet in a frame, and the frame's direction, if its link type shows
// that. The packet has at least one octet, the first of which has its version. The verdict is
// Accepted, Malformed or, for a frame with another packet, Unrelated.
func (d *decoder) ipPacket(frame []byte) (packet []byte, way pcapng.Direction, v codec.Verdict) {
	var next layers.EthernetType
	switch d.link {
	case linkEthernet:
		if d.layers.ethernet.DecodeFromBytes(frame, gopacket.NilDecodeFeedback) != nil {
			return nil, way, codec.Malformed
		}
		next, packet = d.layers.ethernet.EthernetType, d.layers.ethernet.Payload
	case linkSLL:
		if len(frame) < sllLen {
			return nil, way, codec.Malformed
		}
		way = sllDirection(binary.BigEndian.Uint16(frame))
		next, packet = layers.EthernetType(binary.BigEndian.Uint16(frame[sllType:])), frame[sllLen:]
	case linkSLL2:
		if len(frame) < sll2Len {
			return nil, way, codec.Malformed
		}
		way = sllDirection(uint16(frame[sll2At]))
		next, packet = layers.EthernetType(binary.BigEndian.Uint16(frame)), frame[sll2Len:]
	case linkNull, linkLoop:
		if len(frame) <= nullLen {
			return nil, way, codec.Malformed
		}
		// The address family is in the byte order of another machine, with numbers that
		// differ between systems. The packet's own version is reliable.
		return byVersion(frame[nullLen:], way)
	default:
		return byVersion(frame, way)
	}
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

// byVersion checks a packet that has no other sign of its family than its version.
func byVersion(packet []byte, way pcapng.Direction) ([]byte, pcapng.Direction, codec.Verdict) {
	if len(packet) == 0 {
		return nil, way, codec.Malformed
	}
	if version := packet[0] >> 4; version != 4 && version != 6 {
		return nil, way, codec.Unrelated
	}
	return packet, way, codec.Accepted
}

// sllDirection returns the direction of a frame of that packet type.
func sllDirection(packetType uint16) pcapng.Direction {
	if packetType == packetOutgoing {
		return pcapng.Outbound
	}
	return pcapng.Inbound
}
