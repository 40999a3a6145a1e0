package internet

import (
	"encoding/binary"
)

// An ARP packet for IPv4 over Ethernet (RFC 826).
//
//	0             6        8              14         18             24
//	| 1, 0x800, 6, 4 | op | sender's MAC | its IPv4 | target's MAC | its IPv4 |
const arpLen = 28

// appendARPReply answers a request for any address except the sender's own. A host requests its own
// address to find out whether another host uses it.
func appendARPReply(b, request []byte, own [6]byte) []byte {
	if len(request) < arpLen || binary.BigEndian.Uint16(request[6:]) != 1 ||
		[4]byte(request[14:]) == [4]byte(request[24:]) {
		return b
	}
	b = append(b, request[:6]...)
	b = append(b, 0, 2)
	b = append(b, own[:]...)
	b = append(b, request[24:28]...)
	return append(b, request[8:18]...)
}

// Neighbour solicitation and advertisement (RFC 4861 §4.3, §4.4), after an IPv6 header. Types 133
// to 137 are neighbour discovery.
const (
	ndSolicitation  = 135
	ndAdvertisement = 136
	ndLen           = 40 + 24
)

// isNeighbourDiscovery reports whether an IPv6 packet concerns only the link: neighbour discovery,
// and multicast listener reports.
func isNeighbourDiscovery(packet []byte) bool {
	if len(packet) < 41 {
		return false
	}
	if packet[24] == 0xff {
		return true // multicast never leaves the link
	}
	return packet[6] == 58 && packet[40] >= 133 && packet[40] <= 137
}

// appendAdvertisement answers a solicitation for any address, if its sender has an address.
func appendAdvertisement(b, packet []byte, own [6]byte) []byte {
	if len(packet) < ndLen || packet[6] != 58 || packet[40] != ndSolicitation ||
		[16]byte(packet[8:]) == [16]byte{} {
		return b
	}
	start := len(b)
	target := packet[48:64]
	b = append(b, 6<<4, 0, 0, 0, 0, 32, 58, 255)
	b = append(b, target...)
	b = append(b, packet[8:24]...)
	b = append(b, ndAdvertisement, 0, 0, 0, 0x60, 0, 0, 0) // solicited, override
	b = append(b, target...)
	b = append(b, 2, 1) // target link-layer address, in units of 8 octets
	b = append(b, own[:]...)
	message := b[start+40:]
	sum := uint32(58 + len(message))
	for i := 0; i < 32; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[start+8+i:]))
	}
	for i := 0; i < len(message); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(message[i:]))
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	binary.BigEndian.PutUint16(message[2:], ^uint16(sum))
	return b
}
