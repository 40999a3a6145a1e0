package mrt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
	lib "github.com/osrg/gobgp/v4/pkg/packet/mrt"

	"github.com/masstrace/masstrace/internal/mrt"
)

// peers returns the record that begins a table of two peers.
func peers(t testing.TB) []byte {
	t.Helper()
	at := netip.MustParseAddr("192.0.2.1")
	return record(t, lib.PEER_INDEX_TABLE, lib.NewPeerIndexTable(at, "", []*lib.Peer{
		lib.NewPeer(at, at, 64500, true), lib.NewPeer(at, netip.MustParseAddr("2001:db8::1"), 64501, true),
	}))
}

// record returns a record of TABLE_DUMP_V2 as the library writes it.
func record(t testing.TB, subtype lib.MRTSubTyper, body lib.Body) []byte {
	t.Helper()
	m, err := lib.NewMRTMessage(time.Unix(1, 0), lib.TABLE_DUMPv2, subtype, body)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// route returns a route of one path for each of the AS paths.
func route(t testing.TB, prefix string, more bool, paths ...[]bgp.AsPathParamInterface) []byte {
	t.Helper()
	p := netip.MustParsePrefix(prefix)
	nlri, err := bgp.NewIPAddrPrefix(p)
	if err != nil {
		t.Fatal(err)
	}
	var entries []*lib.RibEntry
	for i, path := range paths {
		entries = append(entries, lib.NewRibEntry(uint16(i), 1, uint32(i), []bgp.PathAttributeInterface{
			bgp.NewPathAttributeOrigin(0), bgp.NewPathAttributeAsPath(path),
		}, more))
	}
	subtype := lib.RIB_IPV4_UNICAST
	if p.Addr().Is6() {
		subtype = lib.RIB_IPV6_UNICAST
	}
	if more {
		subtype += lib.RIB_IPV4_UNICAST_ADDPATH - lib.RIB_IPV4_UNICAST
		if p.Addr().Is6() {
			subtype = lib.RIB_IPV6_UNICAST_ADDPATH
		}
	}
	// The library writes the body of RIB_GENERIC for the family of IPv6 routes.
	return record(t, subtype, lib.NewRib(1, bgp.RF_IPv4_UC, nlri, entries))
}

func seq(as ...uint32) []bgp.AsPathParamInterface {
	return []bgp.AsPathParamInterface{bgp.NewAs4PathParam(bgp.BGP_ASPATH_ATTR_TYPE_SEQ, as)}
}

func set(path []bgp.AsPathParamInterface, as ...uint32) []bgp.AsPathParamInterface {
	return append(path, bgp.NewAs4PathParam(bgp.BGP_ASPATH_ATTR_TYPE_SET, as))
}

// dumped returns a record of TABLE_DUMP, which the library does not write.
func dumped(prefix string, path ...uint16) []byte {
	p := netip.MustParsePrefix(prefix)
	afi := uint16(1)
	if p.Addr().Is6() {
		afi = 2
	}
	attribute := []byte{0x40, 2, byte(2 + 2*len(path)), 2, byte(len(path))}
	for _, as := range path {
		attribute = binary.BigEndian.AppendUint16(attribute, as)
	}
	body := append([]byte{0, 0, 0, 1}, p.Addr().AsSlice()...)
	body = append(body, byte(p.Bits()), 1, 0, 0, 0, 1)
	body = append(body, p.Addr().AsSlice()...) // the peer
	body = append(body, 0xfb, 0xf4)
	body = binary.BigEndian.AppendUint16(body, uint16(len(attribute)))
	return raw(12, afi, append(body, attribute...))
}

// raw returns a record.
func raw(typ, subtype uint16, body []byte) []byte {
	b := []byte{0, 0, 0, 1}
	b = binary.BigEndian.AppendUint16(b, typ)
	b = binary.BigEndian.AppendUint16(b, subtype)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...)
}

// read returns all routes as text, and the error that is not io.EOF.
func read(in io.Reader) (string, error) {
	r := mrt.NewReader(in)
	var b strings.Builder
	for {
		route, err := r.Next()
		if err == io.EOF {
			return b.String(), nil
		}
		if err != nil {
			return b.String(), err
		}
		fmt.Fprintln(&b, route.Prefix, route.AppendOrigins(nil))
	}
}

func TestReader(t *testing.T) {
	two := route(t, "203.0.113.0/24", false, seq(64500, 64496), seq(64501, 64502, 64496))
	tests := []struct {
		name string
		in   []byte
		want string
		err  string
	}{
		{"nothing", nil, "", ""},
		{"peers alone", peers(t), "", ""},
		{"route with one origin", slices.Concat(peers(t), two), "203.0.113.0/24 [64496 64496]\n", ""},
		{"two origins", route(t, "198.51.100.0/24", false, seq(64500, 64496), seq(64497)), "198.51.100.0/24 [64496 64497]\n", ""},
		{"origins of a set", route(t, "10.0.0.0/8", false, set(seq(64500), 64496, 4200000000)), "10.0.0.0/8 [64496 4200000000]\n", ""},
		{"no path", raw(13, 2, []byte{0, 0, 0, 1, 8, 10, 0, 0}), "10.0.0.0/8 []\n", ""},
		{"empty path", route(t, "10.0.0.0/8", false, nil), "10.0.0.0/8 []\n", ""},
		{"IPv6", route(t, "2001:db8::/32", false, seq(64500)), "2001:db8::/32 [64500]\n", ""},
		{"default routes", slices.Concat(route(t, "0.0.0.0/0", false, seq(1)), route(t, "::/0", false, seq(2))), "0.0.0.0/0 [1]\n::/0 [2]\n", ""},
		{"additional paths", slices.Concat(route(t, "10.0.0.0/8", true, seq(1), seq(2)), route(t, "2001:db8::/32", true, seq(3))), "10.0.0.0/8 [1 2]\n2001:db8::/32 [3]\n", ""},
		{"TABLE_DUMP", slices.Concat(dumped("10.0.0.0/9", 64500, 64496), dumped("2001:db8::/33", 64497)), "10.0.0.0/9 [64496]\n2001:db8::/33 [64497]\n", ""},
		{"other records", slices.Concat(raw(16, 4, []byte("update")), raw(13, 6, []byte("generic")), raw(99, 9, nil), two), "203.0.113.0/24 [64496 64496]\n", ""},
		{"host bits", slices.Concat(raw(13, 2, []byte{0, 0, 0, 1, 9, 10, 255, 0, 0})), "10.128.0.0/9 []\n", ""},
		{"cut header", slices.Concat(two, two[:5]), "203.0.113.0/24 [64496 64496]\n", fmt.Sprintf("record at offset %d: header of 5 bytes: unexpected EOF", len(two))},
		{"cut body", slices.Concat(two, two[:20]), "203.0.113.0/24 [64496 64496]\n", fmt.Sprintf("record at offset %d: unexpected EOF", len(two))},
		{"no body", two[:12], "", "record at offset 0: unexpected EOF"},
		{"length that lies", append(two[:8:8], 0xff, 0xff, 0xff, 0xff), "", "record at offset 0: length 4294967295 is over the limit of 16777216 bytes"},
		{"no room for a prefix", raw(13, 2, []byte{0, 0, 0, 1}), "", "record at offset 0: the record is too short for its content"},
		{"no room for paths", raw(13, 2, []byte{0, 0, 0, 1, 8, 10, 0}), "", "record at offset 0: the record is too short for its content"},
		{"short TABLE_DUMP", raw(12, 1, make([]byte, 20)), "", "record at offset 0: the record is too short for its content"},
		{"length of a prefix in TABLE_DUMP", raw(12, 1, bytes.Repeat([]byte{33}, 22)), "", "record at offset 0: prefix length 33 too large for IPv4"},
		{"no family", raw(12, 3, make([]byte, 99)), "", "record at offset 0: there is no address family 3 in TABLE_DUMP"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := read(bytes.NewReader(tt.in))
			text := ""
			if err != nil {
				text = err.Error()
			}
			if got != tt.want || text != tt.err {
				t.Errorf("got\n%s%s\nwant\n%s%s", got, text, tt.want, tt.err)
			}
			if strings.Contains(tt.name, "cut") && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%v is no io.ErrUnexpectedEOF", err)
			}
		})
	}
	if got, err := read(bytes.NewReader(raw(13, 2, []byte{0, 0, 0, 1, 33, 10, 0, 0, 0, 0, 0, 0}))); err == nil {
		t.Errorf("a prefix of 33 bits: %s", got)
	}
}

func TestBegins(t *testing.T) {
	for name, in := range map[string][]byte{
		"peers": peers(t), "route": route(t, "10.0.0.0/8", false, seq(1)), "TABLE_DUMP": dumped("10.0.0.0/8", 1), "TABLE_DUMP of IPv6": dumped("2001:db8::/32", 1),
	} {
		if !mrt.Begins(in) {
			t.Errorf("%s is not recognised", name)
		}
	}
	for _, in := range []string{"", "\x00\x00\x00\x00\x00\x0d\x00\x01", "203.0.113.1\n203.0.113.2\n", "dst,asn,country\n", "\x12\x05\x00\x01\x00\x00\x00\x1c\x00\x00\x00\x01"} {
		if mrt.Begins([]byte(in)) {
			t.Errorf("%q is taken for a table", in)
		}
	}
}

// The routes of all bodies that the library decodes are those of the library.
func FuzzReader(f *testing.F) {
	f.Add(slices.Concat(peers(f), route(f, "203.0.113.0/24", false, seq(64500, 64496), set(seq(1), 2, 3))))
	f.Add(route(f, "2001:db8::/32", true, seq(1), seq(2)))
	f.Add(dumped("10.0.0.0/8", 64500, 64496))
	f.Add(append(raw(13, 2, nil)[:8], 0, 0xff, 0xff, 0xff))
	f.Fuzz(func(t *testing.T, in []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := mrt.NewReader(bytes.NewReader(in))
		for n := 0; ; n++ {
			route, err := r.Next()
			if err != nil {
				break
			}
			if n > len(in) || !route.Prefix.IsValid() || route.Prefix != route.Prefix.Masked() {
				t.Fatalf("route %d: %v", n, route.Prefix)
			}
			route.AppendOrigins(nil)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20+uint64(len(in))*1000 {
			t.Fatalf("%d octets of input took %d octets of memory", len(in), took)
		}
		compare(t, in)
	})
}

// compare holds the first record against the library.
func compare(t *testing.T, in []byte) {
	t.Helper()
	h, err := lib.ParseHeader(in)
	if err != nil || h.Type != lib.TABLE_DUMPv2 || uint64(h.Len) > uint64(len(in)-lib.MRT_COMMON_HEADER_LEN) {
		return
	}
	m, err := lib.ParseBody(in[lib.MRT_COMMON_HEADER_LEN:][:h.Len], h)
	if err != nil {
		return
	}
	rib, ok := m.Body.(*lib.Rib)
	if !ok || rib.Family != bgp.RF_IPv4_UC && rib.Family != bgp.RF_IPv6_UC {
		return
	}
	route, err := mrt.NewReader(bytes.NewReader(in)).Next()
	if want := rib.Prefix.(*bgp.IPAddrPrefix).Prefix.Masked(); err != nil || route.Prefix != want {
		t.Errorf("%v, %v; the library has %v", route.Prefix, err, want)
	}
}
