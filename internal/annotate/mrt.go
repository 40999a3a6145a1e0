package annotate

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"github.com/osrg/gobgp/v4/pkg/packet/mrt"
)

// Routing tables in MRT (RFC 6396): records of the type TABLE_DUMP_V2, as RouteViews and RIPE RIS
// publish them. A record has a prefix, and an entry for each peer that has a route to it:
//
//	0            4          5              8              8+n     10+n
//	| sequence … | length   | prefix (n octets)           | count | entries …
//
//	0      2            6                   (10)    8         10
//	| peer | originated | path ID (add-path only)  | length | attributes …
//
// Other attributes than AS_PATH are passed over, so that an odd one keeps nothing from being read.

const (
	// mostMRT is the longest record. The tables of 2026 have none of more than 200 kB.
	mostMRT = 4 << 20
	// flagLong is set in an attribute whose length has two octets (RFC 4271 §4.3).
	flagLong = 0x10
	attrPath = byte(bgp.BGP_ATTR_TYPE_AS_PATH)
)

// isMRT reports whether a file begins with a record that such a table can begin with.
func isMRT(head []byte) bool {
	return len(head) >= mrt.MRT_COMMON_HEADER_LEN && binary.BigEndian.Uint16(head[4:]) == uint16(mrt.TABLE_DUMPv2) &&
		binary.BigEndian.Uint16(head[6:]) <= uint16(mrt.RIB_GENERIC_ADDPATH) && binary.BigEndian.Uint32(head[8:]) <= mostMRT
}

// rib is a routing table that is read.
type rib struct {
	prefixes
	entries map[string]*entry // by the octets of the origins
	room    []byte
	origins []origin // of the prefix that is read
	time    int64
}

// origin is an origin of a prefix, and the number of peers that have it.
type origin struct {
	asn   uint32
	peers int
}

// readMRT reads a table. The origins of a prefix are those of all peers, the one of most peers
// first. Default routes are no origins of anything, and left out.
func readMRT(in *bufio.Reader) (*content, error) {
	r := &rib{entries: map[string]*entry{}}
	head := make([]byte, mrt.MRT_COMMON_HEADER_LEN)
	for at := int64(0); ; {
		if _, err := io.ReadFull(in, head); err == io.EOF {
			break
		} else if err != nil {
			return nil, offsetError(at, cutError(err))
		}
		length := binary.BigEndian.Uint32(head[8:])
		if length > mostMRT {
			return nil, offsetError(at, fmt.Errorf("a record of %d bytes: the maximum is %d", length, mostMRT))
		}
		r.room = slices.Grow(r.room[:0], int(length))[:length]
		if _, err := io.ReadFull(in, r.room); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, offsetError(at, cutError(err))
		}
		h, err := mrt.ParseHeader(head)
		if err == nil {
			err = r.record(h, r.room)
		}
		if err != nil {
			return nil, offsetError(at, err)
		}
		at += int64(len(head)) + int64(length)
	}
	if r.table.Size() == 0 {
		return nil, errors.New("an MRT file without a routing table of unicast prefixes")
	}
	return &content{kind: kindMRT, fields: Origin, time: r.time, finder: &r.prefixes}, nil
}

// record takes a record. Those that are no routes of unicast prefixes are passed over.
func (r *rib) record(h *mrt.MRTHeader, body []byte) error {
	if h.Type != mrt.TABLE_DUMPv2 {
		return nil
	}
	if r.time == 0 {
		r.time = int64(h.Timestamp)
	}
	switch mrt.MRTSubTypeTableDumpv2(h.SubType) {
	case mrt.RIB_IPV4_UNICAST:
		return r.routes(body, 4, false)
	case mrt.RIB_IPV6_UNICAST:
		return r.routes(body, 16, false)
	case mrt.RIB_IPV4_UNICAST_ADDPATH:
		return r.routes(body, 4, true)
	case mrt.RIB_IPV6_UNICAST_ADDPATH:
		return r.routes(body, 16, true)
	}
	return nil
}

var errShort = errors.New("a record that ends before its contents")

// routes takes the routes to a prefix, of an address of some octets.
func (r *rib) routes(body []byte, octets int, addPath bool) error {
	if len(body) < 5 {
		return errShort
	}
	bits, body := int(body[4]), body[5:]
	n := (bits + 7) / 8
	if bits > 8*octets {
		return fmt.Errorf("a prefix of %d bits", bits)
	}
	if len(body) < n+2 {
		return errShort
	}
	var a [16]byte
	copy(a[:], body[:n])
	prefix := netip.PrefixFrom(netip.AddrFrom16(a), bits)
	if octets == 4 {
		prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte(a[:4])), bits)
	}
	count := int(binary.BigEndian.Uint16(body[n:]))
	body = body[n+2:]
	r.origins = r.origins[:0]
	fixed := 8
	if addPath {
		fixed = 12
	}
	for range count {
		if len(body) < fixed {
			return errShort
		}
		length := int(binary.BigEndian.Uint16(body[fixed-2:]))
		if len(body) < fixed+length {
			return errShort
		}
		if err := r.attributes(body[fixed : fixed+length]); err != nil {
			return err
		}
		body = body[fixed+length:]
	}
	if bits == 0 || len(r.origins) == 0 {
		return nil
	}
	return r.add(prefix, r.shared())
}

// attributes takes the origins of the path in the attributes of a route.
func (r *rib) attributes(b []byte) error {
	for len(b) > 0 {
		head, length := 3, 0
		switch {
		case len(b) < head:
			return errShort
		case b[0]&flagLong == 0:
			length = int(b[2])
		case len(b) < 4:
			return errShort
		default:
			head, length = 4, int(binary.BigEndian.Uint16(b[2:]))
		}
		if len(b) < head+length {
			return errShort
		}
		if b[1] == attrPath {
			return r.asPath(b[:head+length])
		}
		b = b[head+length:]
	}
	return nil
}

// asPath takes the origins of a path: its last AS, or all of a set at its end.
func (r *rib) asPath(attribute []byte) error {
	var path bgp.PathAttributeAsPath
	if err := path.DecodeFromBytes(attribute, &bgp.MarshallingOption{MRT: true}); err != nil {
		return fmt.Errorf("AS_PATH: %w", err)
	}
	for _, segment := range slices.Backward(path.Value) {
		list := segment.GetAS()
		switch segment.GetType() {
		case bgp.BGP_ASPATH_ATTR_TYPE_SET:
		case bgp.BGP_ASPATH_ATTR_TYPE_SEQ:
			if len(list) > 0 {
				list = list[len(list)-1:]
			}
		default: // confederations are within one AS
			continue
		}
		if len(list) == 0 {
			continue
		}
		for _, asn := range list {
			if err := r.count(asn); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

// count counts a peer of an origin.
func (r *rib) count(asn uint32) error {
	i := slices.IndexFunc(r.origins, func(o origin) bool { return o.asn == asn })
	if i >= 0 {
		r.origins[i].peers++
		return nil
	}
	if len(r.origins) == mostOrigins {
		return fmt.Errorf("a prefix with more than %d origins", mostOrigins)
	}
	r.origins = append(r.origins, origin{asn, 1})
	return nil
}

// shared returns the entry of the origins of a prefix.
func (r *rib) shared() *entry {
	slices.SortFunc(r.origins, func(a, b origin) int { return cmp.Or(b.peers-a.peers, cmp.Compare(a.asn, b.asn)) })
	key := r.room[:0] // its octets were read
	for _, o := range r.origins {
		key = binary.BigEndian.AppendUint32(key, o.asn)
	}
	e := r.entries[string(key)]
	if e == nil {
		e = new(entry)
		for _, o := range r.origins {
			e.asn = append(e.asn, o.asn)
		}
		r.entries[string(key)] = e
	}
	return e
}
