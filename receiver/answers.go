package receiver

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// udpAnswer decodes a datagram that may come from a target's probed port. Its checksum may
// have been left to the hardware, and is not judged.
func (d *decoder) udpAnswer(b []byte, r *probe.Reply) codec.Verdict {
	if !d.layers.validUDP(b, d.cut) {
		return codec.Malformed
	}
	srcPort := binary.BigEndian.Uint16(b[wire.UDPSrcPort:])
	return d.codec.UDPAnswer(srcPort, binary.BigEndian.Uint16(b[wire.UDPDstPort:]), &r.Facts)
}

// tcpAnswer decodes a segment that may come from a target's probed port. Its checksum may
// have been left to the hardware, and is not judged.
func (d *decoder) tcpAnswer(b []byte, r *probe.Reply) codec.Verdict {
	if !d.layers.validTCP(b, d.cut) {
		return codec.Malformed
	}
	flags := b[wire.TCPFlags]
	kind, ok := kindTCP(flags)
	if !ok {
		return codec.Unrelated
	}
	r.Kind, r.TCPFlags = kind, flags
	d.answer = codec.Segment{
		SrcPort: binary.BigEndian.Uint16(b[wire.TCPSrcPort:]),
		DstPort: binary.BigEndian.Uint16(b[wire.TCPDstPort:]),
		Seq:     binary.BigEndian.Uint32(b[wire.TCPSeq:]),
		Ack:     binary.BigEndian.Uint32(b[wire.TCPAck:]),
		Flags:   flags,
	}
	return d.codec.TCPAnswer(&d.answer, &r.Facts)
}
