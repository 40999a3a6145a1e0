package receiver

import (
	"encoding/binary"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/wire"
)

// header decodes one IP header, be it of a frame or of a quotation.
//
// gopacket also judges lengths, options and hop-by-hop options. Quotations are
// cut, and routers swap the octets of their length, subtract the header from
// it, or state 0; of options nothing is needed but where they end. Where it
// would find fault, gopacket is given a copy of the fixed part that states what
// is there; the callers judge the lengths that were stated.
type header struct {
	ip4    layers.IPv4
	ip6    layers.IPv6
	octets [wire.V6Len + 8]byte
}

// Next header values of RFC 8200 §4.3 and §4.7.
const (
	hopByHop     = 0
	noNextHeader = 59
)

// decode4 decodes the IPv4 header at the start of b into ip4, which aliases b or
// h, and returns its length with options; ok is false if b is not as long. The
// length in ip4 need not be the one stated.
func (h *header) decode4(b []byte) (headers int, ok bool) {
	if len(b) < wire.V4Len || b[0]>>4 != 4 {
		return 0, false
	}
	headers = 4 * int(b[0]&0xf)
	if headers < wire.V4Len || headers > len(b) {
		return 0, false
	}
	if headers == wire.V4Len && binary.BigEndian.Uint16(b[wire.V4Length:]) >= wire.V4Len {
		return headers, h.ip4.DecodeFromBytes(b, gopacket.NilDecodeFeedback) == nil
	}
	fixed := h.octets[:wire.V4Len]
	copy(fixed, b)
	fixed[0] = 4<<4 | wire.V4Len/4
	binary.BigEndian.PutUint16(fixed[wire.V4Length:], wire.V4Len)
	return headers, h.ip4.DecodeFromBytes(fixed, gopacket.NilDecodeFeedback) == nil
}

// decode6 decodes the IPv6 header at the start of b into ip6, which aliases b or
// h. Length and next header in ip6 need not be those stated.
func (h *header) decode6(b []byte) (ok bool) {
	if len(b) < wire.V6Len || b[0]>>4 != 6 {
		return false
	}
	if b[wire.V6Next] != hopByHop && binary.BigEndian.Uint16(b[wire.V6Length:]) != 0 {
		return h.ip6.DecodeFromBytes(b, gopacket.NilDecodeFeedback) == nil
	}
	copy(h.octets[:wire.V6Len], b)
	h.octets[wire.V6Next] = noNextHeader
	binary.BigEndian.PutUint16(h.octets[wire.V6Length:], uint16(len(h.octets)-wire.V6Len))
	return h.ip6.DecodeFromBytes(h.octets[:], gopacket.NilDecodeFeedback) == nil
}
