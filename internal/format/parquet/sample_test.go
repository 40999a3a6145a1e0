package parquet

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// start is when the samples began, in whole µs: 2026-09-21T14:13:21.101222Z.
const start = 1790000001101222000

func addr(s string) probe.Addr { return probe.AddrFrom(netip.MustParseAddr(s)) }

// labels is an extension structure with two MPLS labels.
var labels = wire.AppendExtension(nil, wire.Object{
	Class: wire.ClassMPLS, CType: wire.CTypeIncomingMPLS,
	Payload: wire.Label{Label: 17, S: 1, TTL: 1}.AppendTo(wire.Label{Label: 29657, EXP: 2, TTL: 1}.AppendTo(nil)),
})

// hop returns a hop of a trace to target, as the reader gives it back.
func hop(target probe.Addr, flow uint16, ttl, attempt uint8, from probe.Addr) record.Hop {
	h := record.Hop{Sent: start + int64(ttl)*1e6, RTT: int64(ttl)*1234567 + 1}
	h.Facts = probe.Facts{
		Probe: probe.Probe{Target: target, Flow: flow, TTL: ttl, Attempt: attempt}, Stamp: h.Sent + h.RTT,
		Responder: from, Kind: probe.KindTTLExceeded, Valid: probe.Strong, Protocol: probe.ProtoICMP,
		Type: wire.ICMPv4TimeExceeded, ReplyTTL: 255 - ttl, ReplyTOS: 0xc0, ReplyID: 4711, ReplySize: 56,
		HasQuote: true, QuotedTTL: 1, QuotedSize: 44,
	}
	return h
}

// traces returns n traces of some hops each, whose targets are in the order of their texts.
func traces(n, hops int) []record.Record {
	var list []record.Record
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		target := addr(fmt.Sprintf("198.1%02d.1%02d.1%02d", i/10000%100, i/100%100, i%100))
		t := &record.Trace{
			Head:     record.Head{Target: target, Source: addr("192.0.2.1"), Method: probe.UDP, Flow: probe.Flow{Value: 41021}, DstPort: 33434, ProbeSize: 44},
			FirstTTL: 1, MaxTTL: 32, Attempts: 2, Wait: 2 * time.Second, Start: start + int64(i)*1e6, ProbeCount: hops + 1, Answered: hops,
			Silent: []record.TTLAttempt{{TTL: uint8(hops + 1)}},
			Hops:   make([]record.Hop, 0, hops),
			Result: record.Result{StopReason: record.StopGapLimit, End: uint8(hops), PathHash: rng.Uint64()},
		}
		for ttl := 1; ttl <= hops; ttl++ {
			// Routers near the vantage point are few, those near the target many.
			few := 1 << min(2*ttl, 16)
			h := hop(target, 0, uint8(ttl), 0, probe.Addr4From([4]byte{203, byte(ttl), byte(i % few >> 8), byte(i % few)}))
			h.RTT = 1e6*int64(ttl) + rng.Int64N(3e6)
			h.Stamp, h.ReplyID = h.Sent+h.RTT, uint16(rng.Uint32())
			t.Hops = append(t.Hops, h)
		}
		list = append(list, t)
	}
	return list
}

// samples returns records of all kinds in the order in which the reader gives them back.
func samples() []record.Record {
	rich := traces(1, 3)[0].(*record.Trace)
	rich.Reached, rich.Distance, rich.NATFirstTTL, rich.StopReason, rich.StopData = true, 4, 2, record.StopUnreach, 13
	rich.Met = record.Interface{TTL: 1, Addr: addr("203.0.113.9")}
	rich.Silent = []record.TTLAttempt{{TTL: 2, Attempt: 1}, {TTL: 255, Attempt: 3}}
	rich.Loops = []record.Loop{{First: 1, Again: 3}}
	rich.RateLimited, rich.UnderDrops, rich.Contested, rich.Withheld = []uint8{2, 5}, []uint8{3}, []uint8{7}, []uint8{9, 10}
	rich.Inferred = []record.Interface{{TTL: 1, Addr: addr("203.0.113.1")}}
	rich.Hops[0].TTL, rich.Hops[1].TTL, rich.Hops[1].Attempt = 2, 2, 1
	rich.Hops[0].Ext, rich.Hops[0].Lagged, rich.Hops[0].MTU = labels, true, 1400
	rich.Hops[1].Mangled, rich.Hops[1].Valid = probe.MangledCsum|probe.MangledSource, probe.Weak
	rich.Hops[2].Protocol, rich.Hops[2].Type, rich.Hops[2].TCPFlags, rich.Hops[2].Kind = probe.ProtoTCP, 0, 18, probe.KindSYNACK
	rich.Hops[2].HasQuote, rich.Hops[2].QuotedTTL, rich.Hops[2].QuotedSize = false, 0, 0

	rich.Hops[0].Annotation = &record.Annotation{
		ASN: []uint32{64500, 4200000000}, ASNSource: "asn.mmdb", ASName: "EXAMPLE", Prefix: netip.MustParsePrefix("203.0.113.0/24"),
		IXP: "Example-IX", Country: "DE", Name: "core1",
	}
	rich.Hops[2].Annotation = &record.Annotation{ASN: []uint32{7}}
	rich.InferredAnnotations = []*record.Annotation{{Country: "FR"}}
	rich.TargetAnnotation = &record.Annotation{ASN: []uint32{1, 2, 3}, Name: "target"}
	rich.ASPath = []record.PathPart{
		{First: 1, Last: 2, Kind: record.PathAS, ASN: []uint32{64500, 4200000000}}, {First: 3, Last: 3, Kind: record.PathSilent},
		{First: 4, Last: 9, Kind: record.PathIXP, ASN: []uint32{7}, IXP: "Example-IX"}, {First: 10, Last: 10, Kind: record.PathUnknown},
	}

	empty := &record.Trace{
		Head:     record.Head{Target: addr("198.51.100.9"), Source: addr("192.0.2.1"), Method: probe.ICMP, FlowIndex: 1, Flow: probe.Flow{Value: 7}},
		FirstTTL: 1, MaxTTL: 5, Attempts: 1, Wait: 1500 * time.Millisecond, Start: start,
		Silent: []record.TTLAttempt{}, Result: record.Result{StopReason: record.StopHopLimit, PathHash: 1<<64 - 1},
	}
	again := *empty // the same target and flow twice, as a merge of vantage points has it
	again.Source = addr("192.0.2.2")

	six := &record.Trace{
		Head: record.Head{Target: addr("2001:db8::9"), Method: record.NoMethod, TOS: 8}, Bare: true, Start: start,
		Result: record.Result{StopReason: record.StopCompleted, Reached: true},
	}
	theirs := hop(six.Target, 0, 7, 0, addr("2001:db8:1::1"))
	theirs.Lacks, theirs.Sent, theirs.Stamp = record.LacksAttempt|record.LacksKind|record.LacksValid|record.LacksSent, 0, 0
	theirs.Kind, theirs.Valid, theirs.Protocol, theirs.ReplyID = 0, 0, probe.ProtoICMPv6, 0
	six.Hops = []record.Hop{theirs, theirs}

	cycle := record.Cycle{ListName: "default", ID: 1, Hostname: "vp1", Time: start / 1_000_000_000}
	return []record.Record{
		&record.CycleStart{Cycle: cycle},
		&record.Run{Run: "01JX", Tool: "masstrace/1", Argv: []string{"scan"}, TTL: [2]uint8{1, 32}},
		&record.Resume{Run: "01JX", Windows: 7, TimeUs: 5}, &record.Resume{Run: "01JX", Windows: 9, TimeUs: 6},
		rich, empty, &again, six,
		&record.Summary{Run: "01JX", ElapsedS: 1.5, Complete: true, Reason: record.ReasonDone},
		&record.CycleStop{Cycle: cycle},
	}
}

// write returns a file of a table with these records.
func write(t testing.TB, table string, list []record.Record) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(format.Output{Out: &b, Table: table, Run: "01JX"})
	for _, r := range list {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read returns all records of a file, and the error that ended it, nil for its end.
func read(r format.Reader) (list []record.Record, err error) {
	for {
		rec, err := r.Read()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		list = append(list, rec)
	}
}
