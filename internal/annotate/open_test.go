package annotate

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/masstrace/masstrace/internal/record"
)

// show returns an annotation as one line.
func show(n *record.Annotation) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprintf("%v %s %q %v %q %s %q", n.ASN, n.ASNSource, n.ASName, n.Prefix, n.IXP, n.Country, n.Name)
}

// Each kind of database is found by its contents, plain and compressed, under any name.
func TestKinds(t *testing.T) {
	rib := ribOf(t, false, route{"192.0.2.0/24", [][]uint32{{64496, 64500}, {64496, 64499}, {64496, 64499, 0, 64498, 64500}, {64500}}},
		route{"0.0.0.0/0", [][]uint32{{64496}}}, route{"2001:db8::/32", [][]uint32{{64496, 4200000001}}}, route{"198.51.100.0/24", [][]uint32{nil}})
	for _, tt := range []struct {
		kind   string
		in     []byte
		fields string
		want   map[string]string
	}{
		{"pfx2as", []byte(pfx2as), "[asn]", map[string]string{
			"192.0.2.255": `[64500] db "" 192.0.2.0/24 ""  ""`, "198.51.100.127": `[64501 64502] db "" 198.51.100.0/24 ""  ""`,
			"198.51.100.128": `[64503 64504] db "" 198.51.100.128/25 ""  ""`, "2001:db8::1": `[64505] db "" 2001:db8::/32 ""  ""`,
			"203.0.113.1": "-", "2001:db9::": "-",
		}},
		{"names", []byte(names), "[name]", map[string]string{
			"192.0.2.1": `[]  "" invalid Prefix ""  "core1.example.net"`, "192.0.2.2": `[]  "" invalid Prefix ""  "Core, \"2\""`,
			"2001:db8::5": `[]  "" invalid Prefix ""  "example"`, "2001:db8:1::": "-", "192.0.2.3": "-", "fe80::1": `[]  "" invalid Prefix ""  "local"`,
		}},
		{"names", []byte("\xef\xbb\xbfaddress,name\r\n192.0.2.1,a\r\n"), "[name]", map[string]string{"192.0.2.1": `[]  "" invalid Prefix ""  "a"`}},
		{"peeringdb", []byte(dump), "[asn ixp]", map[string]string{
			"203.0.113.1":   `[]  "" 203.0.113.0/25 "Example-IX \"Süd\""  ""`,
			"203.0.113.10":  `[64510] db "Member" 203.0.113.0/25 "Example-IX \"Süd\""  ""`,
			"203.0.113.200": "-", "192.0.2.1": "-", "2001:db8:99::7": `[]  "" 2001:db8:99::/64 "PeeringDB exchange 8"  ""`,
		}},
		{"peeringdb", []byte(one), "[asn ixp]", map[string]string{"203.0.113.1": `[]  "" 203.0.113.0/25 "PeeringDB exchange 7"  ""`}},
		{"mrt", rib, "[asn]", map[string]string{
			"192.0.2.1": `[64500 64498 64499] db "" 192.0.2.0/24 ""  ""`, "198.51.100.1": "-",
			"203.0.113.1": "-", "2001:db8::": `[4200000001] db "" 2001:db8::/32 ""  ""`,
		}},
		{"mrt", ribOf(t, true, route{"192.0.2.0/24", [][]uint32{{1, 2}}}), "[asn]", map[string]string{"192.0.2.1": `[2] db "" 192.0.2.0/24 ""  ""`}},
		{"mmdb", mmdbOf(t, "Test-ASN", asnNetworks), "[asn country]", map[string]string{
			"192.0.2.1": `[64600] db "Big Net" 192.0.2.0/25 ""  ""`, "192.0.2.128": "-", "2001:db8::1": `[4200000000] db "" 2001:db8::/32 ""  ""`,
			"198.51.100.7": `[64501] db "Text Net" 198.51.100.0/24 "" FR ""`,
		}},
		{"mmdb", mmdbOf(t, "Test-City", geoNetworks), "[country]", map[string]string{
			"192.0.2.1": `[]  "" invalid Prefix "" DE ""`, "203.0.113.1": `[]  "" invalid Prefix "" SE ""`, "2001:db8::1": `[]  "" invalid Prefix "" JP ""`, "8.8.8.8": "-",
		}},
	} {
		for _, packing := range []string{"plain", "gzip", "zstd"} {
			t.Run(tt.kind+"/"+packing, func(t *testing.T) {
				a := annotator(t, Config{Annotate: []string{file(t, "db", packed(t, packing, tt.in))}})
				if got := a.List()[0]; got.Kind != tt.kind || fmt.Sprint(got.Fields) != tt.fields || got.File != "db" || got.TimeS == 0 {
					t.Errorf("%+v", got)
				}
				for range 2 { // the second time from memory
					for address, want := range tt.want {
						if got := show(a.Of(addr(address))); got != want {
							t.Errorf("%s: %s, want %s", address, got, want)
						}
					}
				}
				if a.Err() != nil {
					t.Error(a.Err())
				}
			})
		}
	}
}

func packed(t testing.TB, packing string, in []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	switch packing {
	case "plain":
		return in
	case "gzip":
		z := gzip.NewWriter(&b)
		_, _ = z.Write(in)
		_ = z.Close()
	case "zstd":
		z, _ := zstd.NewWriter(&b)
		_, _ = z.Write(in)
		_ = z.Close()
	}
	return b.Bytes()
}

// bzip2Names is "192.0.2.1 a\n", compressed by bzip2(1).
const bzip2Names = "425a6839314159265359c60a159e000003d9000010400170202000200021a066a10c081c5226633c5dc914e1424318285678"

// A file compressed by bzip2 is read, too; one that is cut is an error.
func TestBzip2(t *testing.T) {
	text, err := hex.DecodeString(bzip2Names)
	if err != nil {
		t.Fatal(err)
	}
	a := annotator(t, Config{Annotate: []string{file(t, "x", text)}})
	if got := a.Of(addr("192.0.2.1")); got == nil || got.Name != "a" {
		t.Error(got)
	}
	_, err = Open(t.Context(), Config{Annotate: []string{file(t, "x.bz2", text[:len(text)-9])}})
	if err == nil || !strings.Contains(err.Error(), "cut") {
		t.Error(err)
	}
}

// Of several databases the first one with an address counts, field by field.
func TestSeveral(t *testing.T) {
	p, m := file(t, "p", []byte(pfx2as)), file(t, "m", mmdbOf(t, "A", asnNetworks))
	g, x, n := file(t, "g", mmdbOf(t, "G", geoNetworks)), file(t, "x", []byte(dump)), file(t, "n", []byte(names))
	for _, tt := range []struct {
		cfg  Config
		want map[string]string
	}{
		{Config{ASN: []string{p, m}}, map[string]string{
			"192.0.2.1": `[64500] p "" 192.0.2.0/24 ""  ""`, "198.51.100.1": `[64501 64502] p "" 198.51.100.0/24 ""  ""`,
		}},
		{Config{ASN: []string{m, p}}, map[string]string{
			"192.0.2.1": `[64600] m "Big Net" 192.0.2.0/25 ""  ""`, "192.0.2.200": `[64500] p "" 192.0.2.0/24 ""  ""`,
		}},
		{Config{ASN: []string{p}, Geo: []string{g, m}, IXP: []string{x}, Names: []string{n}}, map[string]string{
			"192.0.2.1": `[64500] p "" 192.0.2.0/24 "" DE "core1.example.net"`, "203.0.113.10": `[64510] x "Member" 203.0.113.0/25 "Example-IX \"Süd\"" SE ""`,
			"198.51.100.1": `[64501 64502] p "Named" 198.51.100.0/24 "" FR ""`, "203.0.113.200": `[]  "" invalid Prefix "" SE ""`,
		}},
		{Config{Annotate: []string{n, m, g, p, x}}, map[string]string{
			"192.0.2.1": `[64600] m "Big Net" 192.0.2.0/25 "" DE "core1.example.net"`, "203.0.113.10": `[64510] x "Member" 203.0.113.0/25 "Example-IX \"Süd\"" SE ""`,
		}},
	} {
		a := annotator(t, tt.cfg)
		for address, want := range tt.want {
			if got := show(a.Of(addr(address))); got != want {
				t.Errorf("%v: %s: %s, want %s", a.List(), address, got, want)
			}
		}
	}
}

// Files that are no databases, damaged ones, and ones of a wrong kind are errors that name the file
// and the place.
func TestRefused(t *testing.T) {
	rib := ribOf(t, false, route{"192.0.2.0/24", [][]uint32{{1, 2}}})
	mmdb := mmdbOf(t, "A", asnNetworks)
	long := strings.Repeat("x", longestLine+1)
	for _, tt := range []struct {
		name string
		in   []byte
		want string
	}{
		{"empty", nil, "empty"}, {"blank", []byte("\n \n"), "empty"}, {"a sentence", []byte("to be or not\n"), "none of"},
		{"octets", []byte("\x00\x01\x02"), "none of"}, {"an image", []byte("\x89PNG\r\n\x1a\n\x00\x00"), "end is missing"},
		{"a bad line", []byte(pfx2as + "192.0.2.0\t33\t1\n"), "line 5: \"33\" is not the length"},
		{"a bad number", []byte(pfx2as + "192.0.2.0\t3\t4294967296\n"), "line 5: \"4294967296\" is not a list"},
		{"no origin", []byte(pfx2as + "192.0.2.0\t3\t_\n"), "line 5"},
		{"too few columns", []byte(pfx2as + "192.0.2.0\t3\n"), "line 5: it has 2 columns"},
		{"a long line", []byte(pfx2as + long), "line 5: it has more than"},
		{"many origins", []byte(pfx2as + "192.0.3.0\t24\t" + manyNumbers() + "\n"), "line 5: a prefix with more than"},
		{"no name", []byte(names + "192.0.2.9\n"), "line 7: it has no name"},
		{"no address", []byte(names + "example.net 192.0.2.9\n"), "line 7: \"example.net\" is not an address"},
		{"JSON of others", []byte(`{"a": [{"b": 1}]}`), "without the prefixes"},
		{"a list", []byte(`[1, 2]`), "without the prefixes"},
		{"cut JSON", []byte(dump[:len(dump)/2]), "cut"}, {"wrong JSON", []byte(`{"data": ]`), "not JSON"},
		{"a wrong type", []byte(`{"data": [{"prefix": 7}]}`), "line 1"}, {"a wrong prefix", []byte("{\"data\":\n [{\"prefix\": \"x\"}]}"), "line 2: \"x\" is not a prefix"},
		{"deep JSON", []byte(strings.Repeat("[", 10000)), "in one another"}, {"a huge object", []byte(`{"data": [{"x": "` + strings.Repeat("x", longestObject)), "more than"},
		{"a cut table", rib[:len(rib)-1], "cut"}, {"a cut head", rib[:len(rib)-len(rib)/2], "cut"},
		{"a lying record", append(bytes.Clone(rib), 0, 0, 0, 0, 0, 13, 0, 2, 0xff, 0xff, 0xff, 0xff), "length 4294967295 is over the limit"},
		{"no routes", ribOf(t, false), "without a routing table"},
		{"a prefix too long", append(bytes.Clone(rib), 0, 0, 0, 0, 0, 13, 0, 2, 0, 0, 0, 5, 0, 0, 0, 0, 33), "offset 91"},
		{"a cut mmdb", mmdb[:len(mmdb)/2], "end is missing"}, {"metadata alone", mmdb[bytes.Index(mmdb, mmdbMark):], ""},
		{"another mmdb", mmdbOf(t, "X", []network{{asnNetworks[0].prefix, map[string]any{"x": "y"}}}), "without AS numbers and countries"},
		{"cut gzip", packed(t, "gzip", []byte(strings.Repeat(pfx2as, 100)))[:60], "cut"},
		{"cut zstd", packed(t, "zstd", mmdb)[:100], "cut"},
	} {
		path := file(t, "base.db", tt.in)
		_, err := Open(t.Context(), Config{Annotate: []string{path}})
		if _, ok := errors.AsType[*FileError](err); !ok || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	m, n, x := file(t, "m", mmdb), file(t, "n", []byte(names)), file(t, "x", []byte(dump))
	for option, c := range map[string]Config{
		"ASN": {ASN: []string{n}}, "Geo": {Geo: []string{x}}, "IXP": {IXP: []string{m}}, "Names": {Names: []string{m}},
	} {
		_, err := Open(t.Context(), c)
		if wrong, ok := errors.AsType[*KindError](err); !ok || wrong.Option != option {
			t.Errorf("%s: %v", option, err)
		}
	}
	if _, err := Open(t.Context(), Config{Annotate: []string{"none"}}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Open(t.Context(), Config{Annotate: []string{t.TempDir()}}); err == nil || !strings.Contains(err.Error(), "folder") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, Config{Annotate: []string{n}}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func manyNumbers() string {
	var list []string
	for i := range mostOrigins + 1 {
		list = append(list, fmt.Sprint(i))
	}
	return strings.Join(list, "_")
}
