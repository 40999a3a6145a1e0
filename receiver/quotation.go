package receiver

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/codec"
	"github.com/masstrace/masstrace/probe"
	"github.com/masstrace/masstrace/wire"
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
	q.Quotation = wire.Quotation{
		Is4:       true,
		Src:       probe.Addr4From([4]byte(ip.SrcIP)),
		Dst:       probe.Addr4From([4]byte(ip.DstIP)),
		Protocol:  uint8(ip.Protocol),
		TTL:       ip.TTL,
		TOS:       ip.TOS,
		ID:        ip.Id,
		Size:      int(binary.BigEndian.Uint16(b[wire.V4Length:])),
		Headers:   headers,
		Transport: b[headers:],
	}
	return codec.Accepted
}

func (q *quotation) decode6(b []byte) codec.Verdict {
	if !q.header.decode6(b) {
		return codec.Malformed
	}
	protocol, transport, fragment, ok := wire.SkipExtensions(b[wire.V6Next], b[wire.V6Len:])
	switch {
	case !ok:
		return codec.Malformed
	case fragment != 0:
		return codec.Unrelated
	}
	ip := &q.header.ip6
	q.Quotation = wire.Quotation{
		Src:       [16]byte(ip.SrcIP),
		Dst:       [16]byte(ip.DstIP),
		Protocol:  protocol,
		TTL:       ip.HopLimit,
		TOS:       ip.TrafficClass,
		Label:     ip.FlowLabel,
		Size:      wire.V6Len + int(binary.BigEndian.Uint16(b[wire.V6Length:])),
		Headers:   len(b) - len(transport),
		Transport: transport,
	}
	return codec.Accepted
}
