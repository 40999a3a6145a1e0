package annotate

import (
	"bytes"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"github.com/osrg/gobgp/v4/pkg/packet/mrt"

	"github.com/masstrace/masstrace/internal/probe"
)

// Databases of the documentation ranges, of each kind.
const (
	pfx2as = "192.0.2.0\t24\t64500\n198.51.100.0\t24\t64501_64502\n198.51.100.128\t25\t64503,64504_64503\n2001:db8::\t32\t64505\n"
	names  = "# routers\n\n192.0.2.1   core1.example.net core1 # first\n192.0.2.2,\"Core, \"\"2\"\"\"\n2001:db8::/48 example\nfe80::1%lo0\tlocal\n"
	dump   = `{"meta": {"generated": 1.5e9, "note": "{[\"data\""},
 "ix": {"data": [{"id": 9, "name": "Example-IX \"Süd\"", "status": "ok", "tags": [{"x": "}"}]}, {"id": 10, "name": "Gone", "status": "deleted"}]},
 "ixlan": {"data": [{"id": 7, "ix_id": 9}]},
 "ixpfx": {"data": [{"id": 1, "ixlan_id": 7, "protocol": "IPv4", "prefix": "203.0.113.0/25", "status": "ok"},
	{"id": 2, "ixlan_id": 8, "prefix": "2001:db8:99::/64"}, {"id": 3, "ixlan_id": 8, "prefix": "192.0.2.0/24", "status": "deleted"}]},
 "netixlan": {"data": [{"id": 1, "ix_id": 9, "ixlan_id": 7, "name": "Example-IX", "asn": 64510, "ipaddr4": "203.0.113.10", "ipaddr6": null, "status": "ok"},
	{"id": 2, "ix_id": 9, "ixlan_id": 7, "asn": 64511, "ipaddr4": "203.0.113.200", "status": "ok"}]},
 "net": {"data": [{"id": 5, "asn": 64510, "name": "Member"}, {"asn": 64501, "name": "Named"}]},
 "poc": {"data": [{"name": "` + "\\u2028" + `"}], "x": [[], {}, 7, null, true]}}
`
	one = `{"data": [{"id": 1, "ixlan_id": 7, "prefix": "203.0.113.0/25"}], "meta": {}}`
)

// asnNetworks and geoNetworks are the contents of databases in MaxMind's format.
var (
	asnNetworks = []network{
		{netip.MustParsePrefix("192.0.2.0/25"), map[string]any{"autonomous_system_number": uint32(64600), "autonomous_system_organization": "Big Net"}},
		{netip.MustParsePrefix("198.51.100.0/24"), map[string]any{"asn": "AS64501", "as_name": "Text Net", "country": "fr"}},
		{netip.MustParsePrefix("2001:db8::/32"), map[string]any{"traits": map[string]any{"autonomous_system_number": uint32(4200000000)}}},
	}
	geoNetworks = []network{
		{netip.MustParsePrefix("192.0.2.0/24"), map[string]any{"country": map[string]any{"iso_code": "DE", "names": map[string]any{"en": "Germany"}}}},
		{netip.MustParsePrefix("203.0.113.0/24"), map[string]any{"registered_country": map[string]any{"iso_code": "SE"}, "city": map[string]any{}}},
		{netip.MustParsePrefix("2001:db8::/32"), map[string]any{"country_code": "JP"}},
	}
)

// route is a prefix in a routing table, with the AS paths of its peers. A number of 0 begins a set.
type route struct {
	prefix string
	paths  [][]uint32
}

// ribOf returns a routing table in MRT, as gobgp writes it.
func ribOf(t testing.TB, addPath bool, routes ...route) []byte {
	t.Helper()
	var b bytes.Buffer
	put := func(subtype mrt.MRTSubTyper, body mrt.Body) {
		t.Helper()
		m, err := mrt.NewMRTMessage(time.Unix(1790000000, 0), mrt.TABLE_DUMPv2, subtype, body)
		if err != nil {
			t.Fatal(err)
		}
		text, err := m.Serialize()
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	peer := netip.MustParseAddr("192.0.2.254")
	put(mrt.PEER_INDEX_TABLE, mrt.NewPeerIndexTable(peer, "view", []*mrt.Peer{mrt.NewPeer(peer, peer, 64496, true)}))
	for i, r := range routes {
		prefix := netip.MustParsePrefix(r.prefix)
		subtype := mrt.RIB_IPV4_UNICAST
		if prefix.Addr().Is6() {
			subtype = mrt.RIB_IPV6_UNICAST
		}
		if addPath {
			subtype += mrt.RIB_IPV4_UNICAST_ADDPATH - mrt.RIB_IPV4_UNICAST
		}
		nlri, err := bgp.NewIPAddrPrefix(prefix)
		if err != nil {
			t.Fatal(err)
		}
		var entries []*mrt.RibEntry
		for _, path := range r.paths {
			attributes := []bgp.PathAttributeInterface{
				bgp.NewPathAttributeOrigin(0), bgp.NewPathAttributeAsPath(segments(path)), bgp.NewPathAttributeMultiExitDisc(7),
			}
			entries = append(entries, mrt.NewRibEntry(0, 1, uint32(i), attributes, addPath))
		}
		// Of other families gobgp 4.8 writes the family into the record, as in RIB_GENERIC alone.
		put(subtype, mrt.NewRib(uint32(i), bgp.RF_IPv4_UC, nlri, entries))
	}
	return b.Bytes()
}

// segments returns the segments of a path: a sequence, and after a 0 a set.
func segments(path []uint32) (list []bgp.AsPathParamInterface) {
	if path == nil { // a route of the peer's own network
		return nil
	}
	for i, asn := range path {
		if asn == 0 {
			return append(list, bgp.NewAs4PathParam(bgp.BGP_ASPATH_ATTR_TYPE_SEQ, path[:i]), bgp.NewAs4PathParam(bgp.BGP_ASPATH_ATTR_TYPE_SET, path[i+1:]))
		}
	}
	return append(list, bgp.NewAs4PathParam(bgp.BGP_ASPATH_ATTR_TYPE_SEQ, path))
}

// file puts a text into a file of that name, and returns its path.
func file(t testing.TB, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	put(t, path, text)
	return path
}

// annotator returns one for databases.
func annotator(t testing.TB, c Config) *Annotator {
	t.Helper()
	d, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return New(d)
}

func addr(s string) probe.Addr { return probe.AddrFrom(netip.MustParseAddr(s)) }
