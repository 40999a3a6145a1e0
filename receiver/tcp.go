package receiver

import (
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// kindTCP classifies a segment by its flags; ok is false if it answers nothing.
// A reset is one whatever else it says (RFC 9293 §3.10.7.3 looks at RST before
// SYN). What acknowledges and neither opens nor resets is a pure ACK, be it with
// data or FIN.
func kindTCP(flags uint8) (kind probe.Kind, ok bool) {
	const opens = wire.FlagSYN | wire.FlagACK
	switch {
	case flags&wire.FlagRST != 0:
		return probe.KindRST, true
	case flags&opens == opens:
		return probe.KindSYNACK, true
	case flags&wire.FlagACK != 0:
		return probe.KindPureACK, true
	}
	return probe.KindOther, false
}

// segment decodes one TCP header. gopacket also judges options, and allocates
// for many of them, while of options nothing is needed but where they end. So it
// is given a copy of the fixed part that has none.
type segment struct {
	tcp    layers.TCP
	octets [wire.TCPLen]byte
}

// decode decodes the header at the start of b; ok is false if b is not as long
// as that says it is.
func (s *segment) decode(b []byte) (ok bool) {
	if len(b) < wire.TCPLen {
		return false
	}
	if n := int(b[wire.TCPOffset]>>4) * 4; n < wire.TCPLen || n > len(b) {
		return false
	}
	copy(s.octets[:], b)
	s.octets[wire.TCPOffset] = wire.TCPLen/4<<4 | b[wire.TCPOffset]&0xf
	return s.tcp.DecodeFromBytes(s.octets[:], gopacket.NilDecodeFeedback) == nil
}

// tcpAnswer decodes a segment that may come from a target's probed port. Its
// checksum may have been left to the hardware, and is not judged.
func (d *decoder) tcpAnswer(b []byte, r *probe.Reply) codec.Verdict {
	if !d.segment.decode(b) {
		return codec.Malformed
	}
	flags := b[wire.TCPFlags]
	kind, ok := kindTCP(flags)
	if !ok {
		return codec.Unrelated
	}
	r.Kind, r.TCPFlags = kind, flags
	tcp := &d.segment.tcp
	d.answer = codec.Segment{
		SrcPort: uint16(tcp.SrcPort), DstPort: uint16(tcp.DstPort), Seq: tcp.Seq, Ack: tcp.Ack, Flags: flags,
	}
	return d.codec.TCPAnswer(&d.answer, &r.Facts)
}
