package hops

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// sample returns traces: one of our own, one that another tool made, and one without a hop.
func sample() []record.Record {
	ours := record.Hop{Sent: 1, RTT: 12_345_678}
	ours.Facts = probe.Facts{
		Probe: probe.Probe{TTL: 3, Attempt: 1}, Responder: probe.Addr4From([4]byte{192, 0, 2, 1}),
		Kind: probe.KindTTLExceeded, Valid: probe.Strong,
	}
	// Two labels, 16 and 17 (RFC 4884 §7, RFC 4950 §3); the checksum is not needed.
	ours.Ext = []byte{0x20, 0, 0, 0, 0, 12, 1, 1, 0, 1, 0, 9, 0, 1, 0x11, 9}
	theirs := record.Hop{Lacks: record.LacksAttempt | record.LacksKind | record.LacksValid | record.LacksExt}
	theirs.Facts = probe.Facts{Probe: probe.Probe{TTL: 30}, Responder: addr6("2001:db8::99")}
	return []record.Record{
		&record.Run{},
		&record.Trace{Head: record.Head{Target: probe.Addr4From([4]byte{198, 51, 100, 9}), FlowIndex: 2}, Hops: []record.Hop{ours}},
		&record.Trace{},
		&record.Trace{Head: record.Head{Target: addr6("2001:db8:1111:2222:3333:4444:5555:6666")}, Hops: []record.Hop{theirs}},
	}
}

func TestWriter(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(b *bytes.Buffer) *Writer
		want []string
	}{
		{"CSV", func(b *bytes.Buffer) *Writer { return NewCSV(b) }, []string{
			"target,flow,ttl,attempt,address,rtt_ms,kind,valid,labels",
			"198.51.100.9,2,3,1,192.0.2.1,12.346,ttl_exceeded,strong,16/17",
			"2001:db8:1111:2222:3333:4444:5555:6666,0,30,,2001:db8::99,,,,",
		}},
		{"table", func(b *bytes.Buffer) *Writer { return NewTable(b) }, []string{
			"target           flow  ttl  attempt  address             rtt_ms  kind          valid       labels",
			"198.51.100.9        2    3        1  192.0.2.1           12.346  ttl_exceeded  strong      16/17",
			"2001:db8:1111:2222:3333:4444:5555:6666     0   30        -  2001:db8::99                                    -  -             -           -",
		}},
	} {
		var b bytes.Buffer
		w := tt.make(&b)
		for _, r := range sample() {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, strings.Split(strings.TrimSpace(b.String()), "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// Rows have the columns of databases if the run or the first trace with a hop has annotations.
func TestAnnotations(t *testing.T) {
	note := &record.Annotation{
		ASN: []uint32{64500, 64501}, ASName: "Example, Süd", Prefix: netip.MustParsePrefix("192.0.2.0/24"), IXP: "Example-IX", Country: "DE", Name: "core1",
	}
	plain, noted := sample(), sample()
	noted[1].(*record.Trace).Hops[0].Annotation = note
	named := append([]record.Record{&record.Run{Databases: []record.Database{{File: "asn.mmdb"}}}}, plain...)
	const columns, none = ",asn,as_name,prefix,ixp,country,name\n", ",,,,,,"
	for _, tt := range []struct {
		name    string
		records []record.Record
		want    string // after the labels
	}{
		{"a trace", noted, `,64500_64501,"Example, Süd",192.0.2.0/24,Example-IX,DE,core1`},
		{"the run", named, none},
	} {
		var b bytes.Buffer
		w := NewCSV(&b)
		for _, r := range tt.records {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		want := "target,flow,ttl,attempt,address,rtt_ms,kind,valid,labels" + columns +
			"198.51.100.9,2,3,1,192.0.2.1,12.346,ttl_exceeded,strong,16/17" + tt.want + "\n" +
			"2001:db8:1111:2222:3333:4444:5555:6666,0,30,,2001:db8::99,,,," + none + "\n"
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	var b bytes.Buffer
	w := NewTable(&b)
	if err := errors.Join(w.Write(noted[1]), w.Write(plain[3]), w.Flush()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"target           flow  ttl  attempt  address             rtt_ms  kind          valid       labels  asn          as_name               prefix              ixp         country  name",
		"198.51.100.9        2    3        1  192.0.2.1           12.346  ttl_exceeded  strong      16/17   64500_64501  Example, Süd          192.0.2.0/24        Example-IX  DE       core1",
		"2001:db8:1111:2222:3333:4444:5555:6666     0   30        -  2001:db8::99                                    -  -             -           -       -            -                     -                   -           -        -",
	}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(b.String()), "\n")); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

// addr6 returns an IPv6 address.
func addr6(text string) probe.Addr { return probe.AddrFrom(netip.MustParseAddr(text)) }

// full is a disk that is.
type full struct{}

var errFull = errors.New("full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestError(t *testing.T) {
	for _, w := range []format.Writer{NewCSV(full{}), NewTable(full{})} {
		var err error
		for _, r := range sample() {
			err = w.Write(r)
		}
		if err = errors.Join(err, w.Flush()); !errors.Is(err, errFull) {
			t.Errorf("%v", err)
		}
	}
}
