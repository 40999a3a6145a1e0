package main

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteTargets(t *testing.T) {
	for name, write := range map[string]func(string, uint64, int) error{"sparse": writeSparse, "dense": writeDense} {
		path := filepath.Join(t.TempDir(), name)
		if err := write(path, 1, 500); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		prefixes := map[string]bool{}
		for line := range bytes.Lines(b) {
			prefixes[string(line[:bytes.LastIndexByte(line, '.')])] = true
		}
		if len(prefixes) != 500 {
			t.Errorf("%s: %d /24s, want 500", name, len(prefixes))
		}
	}
}

func TestReadFlashRoute(t *testing.T) {
	record := func(responder, fromDst byte) []byte {
		b := make([]byte, flashRecord)
		b[flashResponder], b[flashFromDst] = responder, fromDst
		return b
	}
	path := filepath.Join(t.TempDir(), "results")
	b := bytes.Join([][]byte{record(1, 0), record(2, 0), record(1, 0), record(3, 1), {1, 2}}, nil)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := readFlashRoute(path); err != nil || f.interfaces != 2 {
		t.Errorf("%v interfaces, %v; want 2", f.interfaces, err)
	}
}

func TestReadRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results")
	hop := func(addr, ttl, kind string) string {
		return `{"addr":"` + addr + `","probe_ttl":` + ttl + `,"icmp_type":` + kind + `,"icmp_code":0}`
	}
	text := `{"type":"trace","dst":"198.51.100.9","hop_count":4,"hops":[` + hop("10.0.0.1", "1", "11") + "," + hop("10.0.0.2", "2", "11") + "," +
		hop("10.0.0.2", "2", "11") + "," + hop("10.0.0.1", "3", "11") + "," + hop("198.51.100.9", "4", "3") + "]}\n" +
		`{"type":"summary","sent":7}` + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := readRecords(path); err != nil || f.interfaces != 2 || len(f.hops) != 2 {
		t.Errorf("%+v, %v; want 2 interfaces and 2 hops, without that of the loop", f, err)
	}
}

// A hop that was probed and did not answer does not lower recall. A hop that was not probed does.
func TestRecall(t *testing.T) {
	a, b := netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.2")
	all := found{hops: map[hop]bool{{a, 1}: true, {a, 2}: true, {b, 1}: true, {b, 5}: true}}
	f := found{hops: map[hop]bool{{a, 1}: true}, probed: map[netip.Addr]uint8{a: 1, b: 4}}
	if r := f.recallOf(&all); r != 0.5 {
		t.Errorf("recall %v, want 0.5", r)
	}
}

func TestAgainst(t *testing.T) {
	curve := []found{{probes: 100, interfaces: 0.8}, {probes: 200, interfaces: 0.9}, {probes: 300, interfaces: 1}}
	for _, tt := range []struct {
		f    found
		want string
	}{
		{found{probes: 250, interfaces: 0.85}, "95.0 % of the interfaces at its number of probes; its interfaces with 60.0 % of its probes."},
		{found{probes: 400, interfaces: 0.7}, "100.0 % of the interfaces with 75.0 % of its probes; more than its interfaces (80.0 %) with 25.0 % of its probes."},
	} {
		if got := against(&tt.f, curve); !strings.HasSuffix(got, tt.want) {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
