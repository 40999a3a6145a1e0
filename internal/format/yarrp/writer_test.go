package yarrp

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// The header, the rows and the trailer are those of yarrp, which the reader takes back.
func TestWrite(t *testing.T) {
	stack := wire.Label{Label: 5, EXP: 6, S: 1, TTL: 8}.AppendTo(wire.Label{Label: 29657, EXP: 2, TTL: 4}.AppendTo(nil))
	four := rowReply(1e3)
	four.Lacks = 0
	four.Sent, four.Method, four.DstPort, four.Source = four.Stamp-four.RTT, probe.UDP, 53, probe.Addr4From([4]byte{192, 0, 2, 1})
	four.Ext = wire.AppendExtension(nil, wire.Object{Class: wire.ClassMPLS, CType: wire.CTypeIncomingMPLS, Payload: stack})
	six := new(record.Reply)
	six.Head.Target = probe.AddrFrom(netip.MustParseAddr("2001:db8::1"))
	six.Responder = probe.Addr4From([4]byte{9, 9, 9, 9}) // as some routers answer
	six.Hop.Target, six.TTL, six.ReplySize = six.Head.Target, 3, 96
	silent, withheld := *four, *four
	silent.TTL, withheld.Withheld = 0, true
	run := &record.Run{Tool: "masstrace/0.1.0", TTL: [2]uint8{1, 16}, RatePPS: 1000, Seed: "42\n"}
	sum := &record.Summary{ElapsedS: 2}
	sum.Sent = 100
	const header = "# Dst_Port: 53\n# Fill_Mode: 0\n# Max_TTL: 16\n# Min_TTL: 1\n" +
		"# Output_Fields: target sec usec type code ttl hop rtt ipid psize rsize rttl rtos mpls count\n" +
		"# Program: masstrace/0.1.0\n# RTT_Granularity: us\n# Random: 1\n# Rate: 1000\n# Seed: 42\\x0a\n" +
		"# SourceIP: 192.0.2.1\n# Start: Tue, 14 Nov 2023 22:13:20 +0000\n# TTL_Nbrhd: 0\n# Trace_Type: UDP\n"
	const rows = "1.2.3.4 1700000000 5 11 0 7 9.9.9.9 1234 17 44 56 250 192 29657:4,5:8 1\n" +
		"2001:db8::1 0 0 0 0 3 9.9.9.9 0 0 0 56 0 0 0 2\n"
	const trailer = "# End: Tue, 14 Nov 2023 22:13:22 +0000\n# Pkts: 100\n# Elapsed: 2.00s\n# PPS: 50.00\n#\n"
	var out strings.Builder
	w := Format.NewWriter(format.Output{Out: &out})
	for _, r := range []record.Record{
		&record.CycleStart{Cycle: record.Cycle{Time: 1700000000}}, run, &silent, &withheld, four, six, &record.Trace{}, sum,
		&record.CycleStop{Cycle: record.Cycle{Time: 1700000002}},
	} {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil || out.String() != header+rows+trailer {
		t.Errorf("%v\n%s\nwant\n%s", err, out.String(), header+rows+trailer)
	}
	out.Reset()
	w = Format.NewWriter(format.Output{Out: &out})
	if err := errors.Join(w.Write(&record.CycleStop{}), w.Flush()); err != nil || strings.Contains(out.String(), "Trace_Type") {
		t.Errorf("%v, %s", err, out.String())
	}
}

// The rows have the method, the source and the port of the header.
func TestHeader(t *testing.T) {
	in := "# Dst_Port: 53\n# SourceIP: 192.0.2.1\n# Trace_Type: TCP6_ACK\n# RTT_Granularity: ms\n" + row + "\n2001:db8::1" + row[7:] + "\n"
	r := NewReader(strings.NewReader(in))
	first, _ := r.Read()
	second, err := r.Read()
	if err != nil {
		t.Fatal(err)
	}
	a, b := first.(*record.Reply), second.(*record.Reply)
	if a.Method != probe.TCPACK || a.DstPort != 53 || a.Source.String() != "192.0.2.1" || a.RTT != 1234e6 || a.ProbeSize != 44 {
		t.Errorf("%+v", a)
	}
	if b.Method != probe.TCPACK || !b.Source.IsZero() || b.ProbeSize != 84 || b.ReplySize != 96 {
		t.Errorf("%+v", b)
	}
}
