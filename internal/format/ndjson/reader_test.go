package ndjson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/trace"
)

// readAll returns all records and the error that ended them.
func readAll(t testing.TB, in []byte) ([]any, error) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	var list []any
	for {
		record, err := r.Next()
		if err != nil {
			if closed := r.Close(); closed != nil {
				t.Error(closed)
			}
			return list, err
		}
		list = append(list, record)
	}
}

func p[T any](v T) *T { return &v }

// expected is the record of t as it should be read, the slow and obvious way.
// The objects of extensions are left to the golden files.
func expected(tr *record.Trace) *TraceLine {
	want := &TraceLine{
		Type: "trace", Version: "0.1", ListName: "default", ID: 1, Hostname: "vp1",
		UserID: int(tr.FlowIndex), Src: tr.Source.Netip(), Dst: tr.Target.Netip(),
		Method: map[probe.Method]string{
			probe.UDP: "udp-paris", probe.ICMP: "icmp-echo-paris", probe.TCPSYN: "tcp", probe.TCPACK: "tcp-ack",
		}[tr.Method],
		StopReason: tr.StopReason.String(), StopData: int(tr.StopData), HopCount: int(tr.End),
		Attempts: int(tr.Attempts), HopLimit: int(tr.MaxTTL), FirstHop: int(tr.FirstTTL), Wait: 2,
		TOS: int(tr.TOS), ProbeSize: tr.ProbeSize, ProbeCount: tr.ProbeCount,
		Start: StartTime{Time{1790000001, 101222}, "2026-09-21 14:13:21"},
		Hops:  []HopLine{},
	}
	if tr.Method == probe.ICMP {
		want.ICMPSum = tr.Flow.Value
	} else {
		want.SrcPort, want.DstPort = tr.Flow.Value, tr.DstPort
	}
	for _, h := range tr.Hops {
		r := HopLine{
			Addr: h.Responder.Netip(), ProbeTTL: h.TTL, ProbeID: int(h.Attempt) + 1, ProbeSize: tr.ProbeSize,
			ReplyTTL: h.ReplyTTL, ReplyTOS: h.ReplyTOS, ReplySize: int(h.ReplySize), ReplyIPID: int(h.ReplyID),
			MTU: min(int(h.MTU), 65535), Kind: h.Kind.String(), Valid: h.Valid.String(),
			Mangled: h.Mangled.AppendNames(nil), Lagged: h.Lagged,
		}
		if h.Sent != 0 {
			r.Tx = &Time{h.Sent / 1e9, h.Sent / 1e3 % 1e6}
			r.RTT, r.RTTNs = p(float64(h.RTT/1000)/1000), p(h.RTT)
		}
		if h.Protocol == probe.ProtoTCP {
			r.TCPFlags = p(h.TCPFlags)
		} else {
			r.ICMPType, r.ICMPCode = p(h.Type), p(h.Code)
		}
		if h.HasQuote {
			r.QuotedTTL, r.QuotedLen, r.QuotedTOS = p(h.QuotedTTL), p(int(h.QuotedSize)), p(h.QuotedTOS)
		}
		want.Hops = append(want.Hops, r)
	}
	return want
}

// expectedExt is the trace-ext record of t as it should be read.
func expectedExt(tr *record.Trace) *ExtLine {
	want := &ExtLine{
		Type: "trace-ext", Run: "01JX", Dst: tr.Target.Netip(), UserID: int(tr.FlowIndex),
		Reached: tr.Reached, DstTTL: int(tr.Distance), NoReply: [][2]int{},
		Loss: Loss{tr.ProbeCount, tr.Answered}, PathHash: fmt.Sprintf("%016x", tr.PathHash),
	}
	for _, s := range tr.Silent {
		want.NoReply = append(want.NoReply, [2]int{int(s.TTL), int(s.Attempt)})
	}
	for _, ttl := range tr.RateLimited {
		want.RateLimited = append(want.RateLimited, int(ttl))
	}
	for _, ttl := range tr.UnderDrops {
		want.UnderDrops = append(want.UnderDrops, int(ttl))
	}
	for _, l := range tr.Loops {
		want.Loops = append(want.Loops, [2]int{int(l.First), int(l.Again)})
	}
	if tr.NATFirstTTL != 0 {
		want.NAT = &NAT{int(tr.NATFirstTTL)}
	}
	return want
}

// expectedReply is the reply record of h as it should be read.
func expectedReply(head *record.Head, h *record.Hop) *ReplyLine {
	is4 := head.Target.Is4()
	want := &ReplyLine{
		Type: "reply", Run: "01JX", TSSrc: "kernel", CaptureTimestamp: h.Stamp / 1e9, RxUs: h.Stamp / 1e3,
		ProbeProtocol: head.Method.Protocol(is4), ProbeSrc: head.Source.Netip(), ProbeDst: head.Target.Netip(),
		ProbeSrcPort: head.Flow.Value, ProbeDstPort: head.DstPort, ProbeFlow: head.FlowIndex,
		ProbeSize: head.ProbeSize, ReplySrc: h.Responder.Netip(), ReplyProtocol: h.Protocol,
		ReplyTTL: h.ReplyTTL, ReplySize: h.ReplySize, ReplyTOS: h.ReplyTOS, ReplyMTU: h.MTU,
		Kind: h.Kind.String(), FromDst: h.Responder == head.Target, Valid: h.Valid.String(),
		Mangled: h.Mangled.AppendNames([]string{}), Dup: h.Dup, Late: h.Late, Lagged: h.Lagged, Round: 1,
	}
	if head.Method == probe.ICMP {
		want.ProbeDstPort = 0
	}
	if !is4 {
		want.ProbeFlowLabel = p(head.Flow.Label)
	} else {
		want.ReplyIPID = p(h.ReplyID)
	}
	if h.Kind != probe.KindUDPReply {
		want.ProbeTTL, want.ProbeAttempt = p(h.TTL), p(h.Attempt)
	}
	if h.HasQuote {
		want.QuotedTTL, want.QuotedTOS = p(h.QuotedTTL), p(h.QuotedTOS)
		want.QuotedSize, want.QuotedLen = p(h.QuotedSize), p(h.QuotedLen)
		if is4 {
			want.QuotedID = p(h.QuotedID)
		}
	}
	switch h.Protocol {
	case probe.ProtoTCP:
		want.ReplyTCPFlags = p(h.TCPFlags)
	case probe.ProtoICMP, probe.ProtoICMPv6:
		want.ReplyICMPType, want.ReplyICMPCode = p(h.Type), p(h.Code)
	}
	if h.Sent != 0 && !h.Late {
		want.TxUs, want.RTTNs = p(h.Sent/1e3), p(h.RTT)
		want.RTT = p(uint16(min(h.RTT/100_000, 65535)))
	}
	return want
}

// objects are the fields that the expectations leave out.
var objects = cmp.Options{
	cmpopts.IgnoreFields(HopLine{}, "Objects", "ExtSum"),
	cmpopts.IgnoreFields(ReplyLine{}, "Labels", "Objects", "ExtSum"),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
}

func TestRoundTrip(t *testing.T) {
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			got, err := readAll(t, written(t, testConfig, func(w *Writer) { writeSample(t, w, s) }))
			if err != io.EOF {
				t.Fatal(err)
			}
			var want []any
			for i := range s.replies {
				want = append(want, expectedReply(&s.trace.Head, &s.replies[i]))
			}
			want = append(want, expected(s.trace), expectedExt(s.trace))
			if diff := cmp.Diff(want, got, objects); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRoundTripObjects(t *testing.T) {
	tr := sampleInterfaces().trace
	tr.Hops[1].Ext = mplsExt()
	trace.Close(tr)
	list, err := readAll(t, written(t, testConfig, func(w *Writer) { writeSample(t, w, sample{trace: tr, reply: new(record.Reply)}) }))
	if err != io.EOF {
		t.Fatal(err)
	}
	hops := list[0].(*TraceLine).Hops
	wantIface := &IfaceLine{
		Role: "incoming", Index: 7, Addr: netip.MustParseAddr("203.0.113.130"),
		Name: "xe-0/0/1\x1b\"\\\ufffd\u2028ü", MTU: 9192,
	}
	if diff := cmp.Diff(wantIface, hops[0].Objects[0].Iface, objects); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantLabels := []LabelLine{{TTL: 1, EXP: 5, Label: 29657}, {TTL: 254, S: 1, Label: 16}}
	if diff := cmp.Diff(wantLabels, hops[1].Objects[0].Labels); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRoundTripSkeleton(t *testing.T) {
	got, err := readAll(t, written(t, testConfig, func(w *Writer) {
		if err := errors.Join(w.Write(cycleStart), w.Write(testRun()), w.Write(testSummary()), w.Write(cycleStop)); err != nil {
			t.Fatal(err)
		}
	}))
	if err != io.EOF {
		t.Fatal(err)
	}
	run, summary := testRun(), testSummary()
	run.Schema, run.Run = "1", "01JX"
	summary.Run = "01JX"
	begin, end := *cycleStart, *cycleStop
	begin.ListName, begin.ID, begin.Hostname = "default", 1, "vp1"
	end.ListName, end.ID, end.Hostname = "default", 1, "vp1"
	want := []any{&begin, run, summary, &end}
	if diff := cmp.Diff(want, got, objects); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := got[2].(*record.Summary).Balance(); err != nil {
		t.Error(err)
	}
}

// scamperLine is what sc_warts2json writes of a trace, blanks included.
const scamperLine = `{"version":"0.1","type":"trace", "userid":0, "method":"udp-paris", "src":"192.0.2.1", ` +
	`"dst":"198.51.100.9", "rtr":"192.0.2.254", "sport":40000, "dport":33435, "stop_reason":"COMPLETED", ` +
	`"stop_data":0, "start":{"sec":1790000001, "usec":101222, "ftime":"2026-09-21 16:13:21"}, "hop_count":2, ` +
	`"attempts":2, "hoplimit":0, "firsthop":1, "wait":5, "wait_probe":0, "tos":0, "probe_size":44, ` +
	`"probe_count":3, "monitor":"vp9", "flags":["dl"], "hops":[{"addr":"203.0.113.1", "probe_ttl":1, ` +
	`"probe_id":0, "probe_size":44, "tx":{"sec":1790000001, "usec":101300}, "rtt":0.357, "reply_ttl":64, ` +
	`"reply_tos":192, "reply_size":56, "reply_ipid":4711, "icmp_type":11, "icmp_code":0, "icmp_q_ttl":1, ` +
	`"icmp_q_ipl":44, "icmp_q_tos":0, "icmp_nhmtu:":1400, "icmpext":[{"ie_cn":1,"ie_ct":1,"ie_dl":4,` +
	`"mpls_labels":[{"mpls_ttl":1,"mpls_s":1,"mpls_exp":0,"mpls_label":29657}]}]}, ` +
	`{"addr":"198.51.100.9", "name":"example.net", "probe_ttl":2, "probe_id":1, "probe_size":44, "rtt":12, ` +
	`"reply_ttl":63, "reply_tos":0, "reply_size":72, "reply_ipid":0, "icmp_type":3, "icmp_code":3, ` +
	`"icmp_q_ttl":1, "icmp_q_ipl":44, "icmp_q_tos":0}], "no_hops":[{"probe_ttl":2, "probe_id":0}]}`

func TestReaderScamper(t *testing.T) {
	list, err := readAll(t, []byte(scamperLine+"\n"))
	if err != io.EOF || len(list) != 1 {
		t.Fatalf("%d records, %v", len(list), err)
	}
	r := list[0].(*TraceLine)
	if r.StopReason != "COMPLETED" || len(r.Hops) != 2 || *r.Hops[0].RTT != 0.357 || *r.Hops[1].RTT != 12 ||
		r.Hops[0].Objects[0].Labels[0].Label != 29657 || *r.Hops[1].ICMPCode != 3 || r.Hops[1].Tx != nil {
		t.Errorf("%+v", r)
	}
}

func TestReaderLines(t *testing.T) {
	const good = `{"type":"trace-ext","dst":"192.0.2.9"}` + "\n"
	tests := []struct {
		name, in string
		want     int   // records
		err      error // at the end, or
		says     string
	}{
		{"nothing", "", 0, io.EOF, ""},
		{"one", good, 1, io.EOF, ""},
		{"blank lines", "\n" + good + "\r\n \n" + good, 2, io.EOF, ""},
		{"no newline at the end", good + strings.TrimSpace(good), 2, io.EOF, ""},
		{"last line cut", good + good[:20], 1, ErrCut, ""},
		{"only a cut line", good[:1], 0, ErrCut, ""},
		{"gzip header cut", "\x1f\x8b\x08", 0, ErrCut, ""},
		{"zstd frame cut", "\x28\xb5\x2f\xfd\x04", 0, ErrCut, ""},
		{"unknown types", `{"type":"ping","dst":7}` + "\n" + good, 1, io.EOF, ""},
		{"no type", good + "{}\n", 1, nil, "line 2: a record without a type"},
		{"no JSON", good + "hello\n" + good, 1, nil, "line 2: invalid character"},
		{"wrong type of a field", good + `{"type":"trace","dst":7}` + "\n", 1, nil, "line 2: trace record"},
		{"bad address", good + `{"type":"trace","dst":"x"}` + "\n", 1, nil, "line 2: trace record"},
		{"not an object", "7\n", 0, nil, "line 1:"},
		{"endless line", strings.Repeat("x", maxLine+300<<10), 0, nil, "line 1: longer than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, err := readAll(t, []byte(tt.in))
			if len(list) != tt.want || tt.err != nil && !errors.Is(err, tt.err) ||
				tt.says != "" && !strings.HasPrefix(err.Error(), tt.says) {
				t.Errorf("%d records, %v; want %d, %v%s", len(list), err, tt.want, tt.err, tt.says)
			}
		})
	}
}

// TestReaderGoesOn: a line that is no record does not end the reading.
func TestReaderGoesOn(t *testing.T) {
	r, err := NewReader(strings.NewReader("x\n" + `{"type":"trace-ext"}` + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err == nil || r.Line() != 1 {
		t.Fatalf("line %d: %v", r.Line(), err)
	}
	if record, err := r.Next(); err != nil || reflect.TypeOf(record) != reflect.TypeFor[*ExtLine]() || r.Line() != 2 {
		t.Fatalf("line %d: %T, %v", r.Line(), record, err)
	}
	for range 2 {
		if _, err := r.Next(); err != io.EOF {
			t.Fatal(err)
		}
	}
}

func TestReaderError(t *testing.T) {
	r, err := NewReader(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("{}"))))
	if err == nil {
		_, err = r.Next()
	}
	if !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("%v, want %v", err, iotest.ErrTimeout)
	}
}

// FuzzReader: whatever the file, Next ends, and never panics.
func FuzzReader(f *testing.F) {
	for _, s := range samples() {
		f.Add(written(f, testConfig, func(w *Writer) { writeSample(f, w, s) }))
	}
	f.Add([]byte(scamperLine))
	f.Add([]byte{0x1f, 0x8b})
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd})
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := NewReader(bytes.NewReader(in))
		if err != nil {
			return
		}
		defer r.Close()
		lines := bytes.Count(in, []byte("\n"))
		_, packed, _ := outfile.Decompress(bytes.NewReader(in)) // which NewReader took
		for range lines + 2 {
			if _, err := r.Next(); err == io.EOF || err == ErrCut {
				return
			}
		}
		if !packed {
			t.Errorf("no end after %d lines", lines)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	const n = 100
	in := written(b, testConfig, func(w *Writer) {
		for range n {
			if err := w.Write(trace16()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if list, err := readAll(b, in); len(list) != 2*n {
			b.Fatal(err)
		}
	}
}
