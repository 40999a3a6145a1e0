package receiver

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// quotation decodes the packet that an ICMP error quotes.
type quotation struct {
	wire.Quotation
	header header
}

// decode decodes what is quoted, which must be of the given IP version. The
// result aliases b and is valid until the next call. The verdict is Accepted;
// Malformed if b is not as long as its header says the header is; Unrelated if
// what is quoted is the rest of a packet, which no probe comes to.
func (q *quotation) decode(b []byte, version uint8) codec.Verdict {
	if version == 4 {
		return q.decode4(b)
	}
	return q.decode6(b)
}

func (q *quotation) decode4(b []byte) codec.Verdict {
	headers, ok := q.header.decode4(b)
	if !ok {
		return codec.Malformed
	}
	ip := &q.header.ip4
	// Field by field: a literal would be built elsewhere and copied.
	q.Is4 = true
	(*probe.Addr)(&q.Src).Set4(ip.SrcIP)
	(*probe.Addr)(&q.Dst).Set4(ip.DstIP)
	q.Protocol = uint8(ip.Protocol)
	q.TTL, q.TOS, q.ID, q.Label = ip.TTL, ip.TOS, ip.Id, 0
	q.Size = int(binary.BigEndian.Uint16(b[wire.V4Length:]))
	q.Headers, q.Transport = headers, b[headers:]
	return codec.Accepted
}

func (q *quotation) decode6(b []byte) codec.Verdict {
	if !q.header.decode6(b) {
		return codec.Malformed
	}
	protocol, transport, part, ok := wire.SkipExtensions(b[wire.V6Next], b[wire.V6Len:])
	switch {
	case !ok:
		return codec.Malformed
	case part.Offset() != 0:
		return codec.Unrelated
	}
	ip := &q.header.ip6
	q.Is4 = false
	q.Src, q.Dst = [16]byte(ip.SrcIP), [16]byte(ip.DstIP)
	q.Protocol = protocol
	q.TTL, q.TOS, q.ID, q.Label = ip.HopLimit, ip.TrafficClass, 0, ip.FlowLabel
	q.Size = wire.V6Len + int(binary.BigEndian.Uint16(b[wire.V6Length:]))
	q.Headers, q.Transport = len(b)-len(transport), transport
	return codec.Accepted
}
