package receiver

import (
	"bytes"
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// isFromNobody reports whether no host can have the source address of the packet. That holds for
// unspecified addresses (0.0.0.0/8, ::), loopback (127.0.0.0/8, ::1), broadcast, multicast, and
// the destination of the packet itself. An IPv4-mapped address is judged as the IPv4 address in it.
//
// Reserved addresses such as 240.0.0.0/4 and documentation prefixes are not refused: routers use
// them.
func (d *decoder) isFromNobody() bool {
	src, dst := d.packet[wire.V4Src:wire.V4Dst], d.packet[wire.V4Dst:wire.V4Dst+4]
	if d.packet[0]>>4 == 6 {
		src, dst = d.packet[wire.V6Src:wire.V6Dst], d.packet[wire.V6Dst:wire.V6Len]
		if !(*probe.Addr)(src).Is4() {
			return src[0] == 0xff || isLow(src) || bytes.Equal(src, dst)
		}
		src = src[12:]
	}
	switch {
	case src[0] == 0, src[0] == 127, src[0]>>4 == 0xe:
		return true
	case src[0] == 0xff:
		return src[1]&src[2]&src[3] == 0xff
	}
	return bytes.Equal(src, dst)
}

// isLow reports whether an IPv6 address is :: or ::1.
func isLow(a []byte) bool {
	for _, octet := range a[:15] {
		if octet != 0 {
			return false
		}
	}
	return a[15] <= 1
}

// withResponder refuses an accepted reply if no host can have its source. A target may be anything.
func (d *decoder) withResponder(v codec.Verdict, r *probe.Reply) codec.Verdict {
	if v == codec.Accepted && d.isStrange() && d.isFromNobody() && r.Responder != r.Target {
		return codec.BadResponder
	}
	return v
}

// isStrange reports whether isFromNobody may be true. It reads words, and mostly finds nothing.
func (d *decoder) isStrange() bool {
	b := d.packet
	if b[0]>>4 == 4 {
		src := binary.LittleEndian.Uint32(b[wire.V4Src:])
		first := uint8(src)
		return first == 0 || first == 127 || first >= 0xe0 || src == binary.LittleEndian.Uint32(b[wire.V4Dst:])
	}
	high := binary.LittleEndian.Uint64(b[wire.V6Src:])
	return high == 0 || uint8(high) == 0xff || high == binary.LittleEndian.Uint64(b[wire.V6Dst:])
}
