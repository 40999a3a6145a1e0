package mrt

import (
	"encoding/binary"
	"slices"

	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
)

// AppendOrigins appends the AS numbers that originate the route. Of the AS path of each peer, it
// is the last one, or all of the AS set at its end; confederations are passed over. An AS that
// several peers see is appended as many times, in the order of the peers. A path that is damaged
// has no origin.
func (t Route) AppendOrigins(to []uint32) []uint32 {
	if t.short {
		return t.appendOrigins(to, t.paths)
	}
	// | peer index | originated | identifier, if there are several paths | length | attributes
	head := 2 + 4
	if t.more {
		head += 4
	}
	for rest := t.paths; len(rest) >= head+2; {
		n := int(binary.BigEndian.Uint16(rest[head:]))
		if rest = rest[head+2:]; n > len(rest) {
			break
		}
		to = t.appendOrigins(to, rest[:n])
		rest = rest[n:]
	}
	return to
}

// appendOrigins appends the origins of one path. An attribute has flags, a type, and a length of
// one octet or two (RFC 4271 §4.3).
func (t Route) appendOrigins(to []uint32, attributes []byte) []uint32 {
	for len(attributes) >= 3 {
		head, n := 3, int(attributes[2])
		if attributes[0]&byte(bgp.BGP_ATTR_FLAG_EXTENDED_LENGTH) != 0 {
			if len(attributes) < 4 {
				return to
			}
			head, n = 4, int(binary.BigEndian.Uint16(attributes[2:]))
		}
		if head+n > len(attributes) {
			return to
		}
		if bgp.BGPAttrType(attributes[1]) == bgp.BGP_ATTR_TYPE_AS_PATH {
			return t.appendPath(to, attributes[:head+n])
		}
		attributes = attributes[head+n:]
	}
	return to
}

func (t Route) appendPath(to []uint32, attribute []byte) []uint32 {
	var path bgp.PathAttributeAsPath
	if err := path.DecodeFromBytes(attribute, &bgp.MarshallingOption{MRT: true, Use2ByteAS: t.short}); err != nil || len(path.Value) == 0 {
		return to
	}
	for _, segment := range slices.Backward(path.Value) {
		all := segment.GetAS()
		switch segment.GetType() {
		case bgp.BGP_ASPATH_ATTR_TYPE_SET:
		case bgp.BGP_ASPATH_ATTR_TYPE_SEQ:
			all = all[max(len(all)-1, 0):]
		default: // a confederation is within one AS
			continue
		}
		if len(all) > 0 {
			return append(to, all...)
		}
	}
	return to
}
