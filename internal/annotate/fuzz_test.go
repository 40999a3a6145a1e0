package annotate

import (
	"bufio"
	"bytes"
	"net/netip"
	"testing"
)

// asked are addresses that each database is asked for.
var asked = []netip.Addr{
	netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("203.0.113.10"), netip.MustParseAddr("8.8.8.8"),
	netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::1"), netip.MustParseAddr("255.255.255.255"),
}

// ask looks addresses up: each answer has a prefix with its address.
func ask(t *testing.T, c *content) {
	t.Helper()
	for _, a := range asked {
		m, err := c.finder.find(a)
		if err == nil && (m.same < 0 || m.same > a.BitLen() || m.entry == nil && m.prefix.IsValid()) {
			t.Errorf("%s: %+v", a, m)
		}
		e, prefix := m.entry, m.prefix
		if err != nil || e == nil {
			continue
		}
		if !prefix.Contains(a) {
			t.Errorf("%s is not in %s", a, prefix)
		}
		if len(e.asn) > mostOrigins || len(e.asName) > longestText || len(e.name) > longestText || len(e.ixp) > 2*longestText {
			t.Errorf("%s: %+v", a, e)
		}
	}
}

// FuzzDatabase: no text and no routing table crashes the readers, and all answers are consistent.
func FuzzDatabase(f *testing.F) {
	for _, text := range []string{pfx2as, names, dump, one, `[{"prefix":"192.0.2.0/24"}]`, `{"data":[{}]}`} {
		f.Add([]byte(text))
	}
	f.Add(ribOf(f, false, route{"192.0.2.0/24", [][]uint32{{1, 2}, {3, 0, 4, 5}}}, route{"2001:db8::/32", [][]uint32{{6}}}))
	f.Add(ribOf(f, true, route{"192.0.2.0/24", [][]uint32{{1, 2}}}))
	f.Add(packed(f, "gzip", []byte(pfx2as)))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := unpacked(bytes.NewReader(in))
		if err != nil {
			return
		}
		defer r.Close()
		if c, err := recognize(bufio.NewReaderSize(r, headLen)); err == nil {
			ask(t, c)
		}
	})
}

// FuzzMMDB: no file of MaxMind's format crashes the reader.
func FuzzMMDB(f *testing.F) {
	f.Add(mmdbOf(f, "Test-ASN", asnNetworks))
	f.Add(mmdbOf(f, "Test-City", geoNetworks))
	f.Fuzz(func(t *testing.T, in []byte) {
		if c, err := readMMDB(in); err == nil {
			ask(t, c)
		}
	})
}
