//go:build tools

package tools

import (
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// asked is the number of addresses that are looked up.
const asked = 5000

// reader prints, for each address, the AS number and the country that the independent reader of npm
// finds in two databases.
const reader = `const maxmind = require('maxmind'), fs = require('fs');
(async () => {
  const [asn, geo] = await Promise.all(process.argv.slice(1, 3).map(f => maxmind.open(f)));
  for (const a of fs.readFileSync(process.argv[3], 'utf8').trim().split('\n'))
    console.log((asn.get(a)?.autonomous_system_number ?? '-') + ' ' + (geo.get(a)?.country_code ?? '-'));
})().catch(e => { console.error(e); process.exit(1); });`

// TestAnnotate looks addresses up in real data: the origins of all prefixes and the countries of all
// address blocks, of ip-location-db. The answers must be those of the reader of npm, and those of the
// table of ranges itself.
func TestAnnotate(t *testing.T) {
	need(t, "maxmind")
	dir := t.TempDir()
	folder, err := filepath.Abs(filepath.Join(installed, "node_modules", "@ip-location-db"))
	if err != nil {
		t.Fatal(err)
	}
	program, err := filepath.Abs("../../bin/masstrace")
	if err != nil {
		t.Fatal(err)
	}
	ranges := origins(t, filepath.Join(folder, "asn", "asn-ipv4.csv"), filepath.Join(folder, "asn", "asn-ipv6.csv"))
	asn, geo := filepath.Join(dir, "asn.mmdb"), filepath.Join(folder, "geo-whois-asn-country-mmdb", "geo-whois-asn-country.mmdb")
	writeMMDB(t, asn, ranges)
	rng := rand.New(rand.NewPCG(1, 2))
	var addrs []string
	want := map[string]uint32{} // by the table
	for len(addrs) < asked {
		r := ranges[rng.IntN(len(ranges))]
		a := r.from
		if rng.IntN(2) == 0 {
			a = r.to
		}
		addrs, want[a.String()] = append(addrs, a.String()), r.asn
	}
	list := filepath.Join(dir, "addresses")
	if err := os.WriteFile(list, []byte(strings.Join(addrs, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	modules := filepath.Dir(folder)
	theirs := strings.Split(strings.TrimSpace(in(t, dir, []string{"NODE_PATH=" + modules}, "node", "-e", reader, asn, geo, list)), "\n")
	ours := strings.Split(strings.TrimSpace(in(t, dir, nil, "sh", "-c", fmt.Sprintf("%s annotate --text --asn %s <%s", program, asn, list))), "\n")
	countries := strings.Split(strings.TrimSpace(in(t, dir, nil, "sh", "-c", fmt.Sprintf("%s annotate --text --geo %s <%s", program, geo, list))), "\n")
	if len(theirs) != asked || len(ours) != asked || len(countries) != asked {
		t.Fatalf("%d, %d and %d lines", len(theirs), len(ours), len(countries))
	}
	found := 0
	for i, a := range addrs {
		number, country, _ := strings.Cut(theirs[i], " ")
		if number != strconv.Itoa(int(want[a])) {
			t.Errorf("%s: the reader of npm has %s, the table %d", a, number, want[a])
		}
		if !strings.HasPrefix(ours[i], a+" [AS"+number+" ") {
			t.Errorf("%s: %q, want AS%s", a, ours[i], number)
		}
		expected := a
		if country != "-" {
			found++
			expected += " [" + country + "]"
		}
		if countries[i] != expected {
			t.Errorf("%q, want %q", countries[i], expected)
		}
	}
	if found < asked/2 {
		t.Errorf("only %d countries", found)
	}
	t.Logf("%d addresses of %d ranges, %d countries", asked, len(ranges), found)
}

// addrRange is a line of the table of origins.
type addrRange struct {
	from, to netip.Addr
	asn      uint32
	name     string
}

// origins reads the tables of origins, without the prefixes of 6to4 and Teredo, which databases of
// MaxMind's format replace by those of IPv4.
func origins(t *testing.T, paths ...string) (list []addrRange) {
	t.Helper()
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		rows := csv.NewReader(f)
		for {
			row, err := rows.Read()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			n, err := strconv.ParseUint(row[2], 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			r := addrRange{netip.MustParseAddr(row[0]), netip.MustParseAddr(row[1]), uint32(n), row[3]}
			if !strings.HasPrefix(row[0], "2002:") && !strings.HasPrefix(row[0], "2001::") {
				list = append(list, r)
			}
		}
	}
	return list
}

// writeMMDB writes a database of origins in MaxMind's format.
func writeMMDB(t *testing.T, path string, list []addrRange) {
	t.Helper()
	w, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "ASN", RecordSize: 24, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		data := mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(r.asn), "autonomous_system_organization": mmdbtype.String(r.name)}
		if err := w.InsertRange(net.IP(r.from.AsSlice()), net.IP(r.to.AsSlice()), data); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
