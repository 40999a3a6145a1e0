package receiver

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// foreign is the identity for probes of any program: scamper, yarrp, caracal, traceroute, mtr, or
// a run whose key is lost. It verifies nothing. header is the probe, as far as the reply shows
// it.
type foreign struct {
	decoder  *decoder
	header   probe.Header
	isAnswer bool // of the target: it counts only if a capture has the probe
	isAside  bool // it quotes another packet than a probe

	whole [wire.MinTransport]byte // a cut transport header, with zeros at its end
}

// Quoted implements identity.
func (f *foreign) Quoted(q *wire.Quotation, r *probe.Facts) codec.Verdict {
	f.isAnswer, f.isAside = false, false
	r.HasQuote = true
	r.QuotedTTL, r.QuotedTOS, r.QuotedID = q.TTL, q.TOS, q.ID
	r.QuotedSize = uint32(q.Size)
	r.QuotedLen = uint16(q.Headers + len(q.Transport))
	r.Target = q.Dst
	if !f.isProbe(q) {
		return f.aside(q)
	}
	if len(q.Transport) < wire.MinTransport {
		f.whole = [wire.MinTransport]byte{}
		copy(f.whole[:], q.Transport)
		q.Transport = f.whole[:]
	}
	if headerOf(&f.header, q) != codec.Accepted {
		return f.aside(q)
	}
	return codec.Accepted
}

// headerOf fills h from a packet, or from the quoted part of it. The verdict is Unrelated for a
// packet that no prober sends.
func headerOf(h *probe.Header, q *wire.Quotation) codec.Verdict {
	*h = probe.Header{
		Src: q.Src, Dst: q.Dst, Protocol: q.Protocol, TTL: q.TTL, TOS: q.TOS,
		ID: q.ID, Label: q.Label, Size: q.Size,
	}
	b := q.Transport
	if len(b) < wire.MinTransport {
		return codec.Malformed
	}
	switch q.Protocol {
	case probe.ProtoUDP:
		h.Method = probe.UDP
		h.SrcPort, h.DstPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[wire.UDPDstPort:])
		h.Len, h.Sum = binary.BigEndian.Uint16(b[wire.UDPLength:]), binary.BigEndian.Uint16(b[wire.UDPChecksum:])
	case probe.ProtoTCP:
		h.Method = probe.TCPSYN
		h.SrcPort, h.DstPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[wire.TCPDstPort:])
		h.Seq = binary.BigEndian.Uint32(b[wire.TCPSeq:])
		if len(b) > wire.TCPFlags {
			h.Ack = binary.BigEndian.Uint32(b[wire.TCPAck:])
			if b[wire.TCPFlags]&wire.FlagSYN == 0 {
				h.Method = probe.TCPACK
			}
		}
	case probe.ProtoICMP, probe.ProtoICMPv6:
		echo := uint8(wire.ICMPv4Echo)
		if q.Protocol == probe.ProtoICMPv6 {
			echo = wire.ICMPv6Echo
		}
		if b[wire.ICMPType] != echo || q.Is4 != (q.Protocol == probe.ProtoICMP) {
			return codec.Unrelated
		}
		h.Method = probe.ICMP
		h.Sum = binary.BigEndian.Uint16(b[wire.ICMPChecksum:])
		h.SrcPort, h.Seq = binary.BigEndian.Uint16(b[wire.EchoID:]), uint32(binary.BigEndian.Uint16(b[wire.EchoSeq:]))
	default:
		return codec.Unrelated
	}
	return codec.Accepted
}

// answered begins the header of a probe that r.Responder itself answers.
func (f *foreign) answered(r *probe.Facts, protocol uint8) {
	f.isAnswer, f.isAside = true, false
	f.header = probe.Header{Dst: r.Responder, Protocol: protocol}
	if r.Responder.Is4() {
		f.header.Src = probe.Addr4From([4]byte(f.decoder.packet[wire.V4Dst:]))
	} else {
		f.header.Src = probe.Addr(f.decoder.packet[wire.V6Dst:])
	}
	r.Target = r.Responder
}

// EchoReply implements identity.
func (f *foreign) EchoReply(b []byte, is4 bool, r *probe.Facts) codec.Verdict {
	f.answered(r, probe.ICMP.Protocol(is4))
	f.header.Method = probe.ICMP
	f.header.SrcPort = binary.BigEndian.Uint16(b[wire.EchoID:])
	f.header.Seq = uint32(binary.BigEndian.Uint16(b[wire.EchoSeq:]))
	return codec.Accepted
}

// UDPAnswer implements identity.
func (f *foreign) UDPAnswer(srcPort, dstPort uint16, r *probe.Facts) codec.Verdict {
	f.answered(r, probe.ProtoUDP)
	f.header.Method, f.header.SrcPort, f.header.DstPort = probe.UDP, dstPort, srcPort
	r.Kind = probe.KindUDPReply
	return codec.Accepted
}

// TCPAnswer implements identity. The sequence number of the header is right if the probe was a
// SYN, the acknowledgement if it was an ACK.
func (f *foreign) TCPAnswer(s *codec.Segment, r *probe.Facts) codec.Verdict {
	f.answered(r, probe.ProtoTCP)
	f.header.Method, f.header.SrcPort, f.header.DstPort = probe.TCPSYN, s.DstPort, s.SrcPort
	f.header.Seq, f.header.Ack = s.Ack-1, s.Seq
	return codec.Accepted
}
