package scamper

import (
	"cmp"
	"math"
	"strconv"
	"time"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/tracelb"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// methods are scamper's names of the methods: those of its ways of probing that keep the flow.
var methods = [...]string{
	probe.UDP: "udp-paris", probe.ICMP: "icmp-echo-paris", probe.TCPSYN: "tcp", probe.TCPACK: "tcp-ack",
}

// Writer writes traces and all paths to a target as sc_warts2json does, with its fields in its order and nothing else. Fields
// whose values are not known are left out.
type Writer struct {
	*format.Text
	kinds    record.Kinds
	hostname string
}

// NewWriter returns a Writer.
func NewWriter(o format.Output) *Writer {
	return &Writer{Text: format.NewText(o.Out), kinds: cmp.Or(o.Kinds, record.Both), hostname: o.Hostname}
}

// Write implements format.Writer.
func (w *Writer) Write(r record.Record) error {
	switch r := r.(type) {
	case *record.CycleStart:
		w.cycle("start", &r.Cycle)
	case *record.CycleStop:
		w.cycle("stop", &r.Cycle)
	case *record.Trace:
		if w.kinds.Has(record.Traces) {
			w.Buf = appendTrace(w.Buf, r)
		}
	case *record.Multipath:
		if w.kinds.Has(record.Traces) {
			w.Buf = appendTracelb(w.Buf, tracelb.Of(r))
		}
	}
	return w.End()
}

// cycle appends the start or the stop of a cycle.
func (w *Writer) cycle(event string, c *record.Cycle) {
	b := append(append(w.Buf, `{"type":"cycle-`...), event...)
	b = plaintext.AppendJSON(append(b, `", "list_name":`...), cmp.Or(c.ListName, "default"))
	b = appendInt(b, "id", int64(c.ID))
	b = plaintext.AppendJSON(append(b, `, "hostname":`...), cmp.Or(c.Hostname, w.hostname))
	w.Buf = append(appendInt(b, event+"_time", c.Time), "}\n"...)
}

func appendTrace(b []byte, t *record.Trace) []byte {
	b = append(b, `{"type":"trace","version":"0.1"`...)
	b = appendInt(b, "userid", int64(t.FlowIndex))
	if int(t.Method) < len(methods) {
		b = append(append(append(b, `, "method":"`...), methods[t.Method]...), '"')
	}
	b = appendAddr(b, "src", t.Source)
	b = appendAddr(b, "dst", t.Target)
	switch {
	case t.Method == probe.ICMP:
		b = appendInt(b, "icmp_sum", int64(t.Flow.Value))
	case t.Flow.Value != 0:
		b = appendInt(b, "sport", int64(t.Flow.Value))
		b = appendInt(b, "dport", int64(t.DstPort))
	}
	b = append(append(append(b, `, "stop_reason":"`...), t.StopReason.String()...), '"')
	b = appendInt(b, "stop_data", int64(t.StopData))
	b = appendTime(append(b, `, "start":{`...), t.Start)
	b = append(b, `, "ftime":"`...)
	b = time.Unix(t.Start/1e9, 0).UTC().AppendFormat(b, time.DateTime)
	b = append(b, `"}`...)
	b = appendInt(b, "hop_count", int64(t.End))
	b = appendInt(b, "attempts", int64(t.Attempts))
	b = appendInt(b, "hoplimit", int64(t.MaxTTL))
	b = appendInt(b, "firsthop", int64(cmp.Or(t.FirstHop, t.FirstTTL)))
	b = appendInt(b, "wait", int64((t.Wait+time.Second-1)/time.Second)) // whole seconds, rounded up
	b = appendInt(b, "wait_probe", 0)
	b = appendInt(b, "tos", int64(t.TOS))
	b = appendInt(b, "probe_size", int64(min(t.ProbeSize, math.MaxUint16)))
	b = appendInt(b, "probe_count", int64(t.ProbeCount))
	b = append(b, `, "hops":[`...)
	for i := range t.Hops {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendHop(b, &t.Head, &t.Hops[i])
	}
	return append(b, "]}\n"...)
}

func appendHop(b []byte, head *record.Head, h *record.Hop) []byte {
	b = append(b, `{"addr":"`...)
	b = append(h.Responder.Netip().AppendTo(b), '"')
	b = appendInt(b, "probe_ttl", int64(h.TTL))
	if !h.Lacks.Has(record.LacksAttempt) {
		b = appendInt(b, "probe_id", int64(h.Attempt)+1)
	}
	b = appendInt(b, "probe_size", int64(min(head.ProbeSize, math.MaxUint16)))
	if h.Sent != 0 {
		b = append(appendTime(append(b, `, "tx":{`...), h.Sent), '}')
	}
	if h.HasRTT() { // ms with 3 decimals, cut, not rounded
		us := max(h.RTT, 0) / 1e3
		b = appendInt(b, "rtt", us/1e3)
		b = append(b, '.', byte('0'+us%1e3/100), byte('0'+us%100/10), byte('0'+us%10))
	}
	b = appendInt(b, "reply_ttl", int64(h.ReplyTTL))
	b = appendInt(b, "reply_tos", int64(h.ReplyTOS))
	b = appendInt(b, "reply_ipid", int64(h.ReplyID)) // 0 in IPv6
	b = appendInt(b, "reply_size", int64(min(h.ReplySize, math.MaxUint16)))
	switch h.Protocol {
	case probe.ProtoICMP, probe.ProtoICMPv6:
		b = appendICMP(b, h)
	case probe.ProtoTCP:
		b = appendInt(b, "tcp_flags", int64(h.TCPFlags))
	}
	return append(b, '}')
}

// appendICMP appends the fields that only ICMP answers have. scamper has a stray colon in the key
// of the next-hop MTU; its readers look for the key without.
func appendICMP(b []byte, h *record.Hop) []byte {
	b = appendInt(b, "icmp_type", int64(h.Type))
	b = appendInt(b, "icmp_code", int64(h.Code))
	if h.HasQuote {
		b = appendInt(b, "icmp_q_ttl", int64(h.QuotedTTL))
		b = appendInt(b, "icmp_q_ipl", int64(min(h.QuotedSize, math.MaxUint16)))
		if h.Protocol == probe.ProtoICMP {
			b = appendInt(b, "icmp_q_tos", int64(h.QuotedTOS))
		}
	}
	if h.MTU != 0 {
		b = appendInt(b, "icmp_nhmtu", int64(min(h.MTU, math.MaxUint16)))
	}
	return appendObjects(b, h.Ext)
}

func appendInt(b []byte, key string, v int64) []byte {
	return strconv.AppendInt(append(append(append(b, `, "`...), key...), `":`...), v, 10)
}

// appendAddr appends an address, nothing if there is none.
func appendAddr(b []byte, key string, a probe.Addr) []byte {
	if a.IsZero() {
		return b
	}
	b = append(append(append(b, `, "`...), key...), `":"`...)
	return append(a.Netip().AppendTo(b), '"')
}

// appendTime appends the fields of a time in ns.
func appendTime(b []byte, ns int64) []byte {
	b = strconv.AppendInt(append(b, `"sec":`...), ns/1e9, 10)
	return appendInt(b, "usec", ns%1e9/1e3)
}
