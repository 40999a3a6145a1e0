package receiver

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/linklayer"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// gopacket validates, wire decodes: validate.go passes the headers of a frame and of a quotation
// to gopacket. Their fields are then read at the offsets of wire.
//
// A frame becomes a reply in eight functions and three files. The path below is that of an
// ICMPv4 error for a UDP probe; the others run beside it.
//
//	receiver/decode.go   Receiver.take → decoder.decode → ipv4 → icmp4 → quotation4
//	codec/quoted.go                                              └▶ Codec.Quoted
//	codec/udp.go                                                     └▶ Codec.quotedUDP
//	codec/quoted.go                                                      └▶ Codec.compareTags

// take decodes a frame into the next reply of the batch.
func (r *Receiver) take(frame []byte, stamp int64) {
	r.frames++
	n := len(r.batch)
	r.batch = r.batch[:n+1]
	reply := &r.batch[n]
	if !r.decoder.accept(r.decoder.decode(frame, reply)) {
		r.batch = r.batch[:n]
		return
	}
	reply.Stamp = stamp
	if len(reply.Ext) > 0 {
		r.octets = KeepExtension(r.octets, reply)
	}
}

// decoder decodes frames of one link type, one at a time. It reuses its layers, so that a
// frame costs no allocation.
type decoder struct {
	codec identity
	heard *account.Live
	link  int // a link type that setLink accepts

	// wide is set for captures of other programs. Their frames are of any link type, in tunnels,
	// and perhaps cut. ICMP errors of all types count.
	wide    bool
	finder  linklayer.Finder
	cut     bool              // the capture has only the first octets of this frame
	finding linklayer.Finding // for this frame, if it is not Ethernet of a run of ours
	inner   bool              // the quotation begins within a packet: it has no transport header
	about   bool              // the message is about routes or rates, and answers no probe

	layers layerSet
	packet []byte // the IP packet of the frame
	quote  wire.Quotation
	answer codec.Segment
}

// identity authenticates a packet and returns the probe that it answers. A codec.Codec finds
// the probe by its key, foreign by the fields that the packet quotes.
type identity interface {
	Quoted(q *wire.Quotation, r *probe.Facts) codec.Verdict
	EchoReply(message []byte, is4 bool, r *probe.Facts) codec.Verdict
	answerIdentity
}

// answerIdentity is the part of identity for answers of a target's transport layer.
type answerIdentity interface {
	UDPAnswer(srcPort, dstPort uint16, r *probe.Facts) codec.Verdict
	TCPAnswer(s *codec.Segment, r *probe.Facts) codec.Verdict
}

func (d *decoder) init(linkType int, c identity, heard *account.Live) error {
	d.codec, d.heard = c, heard
	return d.setLink(linkType)
}

// decode fills r from a frame. Only after Accepted is all of r of use, and after Garbled
// and BadSource the fields that codec.Codec.Quoted fills then. r.Ext aliases frame.
func (d *decoder) decode(frame []byte, r *probe.Reply) (v codec.Verdict) {
	*r = probe.Reply{}
	d.about = false
	d.packet, _, v = d.ipPacket(frame)
	switch {
	case v != codec.Accepted:
		return v
	case d.packet[0]>>4 == 4:
		v = d.ipv4(d.packet, r)
	default:
		v = d.ipv6(d.packet, r)
	}
	return d.withResponder(v, r)
}

// ipv4 decodes an IPv4 packet. Its checksum is judged last, when it is clear that the packet
// is for this run.
func (d *decoder) ipv4(b []byte, r *probe.Reply) codec.Verdict {
	header, ok := d.layers.validIPv4(b)
	if !ok {
		return codec.Malformed
	}
	size := int(binary.BigEndian.Uint16(b[wire.V4Length:]))
	if size < header || size > len(b) && !d.cut {
		return codec.Malformed
	}
	if isFragment4(b) {
		d.heard.Fragments.Add(1)
		return codec.Unrelated // no router fragments an ICMP error: it is too small
	}
	r.Responder.Set4(b[wire.V4Src:])
	r.Protocol, r.ReplyTTL, r.ReplyTOS = b[wire.V4Protocol], b[wire.V4TTL], b[wire.V4TOS]
	r.ReplyID, r.ReplySize = binary.BigEndian.Uint16(b[wire.V4ID:]), uint32(size)
	if size <= len(b) {
		d.cut = false // the missing octets are not of the packet
	}
	message := b[header:min(size, len(b))]
	intact := wire.Fold(wire.Sum(b[:header], 0)) == 0xffff
	switch r.Protocol {
	case probe.ProtoICMP:
		v := d.icmp4(message, r)
		return withChecksum(v, intact && (d.cut || wire.Fold(wire.Sum(message, 0)) == 0xffff))
	case probe.ProtoUDP:
		return withChecksum(d.udpAnswer(message, r), intact)
	case probe.ProtoTCP:
		return withChecksum(d.tcpAnswer(message, r), intact)
	}
	return codec.Unrelated
}

// isFragment4 reports whether an IPv4 packet is a fragment: it has an offset, or more follow.
func isFragment4(b []byte) bool {
	const moreAndOffset = 0x3fff
	return binary.BigEndian.Uint16(b[wire.V4Fragment:])&moreAndOffset != 0
}

// ipv6 decodes an IPv6 packet, with its extension headers.
func (d *decoder) ipv6(b []byte, r *probe.Reply) codec.Verdict {
	if !d.layers.validIPv6(b) {
		return codec.Malformed
	}
	r.Responder = probe.Addr(b[wire.V6Src:])
	r.ReplyTTL, r.ReplyTOS = b[wire.V6HopLimit], trafficClass(b)
	length := int(binary.BigEndian.Uint16(b[wire.V6Length:]))
	r.ReplySize = uint32(wire.V6Len + length)
	switch {
	case length <= len(b)-wire.V6Len:
		d.cut = false // the missing octets are not of the packet
	case d.cut:
		length = len(b) - wire.V6Len
	default:
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
	if r.Responder.Is4() && protocol != probe.ProtoICMPv6 {
		return codec.Unrelated // not an answer of an IPv4 target
	}
	switch protocol {
	case probe.ProtoICMPv6:
		// Routers of an IPv4 core that carries IPv6 (6PE, RFC 4798) answer from IPv4-mapped
		// addresses.
		v := d.icmp6(message, r)
		if d.cut {
			return v
		}
		sum := wire.PseudoSum(b[wire.V6Src:wire.V6Dst], b[wire.V6Dst:wire.V6Len], protocol, len(message))
		return withChecksum(v, wire.Fold(wire.Sum(message, sum)) == 0xffff)
	case probe.ProtoUDP:
		return d.udpAnswer(message, r)
	case probe.ProtoTCP:
		return d.tcpAnswer(message, r)
	}
	return codec.Unrelated
}

// trafficClass returns the traffic class of an IPv6 header, which lies across two octets.
func trafficClass(b []byte) uint8 { return b[0]<<4 | b[1]>>4 }

// withChecksum puts a wrong checksum into the order of the verdicts: a frame that is
// malformed or for another program is counted as that first.
func withChecksum(v codec.Verdict, intact bool) codec.Verdict {
	if intact || v == codec.Malformed || v == codec.Unrelated {
		return v
	}
	return codec.BadChecksum
}

// icmp4 decodes an ICMPv4 message: an echo reply, or an error with its quotation.
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
	case wire.ICMPv4SourceQuench, wire.ICMPv4Redirect:
		if d.about = true; !d.wide {
			return codec.Unrelated
		}
	default:
		return codec.Unrelated
	}
	r.Kind = kind4(r.Type, r.Code)
	if r.Kind == probe.KindFragNeeded {
		r.MTU = uint32(binary.BigEndian.Uint16(b[wire.ICMPMTU4:]))
	}
	var origin []byte
	origin, r.Ext = d.split(b[wire.ICMPLen:], 4*int(b[wire.ICMPv4QuoteWords]))
	return d.quoted(d.quotation4(origin), r)
}

// quoted decodes a quotation that is in d.quote if v is Accepted.
func (d *decoder) quoted(v codec.Verdict, r *probe.Reply) codec.Verdict {
	if v != codec.Accepted {
		return v
	}
	return d.codec.Quoted(&d.quote, &r.Facts)
}

// icmp6 decodes an ICMPv6 message: an echo reply, or an error with its quotation.
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
	case wire.ICMPv6Redirect:
		if d.about = true; !d.wide {
			return codec.Unrelated
		}
		r.Kind = probe.KindOther
		return d.quoted(d.quotation6(redirected(b)), r)
	default:
		return codec.Unrelated
	}
	r.Kind = kind6(r.Type, r.Code)
	var origin []byte
	origin, r.Ext = d.split(b[wire.ICMPLen:], stated)
	return d.quoted(d.quotation6(origin), r)
}

// split separates a quotation from the extension structure after it. A cut message has none: its
// end would prove it.
func (d *decoder) split(quote []byte, stated int) (origin, ext []byte) {
	if d.cut {
		return quote, nil
	}
	return wire.FindExtension(quote, stated)
}

// quotation4 fills d.quote, which then aliases b, from a quoted IPv4 packet. The verdict is
// Accepted, or Malformed if b ends before the header does.
func (d *decoder) quotation4(b []byte) codec.Verdict {
	header, ok := d.layers.validIPv4(b)
	if !ok {
		return codec.Malformed
	}
	q := &d.quote
	// Field by field: a literal would be built elsewhere and copied.
	q.Is4 = true
	(*probe.Addr)(&q.Src).Set4(b[wire.V4Src:])
	(*probe.Addr)(&q.Dst).Set4(b[wire.V4Dst:])
	q.Protocol, q.TTL, q.TOS = b[wire.V4Protocol], b[wire.V4TTL], b[wire.V4TOS]
	q.ID, q.Label = binary.BigEndian.Uint16(b[wire.V4ID:]), 0
	q.Size = int(binary.BigEndian.Uint16(b[wire.V4Length:]))
	q.Headers, q.Transport = header, b[header:]
	if d.wide {
		const offset = 0x1fff
		d.inner = binary.BigEndian.Uint16(b[wire.V4Fragment:])&offset != 0
	}
	return codec.Accepted
}

// quotation6 is quotation4 for IPv6. The verdict is Unrelated for a later fragment: a probe
// never becomes one.
func (d *decoder) quotation6(b []byte) codec.Verdict {
	if !d.layers.validIPv6(b) {
		return codec.Malformed
	}
	protocol, transport, part, ok := wire.SkipExtensions(b[wire.V6Next], b[wire.V6Len:])
	switch {
	case !ok:
		return codec.Malformed
	case part.Offset() != 0 && !d.wide:
		return codec.Unrelated
	}
	d.inner = part.Offset() != 0
	q := &d.quote
	q.Is4 = false
	q.Src, q.Dst = [16]byte(b[wire.V6Src:]), [16]byte(b[wire.V6Dst:])
	q.Protocol, q.TTL, q.TOS = protocol, b[wire.V6HopLimit], trafficClass(b)
	q.ID, q.Label = 0, binary.BigEndian.Uint32(b)&(1<<20-1)
	q.Size = wire.V6Len + int(binary.BigEndian.Uint16(b[wire.V6Length:]))
	q.Headers, q.Transport = len(b)-len(transport), transport
	return codec.Accepted
}

// accept reports whether a frame with that verdict concerns one of our probes: as a reply, or
// as one without enough valid tags. It counts a frame that is not a reply.
func (d *decoder) accept(v codec.Verdict) bool {
	switch v {
	case codec.Accepted:
		return true
	case codec.Malformed:
		d.heard.Malformed.Add(1)
	case codec.BadChecksum:
		d.heard.Rejected.Checksum.Add(1)
	case codec.BadSource:
		d.heard.Rejected.Source.Add(1)
	case codec.BadResponder:
		d.heard.Rejected.Responder.Add(1)
	case codec.Garbled:
		d.heard.Rejected.Tag.Add(1)
	case codec.Conflict:
		d.heard.Rejected.Conflict.Add(1)
	default:
		d.heard.Unrelated.Add(1)
	}
	return v == codec.Garbled || v == codec.BadSource
}
