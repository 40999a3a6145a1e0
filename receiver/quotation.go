package receiver

import (
	"encoding/binary"

	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/probe"
	"github.com/masstrace/masstrace/wire"
)

// quotation decodes the packet that an ICMP error quotes. Routers cut it,
// swap the octets of its length, subtract the header from it, or state 0;
// gopacket refuses such headers, so it is given a copy that states how much is
// there, and what was stated is kept beside.
type quotation struct {
	wire.Quotation
	ip4    layers.IPv4
	ip6    layers.IPv6
	header [60]byte // the longest IPv4 header
	cut    truncation
}

// noNextHeader is the next header value of RFC 8200 §4.7.
const noNextHeader = 59

// decode decodes what is quoted, which must be of the given IP version. The
// result aliases b and is valid until the next call. ok is false if b is not as
// long as its header says the header is.
func (q *quotation) decode(b []byte, version uint8) (_ *wire.Quotation, ok bool) {
	if len(b) == 0 || b[0]>>4 != version {
		return nil, false
	}
	if version == 4 {
		ok = q.decode4(b)
	} else {
		ok = q.decode6(b)
	}
	return &q.Quotation, ok
}

func (q *quotation) decode4(b []byte) bool {
	if len(b) < wire.V4Len {
		return false
	}
	headers := 4 * int(b[0]&0xf)
	if headers < wire.V4Len || headers > len(b) {
		return false
	}
	header := q.header[:copy(q.header[:headers], b)]
	binary.BigEndian.PutUint16(header[wire.V4Length:], uint16(headers))
	if q.ip4.DecodeFromBytes(header, &q.cut) != nil {
		return false
	}
	q.Quotation = wire.Quotation{
		Is4:       true,
		Src:       probe.Addr4From([4]byte(q.ip4.SrcIP)),
		Dst:       probe.Addr4From([4]byte(q.ip4.DstIP)),
		Protocol:  uint8(q.ip4.Protocol),
		TTL:       q.ip4.TTL,
		TOS:       q.ip4.TOS,
		ID:        q.ip4.Id,
		Size:      int(binary.BigEndian.Uint16(b[wire.V4Length:])),
		Headers:   headers,
		Transport: b[headers:],
	}
	return true
}

func (q *quotation) decode6(b []byte) bool {
	if len(b) < wire.V6Len {
		return false
	}
	copy(q.header[:wire.V6Len], b)
	header := q.header[:wire.V6Len+8]
	header[wire.V6Next] = noNextHeader // gopacket needs not look further
	binary.BigEndian.PutUint16(header[wire.V6Length:], 8)
	if q.ip6.DecodeFromBytes(header, &q.cut) != nil {
		return false
	}
	protocol, transport, fragment, ok := wire.SkipExtensions(b[wire.V6Next], b[wire.V6Len:])
	if !ok || fragment != 0 {
		return false
	}
	q.Quotation = wire.Quotation{
		Src:       [16]byte(q.ip6.SrcIP),
		Dst:       [16]byte(q.ip6.DstIP),
		Protocol:  protocol,
		TTL:       q.ip6.HopLimit,
		TOS:       q.ip6.TrafficClass,
		Label:     q.ip6.FlowLabel,
		Size:      wire.V6Len + int(binary.BigEndian.Uint16(b[wire.V6Length:])),
		Headers:   len(b) - len(transport),
		Transport: transport,
	}
	return true
}
