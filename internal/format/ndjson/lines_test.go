package ndjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/trace"
)

// linesOf returns the lines of a text, by type.
func linesOf(t testing.TB, in []byte) (list []any) {
	t.Helper()
	for line := range bytes.Lines(in) {
		typ, err := typeOf(line)
		if err != nil {
			t.Fatal(err)
		}
		var to any
		switch typ {
		case TypeTrace:
			to = new(TraceLine)
		case TypeTraceExt:
			to = new(ExtLine)
		case TypeReply:
			to = new(ReplyLine)
		default:
			t.Fatalf("a record of type %s", typ)
		}
		if err := json.Unmarshal(line, to); err != nil {
			t.Fatal(err)
		}
		list = append(list, to)
	}
	return list
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
			Addr: h.Responder.Netip(), ProbeTTL: h.TTL, ProbeID: p(int(h.Attempt) + 1), ProbeSize: tr.ProbeSize,
			ReplyTTL: h.ReplyTTL, ReplyTOS: h.ReplyTOS, ReplySize: h.ReplySize, ReplyIPID: int(h.ReplyID),
			MTU: min(h.MTU, 65535), Kind: h.Kind.String(), Valid: h.Valid.String(),
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

func TestLines(t *testing.T) {
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			got := linesOf(t, written(t, testConfig, func(w *Writer) { writeSample(t, w, s) }))
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

func TestLineObjects(t *testing.T) {
	tr := sampleInterfaces().trace
	tr.Hops[1].Ext = mplsExt()
	trace.Close(tr)
	list := linesOf(t, written(t, testConfig, func(w *Writer) { writeSample(t, w, sample{trace: tr}) }))
	hops := list[0].(*TraceLine).Hops
	wantIface := &IfaceLine{
		Role: "incoming", Index: 7, Addr: netip.MustParseAddr("203.0.113.130"),
		Name: name("xe-0/0/1\x1b\"\\\xff\u2028ü"), MTU: 9192,
	}
	if diff := cmp.Diff(wantIface, hops[0].Objects[0].Iface, objects); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantLabels := []LabelLine{{TTL: 1, EXP: 5, Label: 29657}, {TTL: 254, S: 1, Label: 16}}
	if diff := cmp.Diff(wantLabels, hops[1].Objects[0].Labels); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
