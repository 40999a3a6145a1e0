package intake_test

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/intake"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// runLine is a run record, and traces are results: of a trace that reached its target, and of two
// that did not.
var (
	runLine = recordsOf(&record.Run{Run: "x", TTL: [2]uint8{1, 32}})
	traces  = recordsOf(&record.Run{Run: "x", TTL: [2]uint8{1, 32}},
		trace("192.0.2.1", 3, 1, record.StopCompleted), trace("192.0.2.4", 9, 2, record.StopGapLimit), trace("192.0.2.9", 32, 1, record.StopHopLimit))
)

// trace returns a trace to a target, over one flow.
func trace(to string, hops, firstTTL uint8, reason record.StopReason) *record.Trace {
	t := &record.Trace{
		Head: record.Head{
			Target: probe.AddrFrom(netip.MustParseAddr(to)), Source: probe.AddrFrom(netip.MustParseAddr("198.51.100.1")),
			Method: probe.UDP, Flow: probe.Flow{Value: 40000}, DstPort: 33434, ProbeSize: 44,
		},
		FirstTTL: firstTTL, MaxTTL: 32, Attempts: 1, Start: 1e18, ProbeCount: 32,
	}
	t.Result = record.Result{StopReason: reason, End: hops, Reached: reason == record.StopCompleted, PathHash: 1}
	if t.Reached {
		t.Distance = hops
	}
	return t
}

// recordsOf returns records as NDJSON.
func recordsOf(list ...record.Record) string {
	var b bytes.Buffer
	w := ndjson.NewWriter(&b, ndjson.Config{Kinds: record.Both, Run: "x", Hostname: "here"})
	for _, r := range list {
		if err := w.Write(r); err != nil {
			panic(err)
		}
	}
	if err := w.Flush(); err != nil {
		panic(err)
	}
	return b.String()
}

func TestWhere(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "r.ndjson", []byte(traces))
	write(t, "bare.json", []byte(bare))
	write(t, "replies", []byte(replies))
	tests := []struct {
		file  string
		where []string
		want  string
		err   string
	}{
		{where: nil, want: "1 4 9"},
		{where: []string{"stop_reason=GAPLIMIT"}, want: "4"},
		{where: []string{"stop_reason = gaplimit"}, want: "4"},
		{where: []string{"stop_reason==GAPLIMIT"}, want: "4"},
		{where: []string{"stop_reason!=GAPLIMIT"}, want: "1 9"},
		{where: []string{"hop_count>=9"}, want: "4 9"},
		{where: []string{"hop_count>9"}, want: "9"},
		{where: []string{"hop_count<9"}, want: "1"},
		{where: []string{"hop_count<=9", "hop_count!=3"}, want: "4"},
		{where: []string{"firsthop=2"}, want: "4"},
		{where: []string{"reached=true"}, want: "1"},
		{where: []string{"reached=false", "firsthop=1"}, want: "9"},
		{where: []string{"dst_ttl<5"}, want: "1"},
		{where: []string{"dst=192.0.2.0/29"}, want: "1 4"},
		{where: []string{"dst!=192.0.2.4"}, want: "1 9"},
		{where: []string{"src=198.51.100.0/24", "method=udp", "dport=33434"}, want: "1 4 9"},
		{where: []string{"probe_count=32", "hoplimit=32", "attempts=1", "userid=0", "stop_data=0", "hops=0", "loops=0", "answered=0"}, want: "1 4 9"},
		{where: []string{"hop_count>99"}, want: ""},
		{file: "bare.json", where: []string{"reached=true"}, want: "1"},
		{file: "bare.json", where: []string{"answered>=0"}, want: ""},
		{file: "replies", want: "7"},
		{file: "replies", where: []string{"hop_count=1"}, err: "replies has no traces, to which the conditions apply"},
		{where: []string{"rtt=1"}, err: `traces have no field "rtt": use one of answered, attempts, dport, dst, dst_ttl, firsthop, hop_count, hoplimit, hops, loops, method, probe_count, reached, src, stop_data, stop_reason, userid`},
		{where: []string{"hop_count"}, err: `"hop_count" is no condition: it needs a field, one of != <= >= = < >, and a value`},
		{where: []string{"hop_count!9"}, err: `"hop_count!9" is no condition: its operator is none of != <= >= = < >`},
		{where: []string{"hop_count=x"}, err: `"hop_count=x": "x" is not a number`},
		{where: []string{"stop_reason=X"}, err: `"stop_reason=X": "X" is none of NONE, COMPLETED, UNREACH, GAPLIMIT, HOPLIMIT, LOOP, GSS, HALTED, ICMP, ERROR`},
		{where: []string{"reached>true"}, err: `"reached>true": the field has no order: use = or !=, not >`},
		{where: []string{"dst<192.0.2.1"}, err: `"dst<192.0.2.1": the field has no order: use = or !=, not <`},
		{where: []string{"dst=x"}, err: `"dst=x": "x" is neither an address nor a prefix`},
		{file: "none", err: "open none: no such file or directory"},
	}
	for _, tt := range tests {
		t.Run(tt.file+strings.Join(tt.where, " "), func(t *testing.T) {
			l, err := intake.Read(t.Context(), intake.Config{Results: []string{cmp.Or(tt.file, "r.ndjson")}, Where: tt.where})
			if tt.err != "" || err != nil {
				if err == nil || err.Error() != tt.err {
					t.Errorf("got  %v\nwant %s", err, tt.err)
				}
				return
			}
			text := bytes.Join(slices.Collect(l.Text(1<<20)), nil)
			if got := strings.Join(strings.Fields(strings.ReplaceAll(string(text), "192.0.2.", "")), " "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// bare has a trace of scamper's, without the fields of our own.
var bare = strings.SplitAfter(traces, "\n")[firstTrace]

// firstTrace is the number of the line of the first trace, from 0.
const firstTrace = 1

// replies are results without traces.
var replies = recordsOf(&record.Run{Run: "x", TTL: [2]uint8{1, 32}}, &record.Reply{
	Head: trace("192.0.2.7", 1, 1, record.StopNone).Head,
	Hop:  record.Hop{Reply: probe.Reply{Facts: probe.Facts{Probe: probe.Probe{TTL: 1}, Protocol: probe.ProtoICMP, Type: 11, Responder: probe.AddrFrom(netip.MustParseAddr("203.0.113.1"))}}},
})

// Every format that is read gives its targets, and those that are recognised as results may stand
// among the lists.
func TestFormats(t *testing.T) {
	t.Chdir(t.TempDir())
	const want = "192.0.2.1-192.0.2.1\n192.0.2.4-192.0.2.4\n192.0.2.9-192.0.2.9\n"
	for _, name := range all.Writers() {
		f, err := all.WriterOf(name)
		if err != nil || f.NewReader == nil {
			continue
		}
		var b bytes.Buffer
		w := f.NewWriter(format.Output{Out: &b, Kinds: record.Both, Run: "x", Hostname: "here"})
		if f.Replies {
			w = format.Rows(w)
		}
		source := ndjson.Format.NewReader(strings.NewReader(withHops))
		for r, err := source.Read(); err == nil; r, err = source.Read() {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		if e, ok := w.(format.Ender); ok {
			if err := e.End(); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		write(t, name, b.Bytes())
		l, err := intake.Read(t.Context(), intake.Config{Results: []string{name}})
		if err != nil || ranges(l) != want {
			t.Errorf("%s: %v; want\n%s", name, err, want)
		}
		if f.Replies { // rows of numbers
			continue
		}
		l, err = intake.Read(t.Context(), intake.Config{Args: []string{"./" + name}})
		if err != nil || ranges(l) != want {
			t.Errorf("%s among the lists: %v; want\n%s", name, err, want)
		}
	}
}

// withHops are traces with a hop each.
var withHops = func() string {
	list := []record.Record{&record.Run{Run: "x", TTL: [2]uint8{1, 32}}}
	for _, to := range []string{"192.0.2.1", "192.0.2.4", "192.0.2.9"} {
		t := trace(to, 1, 1, record.StopGapLimit)
		t.Hops = []record.Hop{{
			Reply: probe.Reply{Facts: probe.Facts{Probe: probe.Probe{TTL: 1}, Protocol: probe.ProtoICMP, Type: 11, Responder: probe.AddrFrom(netip.MustParseAddr("203.0.113.1")), Stamp: 2e18}},
			Sent:  2e18 - 1e6, RTT: 1e6,
		}}
		list = append(list, t)
	}
	return recordsOf(list...)
}()
