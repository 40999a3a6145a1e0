package warts

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// readAll returns the records up to the end or an error, which is nil at the end.
func readAll(r format.Reader) ([]record.Record, error) {
	var all []record.Record
	for {
		rec, err := r.Read()
		switch {
		case err == io.EOF:
			return all, nil
		case err != nil:
			return all, err
		}
		all = append(all, rec)
	}
}

// written returns the file of some records.
func written(t testing.TB, all ...record.Record) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(format.Output{Out: &b})
	var err error
	for _, rec := range all {
		err = errors.Join(err, w.Write(rec))
	}
	if err = errors.Join(err, w.Flush()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func cycleStart() *record.CycleStart {
	return &record.CycleStart{Cycle: record.Cycle{ListName: "list", ID: 7, Hostname: "vp1", Time: 1790000000}}
}

func cycleStop() *record.CycleStop {
	return &record.CycleStop{Cycle: record.Cycle{ListName: "list", ID: 7, Hostname: "vp1", Time: 1790000900}}
}

// samples returns a cycle with every trace of the golden records, and others with the features that
// those lack.
func samples(t testing.TB) []record.Record {
	t.Helper()
	all := []record.Record{cycleStart()}
	paths, err := filepath.Glob(filepath.Join("..", "..", "..", "testdata", "output", "*.ndjson"))
	if err != nil || len(paths) < 10 {
		t.Fatal(len(paths), "goldens", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		records, err := readAll(ndjson.NewReader(bytes.NewReader(text)))
		if err != nil {
			t.Fatal(path, err)
		}
		for _, rec := range records {
			if trace, ok := rec.(*record.Trace); ok {
				all = append(all, trace)
			}
		}
	}
	all = append(all, others()...)
	for i, rec := range all { // the same target again would be another trace of it
		if trace, ok := rec.(*record.Trace); ok {
			trace.FlowIndex = uint16(i)
			for j := range trace.Hops {
				trace.Hops[j].Flow = trace.FlowIndex
			}
		}
	}
	return append(all, cycleStop())
}

func addr(s string) probe.Addr { return probe.AddrFrom(netip.MustParseAddr(s)) }

// base returns a trace of n routers.
func base(n uint8) *record.Trace {
	t := &record.Trace{
		Head: record.Head{
			Target: addr("198.51.100.9"), Source: addr("192.0.2.1"), Method: probe.UDP,
			Flow: probe.Flow{Value: 41021}, DstPort: 33434, TOS: 4, ProbeSize: 44,
		},
		FirstTTL: 1, MaxTTL: 32, Attempts: 3, Wait: 2e9, GapLimit: 5, Start: 1790000001101222000, ProbeCount: int(n),
		Bare: true,
	}
	t.StopReason, t.End = record.StopHopLimit, n
	for ttl := uint8(1); ttl <= n; ttl++ {
		h := record.Hop{Sent: t.Start + int64(ttl)*1e6, RTT: int64(ttl) * 1234e3, Lacks: record.LacksKind | record.LacksValid}
		h.Facts = probe.Facts{
			Probe: probe.Probe{Target: t.Target, TTL: ttl}, Stamp: h.Sent + h.RTT,
			Responder: probe.Addr4From([4]byte{203, 0, 113, ttl}), Protocol: probe.ProtoICMP, Type: 11,
			ReplyTTL: 255 - ttl, ReplyTOS: 0xc0, ReplyID: 4711, ReplySize: 56, HasQuote: true, QuotedTTL: 1, QuotedSize: 44,
		}
		t.Hops = append(t.Hops, h)
	}
	return t
}

// others returns traces with features that the golden records lack.
func others() (all []record.Record) {
	for _, reason := range stopReasons {
		t := base(2)
		t.StopReason, t.StopData = reason, uint8(reason)
		t.Reached = reason == record.StopCompleted
		all = append(all, t)
	}

	early := base(9) // began at TTL 7, and went back to 3
	early.Hops, early.FirstHop, early.FirstTTL = early.Hops[2:], 7, 3
	early.Met = record.Interface{TTL: 3, Addr: early.Hops[0].Responder}

	mapped := base(2)
	mapped.Target, mapped.Source, mapped.Flow.Label = addr("2001:db8::9"), addr("2001:db8::1"), 0
	mapped.Hops[1].Responder = probe.AddrFrom(netip.MustParseAddr("::ffff:192.0.2.7"))
	for i := range mapped.Hops {
		h := &mapped.Hops[i]
		h.Target, h.Protocol, h.Type, h.ReplyID, h.QuotedTOS = mapped.Target, probe.ProtoICMPv6, 3, 0, 0
	}

	ports := base(1) // each probe had another destination port
	ports.DstPort = 0
	unknown := base(1)
	unknown.Hops[0].Lacks |= record.LacksAttempt | record.LacksSent
	unknown.Hops[0].Sent, unknown.Hops[0].Stamp = 0, 0

	silent := base(0) // nothing at all: scamper has no hop count then
	silent.StopReason = record.StopNone

	wide := base(200) // more TTLs than ours, and each address again
	for i := range wide.Hops {
		wide.Hops[i].Responder[15] = byte(i % 50)
	}
	wide.End, wide.MaxTTL = 200, 255

	large := base(2) // values that need all of their octets
	large.Start, large.ProbeCount = (1<<32-1)*1e9+999_999_000, 65535
	large.Hops[1].RTT = (1<<32 - 1) * 1e3
	large.Hops[1].Sent, large.Hops[1].MTU, large.Hops[1].Code, large.Hops[1].Type = large.Start-large.Hops[1].RTT, 1400, 4, 3
	large.Hops[1].Stamp = large.Start
	large.Hops[1].ReplySize, large.Hops[1].QuotedSize, large.Hops[1].QuotedTTL = 65535, 65535, 255
	return append(all, early, mapped, ports, unknown, silent, wide, large)
}
