package traceroute

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// Lines that are too long for the terminal are broken between columns, words and parts.
func TestBroken(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		columns    int
		want       string
	}{
		{"no terminal", strings.Repeat("x ", 99), 0, strings.Repeat("x ", 99)},
		{"short", " 1  192.0.2.1  1.000 ms", 50, " 1  192.0.2.1  1.000 ms"},
		{
			"between columns", " 1  router.example.net (192.0.2.1)  1.000 ms  1.100 ms *", 50,
			" 1  router.example.net (192.0.2.1)  1.000 ms\n    1.100 ms *",
		},
		{
			"between words", "traceroute to example.net (198.51.100.9), 30 hops max, 44 byte packets", 50,
			"traceroute to example.net (198.51.100.9), 30 hops\n    max, 44 byte packets",
		},
		{
			"between parts", `      MPLS:L=834912,E=1,S=0,T=1/L=494887,E=0,S=0,T=1;INC:7463,30.182.88.4,"ge-0/0/0.0",mtu=1500`, 50,
			"      MPLS:L=834912,E=1,S=0,T=1/L=494887,E=0,S=0,\n    T=1;INC:7463,30.182.88.4,\"ge-0/0/0.0\",mtu=1500",
		},
		{
			"less indent", "      MPLS:L=827939,E=1,S=0,T=1/L=637648,E=2,S=1,T=1", 50,
			"    MPLS:L=827939,E=1,S=0,T=1/L=637648,E=2,S=1,T=1",
		},
		{"nothing to break", strings.Repeat("x", 60), 50, strings.Repeat("x", 60)},
		{"no room at all", "1  2  3  4  5", 4, "1  2  3  4  5"},
	} {
		got := broken(tt.line, tt.columns)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// All lines fit the terminal, with long names, many flows and extensions.
func TestNarrow(t *testing.T) {
	label := wire.Label{Label: 16000, S: 1, TTL: 1}
	ext := wire.AppendExtension(nil, wire.Object{Class: wire.ClassMPLS, CType: wire.CTypeIncomingMPLS, Payload: label.AppendTo(nil)})
	row := func(ttl uint8, branches int) Row {
		r := Row{TTL: ttl}
		for flow := range 64 {
			h := routeHop(ttl, uint8(flow%branches), int64(100000+flow))
			h.Ext = ext
			r.Probes = append(r.Probes, Probe{Flow: uint16(flow), Hop: h})
		}
		return r
	}
	silent := Row{Probes: []Probe{{}}}
	for _, columns := range []int{50, 80} {
		w := &Writer{Flows: 64, Extensions: true, Width: 16, Columns: columns}
		silent.TTL = 4
		after := silent
		after.TTL = 5
		got := string(writeRoute(t, w, "example.net", row(1, 1), row(2, 3), row(3, 2), silent, after))
		for line := range strings.Lines(got) {
			if len(line) > columns+1 {
				t.Errorf("%d columns: %q", columns, line)
			}
		}
		golden(t, map[int]string{50: "route-narrow-50.txt", 80: "route-narrow-80.txt"}[columns], []byte(got))
	}
}

// Names that are too long for their column have a line of their own.
func TestLongNames(t *testing.T) {
	for _, columns := range []int{50, 80} {
		var row Row
		for flow := range 8 {
			row.Probes = append(row.Probes, Probe{Flow: uint16(flow), Hop: routeHop(1, uint8(flow%2), 100000)})
		}
		row.TTL = 1
		w := &Writer{Flows: 8, Width: 32, Columns: columns, Name: func(a netip.Addr) string {
			return map[byte]string{0: "r", 1: "ae-3.r21.frnkge13.de.bb.gin.example.net"}[a.As4()[3]]
		}}
		got := string(writeRoute(t, w, "example.net", row))
		for line := range strings.Lines(got) {
			if len(line) > columns+1 {
				t.Errorf("%d columns: %q", columns, line)
			}
		}
		golden(t, map[int]string{50: "route-long-50.txt", 80: "route-long-80.txt"}[columns], []byte(got))
	}
}

// A gap limit is named if it is known.
func TestStopped(t *testing.T) {
	var b strings.Builder
	w := NewTraces(Writer{Out: &b})
	err := w.Write(&record.Trace{
		Head: record.Head{Target: target4}, FirstTTL: 1, MaxTTL: 9, Hops: []record.Hop{hopAt(1)}, Silent: silentAt(2, 3), GapLimit: 2,
		Result: record.Result{End: 3, StopReason: record.StopGapLimit},
	})
	want := "traceroute to 198.51.100.9, 9 hops max\n 1  192.0.2.1  1.000 ms\n 2-3  no reply\n    (stopped after 2 silent TTLs in a row)\n"
	if err != nil || b.String() != want {
		t.Errorf("%v, %q", err, b.String())
	}
}
