package warts

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// multipaths returns the golden records.
func multipaths(t testing.TB) (all []record.Record) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "testdata", "output", "multipath.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	all, err = readAll(ndjson.NewReader(bytes.NewReader(text)))
	if err != nil || len(all) < 3 {
		t.Fatal(len(all), err)
	}
	return append(append(all, diamonds()...), silence())
}

// silence is a path with two silent routers in a row, and with silence at its end.
func silence() *record.Multipath {
	a, b := probe.Addr4From([4]byte{203, 0, 113, 1}), probe.Addr4From([4]byte{203, 0, 113, 4})
	return &record.Multipath{
		Target: probe.Addr4From([4]byte{203, 0, 113, 9}), MDA: record.Full, Start: 1_790_000_001_000_000_000, Probes: 30,
		Nodes: []record.Node{{TTL: 1, Addr: a, Flows: 6}, {TTL: 4, Addr: b, Flows: 6}},
		Links: []record.Link{
			{TTL: 1, Near: a, Flows: 6}, {TTL: 2, Flows: 6}, {TTL: 3, Far: b, Flows: 6}, {TTL: 4, Near: b, Flows: 6}, {TTL: 5, Flows: 6},
		},
		Balancers: []record.Balancer{},
	}
}

// diamonds are records of whole paths, over each method: two branches, of which the first has a
// silent router, and the target behind them at two TTLs.
func diamonds() (all []record.Record) {
	for _, method := range []probe.Method{probe.UDP, probe.ICMP, probe.TCPSYN, probe.TCPACK} {
		for _, is6 := range []bool{false, true} {
			addr := func(n byte) probe.Addr {
				if is6 {
					return probe.Addr{0: 0x20, 1: 1, 2: 0xd, 3: 0xb8, 15: n}
				}
				return probe.Addr4From([4]byte{203, 0, 113, n})
			}
			var none probe.Addr
			all = append(all, &record.Multipath{
				Target: addr(9), Source: addr(200), Method: method, MDA: record.Full, Start: 1_790_000_001_000_000_000, Probes: 44,
				Nodes: []record.Node{
					{TTL: 1, Addr: addr(1), Flows: 11}, {TTL: 2, Addr: addr(2), Flows: 11}, {TTL: 3, Addr: addr(4), Flows: 5}, {TTL: 4, Addr: addr(5), Flows: 6}, {TTL: 4, Addr: addr(9), Flows: 5}, {TTL: 5, Addr: addr(9), Flows: 6},
				},
				Links: []record.Link{
					{TTL: 1, Near: addr(1), Far: addr(2), Flows: 11}, {TTL: 2, Near: addr(2), Far: none, Flows: 6}, {TTL: 2, Near: addr(2), Far: addr(4), Flows: 5},
					{TTL: 3, Near: none, Far: addr(5), Flows: 6}, {TTL: 3, Near: addr(4), Far: addr(9), Flows: 5}, {TTL: 4, Near: addr(5), Far: addr(9), Flows: 6},
				},
				Balancers: []record.Balancer{},
			})
		}
	}
	return all
}

// All paths to a target are read as they were written.
func TestTracelb(t *testing.T) {
	want := append(diamonds(), silence())
	got, err := readAll(NewReader(bytes.NewReader(written(t, want...))))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got, err = readAll(NewReader(bytes.NewReader(written(t, multipaths(t)...))))
	if err != nil || len(got) != len(multipaths(t)) {
		t.Errorf("%d records, %v", len(got), err)
	}
}

// A file that is cut or changed anywhere gives the records before, and an error or other records.
func TestTracelbDamaged(t *testing.T) {
	whole := written(t, diamonds()[0])
	for n := range len(whole) {
		if _, err := readAll(NewReader(bytes.NewReader(whole[:n]))); n > 0 && err != format.ErrCut {
			t.Errorf("cut at %d: %v", n, err)
		}
		damaged := bytes.Clone(whole)
		damaged[n] ^= 0xff
		_, _ = readAll(NewReader(bytes.NewReader(damaged)))
	}
}

// scamper's tools accept our file without a warning, and show each record.
func TestTracelbTools(t *testing.T) {
	all := multipaths(t)
	path := saved(t, "ours.warts", written(t, append(append([]record.Record{cycleStart()}, all...), cycleStop())...))
	for _, tt := range []struct{ name, each string }{
		{"sc_wartsdump", "tracelb from "}, {"sc_warts2json", `"type":"tracelb"`}, {"sc_warts2text", "tracelb from "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := tool(t, tt.name, path)
			if n := strings.Count(out, tt.each); n != len(all) {
				t.Errorf("%d of %d:\n%s", n, len(all), out)
			}
			// It has no place for the silent router of one of several links.
			if tt.name == "sc_warts2text" && !strings.Contains(out, "203.0.113.2 -> 203.0.113.4\n203.0.113.2 -> 203.0.113.5\n") {
				t.Error(out)
			}
		})
	}
}
