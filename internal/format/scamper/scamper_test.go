package scamper

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// scamperLine is a trace as sc_warts2json writes it, including blanks.
const scamperLine = `{"version":"0.1","type":"trace", "userid":0, "method":"udp-paris", "src":"192.0.2.1", ` +
	`"dst":"198.51.100.9", "rtr":"192.0.2.254", "sport":40000, "dport":33435, "stop_reason":"COMPLETED", ` +
	`"stop_data":0, "start":{"sec":1790000001, "usec":101222, "ftime":"2026-09-21 16:13:21"}, "hop_count":2, ` +
	`"attempts":2, "hoplimit":0, "firsthop":1, "wait":5, "wait_probe":0, "tos":0, "probe_size":44, ` +
	`"probe_count":3, "monitor":"vp9", "flags":["dl"], "hops":[{"addr":"203.0.113.1", "probe_ttl":1, ` +
	`"probe_id":1, "probe_size":44, "tx":{"sec":1790000001, "usec":101300}, "rtt":0.357, "reply_ttl":64, ` +
	`"reply_tos":192, "reply_size":56, "reply_ipid":4711, "icmp_type":11, "icmp_code":0, "icmp_q_ttl":1, ` +
	`"icmp_q_ipl":44, "icmp_q_tos":0, "icmp_nhmtu:":1400, "icmpext":[{"ie_cn":1,"ie_ct":1,"ie_dl":4,` +
	`"mpls_labels":[{"mpls_ttl":1,"mpls_s":1,"mpls_exp":0,"mpls_label":29657}]},{"ie_cn":2,"ie_ct":15,"ie_dl":28}]}, ` + // the contents of others are left out
	`{"addr":"198.51.100.9", "name":"example.net", "probe_ttl":2, "probe_id":2, "probe_size":44, "rtt":12, ` +
	`"reply_ttl":63, "reply_tos":0, "reply_size":72, "reply_ipid":0, "icmp_type":3, "icmp_code":3, ` +
	`"icmp_q_ttl":1, "icmp_q_ipl":44, "icmp_q_tos":0}], "no_hops":[{"probe_ttl":2, "probe_id":1}]}`

// read returns the only trace of a file.
func read(t *testing.T, in string) *record.Trace {
	t.Helper()
	if !Format.Begins([]byte(in)) || ndjson.Format.Begins([]byte(in)) {
		t.Errorf("%.20s is not taken for scamper's", in)
	}
	r := Format.NewReader(strings.NewReader(in))
	rec, err := r.Read()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(); err != io.EOF {
		t.Error(err)
	}
	return rec.(*record.Trace)
}

func TestRead(t *testing.T) {
	tr := read(t, scamperLine+"\n")
	if !tr.Bare || !tr.Reached || tr.StopReason != record.StopCompleted || tr.End != 2 || tr.Attempts != 2 || tr.ProbeCount != 3 ||
		tr.Wait != 5*time.Second || tr.Start != 1790000001101222000 {
		t.Errorf("%+v", tr)
	}
	if tr.Method != probe.UDP || tr.Flow.Value != 40000 || tr.DstPort != 33435 || tr.Target.String() != "198.51.100.9" || tr.Source.String() != "192.0.2.1" {
		t.Errorf("%+v", tr.Head)
	}
	if len(tr.Hops) != 2 {
		t.Fatalf("%d hops", len(tr.Hops))
	}
	h := &tr.Hops[0]
	if h.TTL != 1 || h.Attempt != 0 || h.Sent != 1790000001101300000 || h.RTT != 357000 || h.Stamp != h.Sent+h.RTT || h.MTU != 1400 ||
		h.Protocol != probe.ProtoICMP || h.Type != 11 || !h.HasQuote || h.QuotedTTL != 1 || h.ReplyID != 4711 ||
		h.Lacks != record.LacksKind|record.LacksValid {
		t.Errorf("%+v", h)
	}
	var x wire.Extension
	if err := x.Decode(h.Ext); err != nil || x.Checksum != wire.ChecksumValid {
		t.Fatalf("% x: %v", h.Ext, err)
	}
	objects := x.Objects()
	if !objects.Next() || objects.NumLabels() != 1 || objects.Label(0) != (wire.Label{Label: 29657, S: 1, TTL: 1}) {
		t.Errorf("% x", h.Ext)
	}
	h = &tr.Hops[1]
	if h.Attempt != 1 || h.Sent != 0 || h.RTT != 12e6 || !h.HasRTT() || h.Code != 3 ||
		h.Lacks != record.LacksKind|record.LacksValid|record.LacksSent {
		t.Errorf("%+v", h)
	}
}

// Methods of the same protocol have our names. The port of classic traceroute is left out.
func TestMethods(t *testing.T) {
	for name, want := range map[string]record.Head{
		"udp-paris":       {Method: probe.UDP, Flow: probe.Flow{Value: 40000}, DstPort: 33435},
		"udp":             {Method: probe.UDP, Flow: probe.Flow{Value: 40000}},
		"tcp":             {Method: probe.TCPSYN, Flow: probe.Flow{Value: 40000}, DstPort: 33435},
		"tcp-ack":         {Method: probe.TCPACK, Flow: probe.Flow{Value: 40000}, DstPort: 33435},
		"icmp-echo":       {Method: probe.ICMP, DstPort: 33435},
		"icmp-echo-paris": {Method: probe.ICMP, DstPort: 33435},
		"carrier-pigeon":  {Method: record.NoMethod, Flow: probe.Flow{Value: 40000}, DstPort: 33435},
	} {
		tr := read(t, strings.Replace(scamperLine, "udp-paris", name, 1))
		if tr.Method != want.Method || tr.Flow != want.Flow || tr.DstPort != want.DstPort {
			t.Errorf("%s: %+v", name, tr.Head)
		}
	}
}
