package receiver

import (
	"encoding/binary"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/wire"
)

// layerSet validates headers through gopacket, each in a layer that is used again and again.
//
// gopacket also judges lengths, options and hop-by-hop options. It refuses headers that are
// cut, as quotations are, and lengths that routers rewrite: some swap its octets, subtract the
// header or state 0. Of options nothing is needed but their end, and gopacket allocates for
// TCP's. In those cases it validates a copy of the fixed part that states a true length and no
// options. The callers judge the lengths that the packet itself states.
type layerSet struct {
	ethernet layers.Ethernet
	ip4      layers.IPv4
	ip6      layers.IPv6
	udp      layers.UDP
	tcp      layers.TCP
	copied   [wire.V6Len + 8]byte
}

// Next header values of RFC 8200 §4.3 and §4.7.
const (
	hopByHop     = 0
	noNextHeader = 59
)

// validIPv4 returns the length of the IPv4 header at the start of b, with options. ok is
// false if b ends before the header does.
func (s *layerSet) validIPv4(b []byte) (header int, ok bool) {
	if len(b) < wire.V4Len || b[0]>>4 != 4 {
		return 0, false
	}
	header = 4 * int(b[0]&0xf)
	if header < wire.V4Len || header > len(b) {
		return 0, false
	}
	if header == wire.V4Len && binary.BigEndian.Uint16(b[wire.V4Length:]) >= wire.V4Len {
		return header, s.ip4.DecodeFromBytes(b, gopacket.NilDecodeFeedback) == nil
	}
	fixed := s.copied[:wire.V4Len]
	copy(fixed, b)
	fixed[0] = 4<<4 | wire.V4Len/4
	binary.BigEndian.PutUint16(fixed[wire.V4Length:], wire.V4Len)
	return header, s.ip4.DecodeFromBytes(fixed, gopacket.NilDecodeFeedback) == nil
}

// validIPv6 reports whether b begins with a whole IPv6 header. Extension headers are not
// looked at.
func (s *layerSet) validIPv6(b []byte) (ok bool) {
	if len(b) < wire.V6Len || b[0]>>4 != 6 {
		return false
	}
	if b[wire.V6Next] != hopByHop && binary.BigEndian.Uint16(b[wire.V6Length:]) != 0 {
		return s.ip6.DecodeFromBytes(b, gopacket.NilDecodeFeedback) == nil
	}
	copy(s.copied[:wire.V6Len], b)
	s.copied[wire.V6Next] = noNextHeader
	binary.BigEndian.PutUint16(s.copied[wire.V6Length:], uint16(len(s.copied)-wire.V6Len))
	return s.ip6.DecodeFromBytes(s.copied[:], gopacket.NilDecodeFeedback) == nil
}

// validUDP reports whether b begins with a UDP header, and holds the datagram that it states,
// unless that is cut.
func (s *layerSet) validUDP(b []byte, cut bool) (ok bool) {
	if len(b) < wire.UDPLen {
		return false
	}
	n := int(binary.BigEndian.Uint16(b[wire.UDPLength:]))
	if n >= wire.UDPLen && n > len(b) && cut {
		return true
	}
	if n < wire.UDPLen || n > len(b) {
		return false
	}
	return s.udp.DecodeFromBytes(b, gopacket.NilDecodeFeedback) == nil
}

// validTCP reports whether b begins with a whole TCP header, with options, unless they are cut.
func (s *layerSet) validTCP(b []byte, cut bool) (ok bool) {
	if len(b) < wire.TCPLen {
		return false
	}
	if n := int(b[wire.TCPOffset]>>4) * 4; n < wire.TCPLen || n > len(b) && !cut {
		return false
	}
	fixed := s.copied[:wire.TCPLen]
	copy(fixed, b)
	fixed[wire.TCPOffset] = wire.TCPLen/4<<4 | b[wire.TCPOffset]&0xf
	return s.tcp.DecodeFromBytes(fixed, gopacket.NilDecodeFeedback) == nil
}
