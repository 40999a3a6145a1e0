package receiver

import (
	"encoding/binary"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// decoder decodes frames of one link type, one at a time. Its layers are used
// over and over, so that a frame costs no allocation.
type decoder struct {
	codec identity
	heard *account.Live
	link  int // one of those that setLink knows

	ethernet layers.Ethernet
	header   header
	udp      layers.UDP
	segment  segment
	answer   codec.Segment
	quote    quotation
}

func (d *decoder) init(linkType int, c identity, heard *account.Live) error {
	d.codec, d.heard = c, heard
	return d.setLink(linkType)
}

// decode fills r from frame and reports whether it says something of one of our
// probes: as a reply, or as a quotation that is Garbled. A frame that is no reply
// is counted.
func (d *decoder) decode(frame []byte, r *probe.Reply) bool {
	*r = probe.Reply{}
	v := d.packet(frame, r)
	if v != codec.Accepted {
		d.count(v)
	}
	return v == codec.Accepted || v == codec.Garbled
}

// count counts a frame that is no reply.
func (d *decoder) count(v codec.Verdict) {
	switch v {
	case codec.Malformed:
		d.heard.Malformed.Add(1)
	case codec.BadChecksum:
		d.heard.Rejected.Checksum.Add(1)
	case codec.BadSource:
		d.heard.Rejected.Source.Add(1)
	case codec.BadTag, codec.Garbled:
		d.heard.Rejected.Tag.Add(1)
	case codec.Conflict:
		d.heard.Rejected.Conflict.Add(1)
	default:
		d.heard.Unrelated.Add(1)
	}
}

// packet4 decodes an IPv4 packet. Its checksum is judged last, when it is
// clear that the packet means us.
func (d *decoder) packet4(b []byte, r *probe.Reply) codec.Verdict {
	headers, ok := d.header.decode4(b)
	if !ok {
		return codec.Malformed
	}
	size := int(binary.BigEndian.Uint16(b[wire.V4Length:]))
	if size < headers || size > len(b) {
		return codec.Malformed
	}
	ip := &d.header.ip4
	if ip.FragOffset != 0 || ip.Flags&layers.IPv4MoreFragments != 0 {
		d.heard.Fragments.Add(1)
		return codec.Unrelated // no router fragments an ICMP error: too small
	}
	r.Responder.Set4(ip.SrcIP)
	r.Protocol, r.ReplyTTL, r.ReplyTOS = uint8(ip.Protocol), ip.TTL, ip.TOS
	r.ReplyID, r.ReplySize = ip.Id, uint32(size)
	message := b[headers:size]
	intact := wire.Fold(wire.Sum(b[:headers], 0)) == 0xffff
	switch r.Protocol {
	case probe.ProtoICMP:
		v := d.icmp4(message, r)
		return withChecksum(v, intact && wire.Fold(wire.Sum(message, 0)) == 0xffff)
	case probe.ProtoUDP:
		return withChecksum(d.udpAnswer(message, r), intact)
	case probe.ProtoTCP:
		return withChecksum(d.tcpAnswer(message, r), intact)
	}
	return codec.Unrelated
}

func (d *decoder) packet6(b []byte, r *probe.Reply) codec.Verdict {
	if !d.header.decode6(b) {
		return codec.Malformed
	}
	ip := &d.header.ip6
	if r.Responder = probe.Addr(ip.SrcIP); r.Responder.Is4() {
		return codec.Unrelated // an IPv4 address is none that a packet comes from (RFC 6890 §2.2.3)
	}
	r.ReplyTTL, r.ReplyTOS = ip.HopLimit, ip.TrafficClass
	length := int(binary.BigEndian.Uint16(b[wire.V6Length:]))
	r.ReplySize = uint32(wire.V6Len + length)
	if length > len(b)-wire.V6Len {
		return codec.Malformed
	}
	protocol, message, part, ok := wire.SkipExtensions(b[wire.V6Next], b[wire.V6Len:wire.V6Len+length])
	switch {
	case !ok:
		return codec.Malformed
	case part != 0:
		d.heard.Fragments.Add(1)
		return codec.Unrelated
	}
	r.Protocol = protocol
	switch protocol {
	case probe.ProtoICMPv6:
		v := d.icmp6(message, r)
		sum := wire.PseudoSum(ip.SrcIP, ip.DstIP, protocol, len(message))
		return withChecksum(v, wire.Fold(wire.Sum(message, sum)) == 0xffff)
	case probe.ProtoUDP:
		return d.udpAnswer(message, r)
	case probe.ProtoTCP:
		return d.tcpAnswer(message, r)
	}
	return codec.Unrelated
}

// judged puts a wrong checksum in its place among the verdicts: a frame that is
// malformed or means somebody else is counted as that first.
func withChecksum(v codec.Verdict, intact bool) codec.Verdict {
	if intact || v == codec.Malformed || v == codec.Unrelated {
		return v
	}
	return codec.BadChecksum
}

func (d *decoder) icmp4(b []byte, r *probe.Reply) codec.Verdict {
	if len(b) < wire.ICMPLen {
		return codec.Malformed
	}
	r.Type, r.Code = b[wire.ICMPType], b[wire.ICMPCode]
	switch r.Type {
	case wire.ICMPv4EchoReply:
		r.Kind = probe.KindEchoReply
		return d.codec.EchoReply(b, true, &r.Facts)
	case wire.ICMPv4Unreachable, wire.ICMPv4TimeExceeded, wire.ICMPv4ParameterProblem:
	default:
		return codec.Unrelated
	}
	r.Kind = kind4(r.Type, r.Code)
	if r.Kind == probe.KindFragNeeded {
		r.MTU = uint32(binary.BigEndian.Uint16(b[wire.ICMPMTU4:]))
	}
	var origin []byte
	origin, r.Ext = wire.FindExtension(b[wire.ICMPLen:], 4*int(b[wire.ICMPv4QuoteWords]))
	return d.quoted(origin, 4, r)
}

func (d *decoder) icmp6(b []byte, r *probe.Reply) codec.Verdict {
	if len(b) < wire.ICMPLen {
		return codec.Malformed
	}
	r.Type, r.Code = b[wire.ICMPType], b[wire.ICMPCode]
	stated := 0
	switch r.Type {
	case wire.ICMPv6EchoReply:
		r.Kind = probe.KindEchoReply
		return d.codec.EchoReply(b, false, &r.Facts)
	case wire.ICMPv6Unreachable, wire.ICMPv6TimeExceeded:
		stated = 8 * int(b[wire.ICMPv6QuoteWords])
	case wire.ICMPv6PacketTooBig:
		r.MTU = binary.BigEndian.Uint32(b[wire.ICMPMTU6:])
	case wire.ICMPv6ParameterProblem:
	default:
		return codec.Unrelated
	}
	r.Kind = kind6(r.Type, r.Code)
	var origin []byte
	origin, r.Ext = wire.FindExtension(b[wire.ICMPLen:], stated)
	return d.quoted(origin, 6, r)
}

func (d *decoder) quoted(origin []byte, version uint8, r *probe.Reply) codec.Verdict {
	if v := d.quote.decode(origin, version); v != codec.Accepted {
		return v
	}
	return d.codec.Quoted(&d.quote.Quotation, &r.Facts)
}

// udpAnswer decodes a datagram that may come from a target's probed port. Its
// checksum may have been left to the hardware, and is not judged.
func (d *decoder) udpAnswer(b []byte, r *probe.Reply) codec.Verdict {
	if len(b) < wire.UDPLen {
		return codec.Malformed
	}
	if n := int(binary.BigEndian.Uint16(b[wire.UDPLength:])); n < wire.UDPLen || n > len(b) {
		return codec.Malformed
	}
	if d.udp.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil {
		return codec.Malformed
	}
	return d.codec.UDPAnswer(uint16(d.udp.SrcPort), uint16(d.udp.DstPort), &r.Facts)
}
