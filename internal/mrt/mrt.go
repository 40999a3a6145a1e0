// Package mrt reads routing tables in the MRT format (RFC 6396): TABLE_DUMP_V2, also with
// additional paths (RFC 8050), and TABLE_DUMP. RouteViews, RIPE RIS and most BGP routers write
// it.
//
// The library gobgp decodes headers, prefixes and AS paths. It would decode all attributes of all
// paths of a prefix at once: 40 peers make that a hundred times the work that prefixes need. So
// this package passes over paths by their lengths, and decodes AS paths only if it is asked for
// origins.
package mrt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"github.com/osrg/gobgp/v4/pkg/packet/mrt"
)

// Begins reports whether a decompressed file that begins with head, of 12 octets or more, is a
// routing table.
//
//	0          4      6         8        12
//	| timestamp | type | subtype | length | body …
func Begins(head []byte) bool {
	h, err := mrt.ParseHeader(head)
	if err != nil || h.Len > mostRecord {
		return false
	}
	switch h.Type {
	case mrt.TABLE_DUMPv2:
		return h.SubType >= uint16(mrt.PEER_INDEX_TABLE) && h.SubType <= uint16(mrt.RIB_GENERIC_ADDPATH)
	case mrt.TABLE_DUMP:
		return h.SubType == afi4 || h.SubType == afi6
	}
	return false
}

// Address families in TABLE_DUMP (RFC 6396 §4.2).
const (
	afi4 = 1
	afi6 = 2
)

// mostRecord is the largest length of a record, in octets. Those of a full table with all peers
// of a collector have some 10,000.
const mostRecord = 16 << 20

// A Reader reads the routes of a table, one after the other. Its memory is that of one record. It
// belongs to one goroutine.
type Reader struct {
	in   io.Reader
	at   int64 // offset of the record, in octets of decompressed input
	next int64 // that of the next one
	head [mrt.MRT_COMMON_HEADER_LEN]byte
	body []byte
}

// NewReader returns a Reader of a decompressed stream.
func NewReader(in io.Reader) *Reader { return &Reader{in: in} }

// A Route is a prefix with the paths to it. It is valid until the next call of Next.
type Route struct {
	// Prefix has no host bits.
	Prefix netip.Prefix

	paths []byte // the entries of the record
	short bool   // TABLE_DUMP: paths are the attributes of one path, with AS numbers of 16 bits
	more  bool   // each path has an identifier
}

// Time returns the time of the last record that was read, in s since the Unix epoch.
func (r *Reader) Time() int64 { return int64(binary.BigEndian.Uint32(r.head[:])) }

// Next returns the next unicast route. A table of several peers may repeat a prefix in
// TABLE_DUMP. Other records are passed over. At the end Next returns io.EOF. Other errors name
// the offset; they wrap io.ErrUnexpectedEOF if the input ends inside a record.
func (r *Reader) Next() (Route, error) {
	for {
		h, err := r.record()
		if err != nil {
			return Route{}, err
		}
		route, is, err := r.route(h)
		if err != nil {
			return Route{}, r.wrap(err)
		}
		if is {
			return route, nil
		}
	}
}

func (r *Reader) wrap(err error) error { return fmt.Errorf("record at offset %d: %w", r.at, err) }

// record reads a record into r.body.
func (r *Reader) record() (*mrt.MRTHeader, error) {
	r.at = r.next
	if n, err := io.ReadFull(r.in, r.head[:]); err == io.EOF {
		return nil, err
	} else if err != nil {
		return nil, r.wrap(fmt.Errorf("header of %d bytes: %w", n, err))
	}
	// The microseconds of some types are in the body. The length counts them.
	length := binary.BigEndian.Uint32(r.head[8:])
	if length > mostRecord {
		return nil, r.wrap(fmt.Errorf("length %d is over the limit of %d bytes", length, mostRecord))
	}
	h := &mrt.MRTHeader{
		Type: mrt.MRTType(binary.BigEndian.Uint16(r.head[4:])), SubType: binary.BigEndian.Uint16(r.head[6:]), Len: length,
	}
	r.body = r.body[:0]
	for left := int(length); left > 0; { // a length that lies takes no memory
		n := min(left, 64<<10)
		r.body = slices.Grow(r.body, n)
		got, err := io.ReadFull(r.in, r.body[len(r.body):len(r.body)+n])
		r.body, left = r.body[:len(r.body)+got], left-got
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, r.wrap(err)
		}
	}
	r.next = r.at + int64(len(r.head)) + int64(length)
	return h, nil
}

var errShort = errors.New("the record is too short for its content")

// route decodes a record; is reports whether it is a unicast route.
func (r *Reader) route(h *mrt.MRTHeader) (route Route, is bool, err error) {
	switch h.Type {
	case mrt.TABLE_DUMP:
		route, err = dumped(h.SubType, r.body)
		return route, err == nil, err
	case mrt.TABLE_DUMPv2:
		family := bgp.RF_IPv4_UC
		switch mrt.MRTSubTypeTableDumpv2(h.SubType) {
		case mrt.RIB_IPV4_UNICAST:
		case mrt.RIB_IPV6_UNICAST:
			family = bgp.RF_IPv6_UC
		case mrt.RIB_IPV4_UNICAST_ADDPATH:
			route.more = true
		case mrt.RIB_IPV6_UNICAST_ADDPATH:
			family, route.more = bgp.RF_IPv6_UC, true
		default:
			return route, false, nil
		}
		err = route.decode(family, r.body)
		return route, err == nil, err
	}
	return route, false, nil
}

// decode decodes a record of TABLE_DUMP_V2 (RFC 6396 §4.3.2).
//
//	0                 4        5        …             +2
//	| sequence number | length | prefix | entry count | entries …
func (t *Route) decode(family bgp.Family, body []byte) error {
	const sequence, count = 4, 2
	if len(body) < sequence+1 {
		return errShort
	}
	nlri, err := bgp.NLRIFromSlice(family, body[sequence:])
	if err != nil {
		return err
	}
	prefix, ok := nlri.(*bgp.IPAddrPrefix)
	rest := body[min(sequence+nlri.Len(), len(body)):]
	if !ok || len(rest) < count {
		return errShort
	}
	t.Prefix, t.paths = prefix.Prefix.Masked(), rest[count:]
	return nil
}

// dumped decodes a record of TABLE_DUMP (RFC 6396 §4.2), which has one path.
//
//	0      2      4        +4, 16   +1       +4     +4, 16   +2        +2
//	| view | seq. | prefix | length | status | time | peer | peer AS | length | attributes
func dumped(afi uint16, body []byte) (t Route, err error) {
	size := 4
	switch afi {
	case afi4:
	case afi6:
		size = 16
	default:
		return t, fmt.Errorf("there is no address family %d in TABLE_DUMP", afi)
	}
	const before, between, after = 4, 1 + 1 + 4, 2 + 2
	if len(body) < before+size+between+size+after {
		return t, errShort
	}
	addr, _ := netip.AddrFromSlice(body[before : before+size])
	if t.Prefix, err = addr.Prefix(int(body[before+size])); err != nil {
		return t, err
	}
	t.paths, t.short = body[before+size+between+size+after:], true
	return t, nil
}
