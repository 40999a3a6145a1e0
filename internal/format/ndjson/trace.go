package ndjson

import (
	"cmp"
	"math"
	"strconv"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// scamperMethods are scamper's names of the methods: those of its ways of
// probing that keep the flow, as ours do.
var scamperMethods = [...]string{
	probe.UDP:    "udp-paris",
	probe.ICMP:   "icmp-echo-paris",
	probe.TCPSYN: "tcp",
	probe.TCPACK: "tcp-ack",
}

// scamper's version of its records.
const scamperVersion = "0.1"

// max16 is the largest value of a field that has 16 bits in scamper and in readers of its
// records.
const max16 = math.MaxUint16

// appendTraceHead appends the start of every trace record.
func appendTraceHead(b []byte, conf *Config) []byte {
	b = append(b, `{"type":"`+TypeTrace+`","version":"`+scamperVersion+`"`...)
	b = appendString(appendKey(b, "list_name"), conf.ListName)
	b = appendInt(b, "id", int64(conf.CycleID))
	return appendString(appendKey(b, "hostname"), conf.Hostname)
}

// appendTrace appends the rest of the trace record of t. Readers of scamper's records
// refuse a record with any other key at this level. Extra keys go into the hops, where only
// "family" is refused, and into trace-ext.
func appendTrace(b []byte, t *record.Trace) []byte {
	b = appendInt(b, "userid", int64(t.FlowIndex))
	if t.Method != record.NoMethod {
		b = appendName(b, "method", scamperMethods[t.Method])
	}
	b = appendAddr(b, "src", t.Source)
	b = appendAddr(b, "dst", t.Target)
	if t.Method == probe.ICMP {
		b = appendInt(b, "icmp_sum", int64(t.Flow.Value))
	} else {
		b = appendInt(b, "sport", int64(t.Flow.Value))
		b = appendInt(b, "dport", int64(t.DstPort))
	}
	b = appendName(b, "stop_reason", t.StopReason.String())
	b = appendInt(b, "stop_data", int64(t.StopData))
	b = appendStart(b, t.Start)
	b = appendInt(b, "hop_count", int64(t.End))
	b = appendInt(b, "attempts", int64(t.Attempts))
	b = appendInt(b, "hoplimit", int64(t.MaxTTL))
	b = appendInt(b, "firsthop", int64(cmp.Or(t.FirstHop, t.FirstTTL)))
	// Whole seconds, as in scamper; other waits are rounded up.
	b = appendInt(b, "wait", int64((t.Wait+time.Second-1)/time.Second))
	b = appendInt(b, "wait_probe", 0)
	b = appendInt(b, "tos", int64(t.TOS))
	b = appendInt(b, "probe_size", int64(min(t.ProbeSize, max16)))
	b = appendInt(b, "probe_count", int64(t.ProbeCount))
	b = append(b, `,"hops":[`...)
	for i := range t.Inferred { // below all others
		if i > 0 {
			b = append(b, ',')
		}
		var n *record.Annotation
		if i < len(t.InferredAnnotations) {
			n = t.InferredAnnotations[i]
		}
		b = appendInferred(b, &t.Inferred[i], n)
	}
	for i := range t.Hops {
		if i > 0 || len(t.Inferred) > 0 {
			b = append(b, ',')
		}
		b = appendHop(b, &t.Head, &t.Hops[i])
	}
	return append(b, ']', '}')
}

// appendStart appends when the trace began. scamper writes ftime in local time,
// which two machines may read differently; here it is UTC.
func appendStart(b []byte, ns int64) []byte {
	b = append(appendKey(b, "start"), `{"sec":`...)
	b = strconv.AppendInt(b, ns/1e9, 10)
	b = appendInt(b, "usec", ns%1e9/1e3)
	b = append(appendKey(b, "ftime"), '"')
	b = time.Unix(ns/1e9, 0).UTC().AppendFormat(b, time.DateTime)
	return append(b, '"', '}')
}

// appendHop appends a hop of a trace record: scamper's keys, then ours.
func appendHop(b []byte, head *record.Head, h *record.Hop) []byte {
	b = append(b, `{"addr":"`...)
	b = append(appendResponder(b, head.Target, h.Responder), '"')
	b = appendInt(b, "probe_ttl", int64(h.TTL))
	if !h.Lacks.Has(record.LacksAttempt) {
		b = appendInt(b, "probe_id", int64(h.Attempt)+1)
	}
	b = appendInt(b, "probe_size", int64(min(head.ProbeSize, max16)))
	if h.Sent != 0 {
		b = append(appendKey(b, "tx"), `{"sec":`...)
		b = appendDecimal(b, uint64(h.Sent/1e9))
		b = appendInt(b, "usec", h.Sent%1e9/1e3)
		b = append(b, '}')
	}
	timed := h.HasRTT()
	if timed {
		b = appendMillis(b, "rtt", h.RTT)
	}
	b = appendInt(b, "reply_ttl", int64(h.ReplyTTL))
	b = appendInt(b, "reply_tos", int64(h.ReplyTOS))
	b = appendInt(b, "reply_size", int64(min(h.ReplySize, max16)))
	if head.Target.Is4() {
		b = appendInt(b, "reply_ipid", int64(h.ReplyID))
	}
	switch h.Protocol {
	case probe.ProtoICMP, probe.ProtoICMPv6:
		b = appendHopICMP(b, h)
	case probe.ProtoTCP:
		b = appendInt(b, "tcp_flags", int64(h.TCPFlags))
	}
	if timed {
		b = appendInt(b, "rtt_ns", h.RTT)
	}
	if !h.Lacks.Has(record.LacksKind) {
		b = appendName(b, "kind", h.Kind.String())
	}
	if !h.Lacks.Has(record.LacksValid) {
		b = appendName(b, "valid", h.Valid.String())
	}
	if h.Mangled != 0 {
		b = appendMangled(b, h.Mangled)
	}
	if h.Lagged {
		b = appendBool(b, "lagged", true)
	}
	if h.Annotation != nil {
		b = appendAnnotation(b, h.Annotation)
	}
	return append(b, '}')
}

// appendInferred appends a router that answered others. The type is there because
// some readers take a hop without one for an echo reply.
func appendInferred(b []byte, k *record.Interface, n *record.Annotation) []byte {
	b = append(b, `{"addr":"`...)
	b = append(appendOctets(b, k.Addr), '"')
	b = appendInt(b, "probe_ttl", int64(k.TTL))
	if k.Addr.Is4() {
		b = append(b, `,"icmp_type":11`...)
	} else {
		b = append(b, `,"icmp_type":3`...)
	}
	b = append(b, `,"icmp_code":0`...)
	b = appendName(b, "kind", probe.KindTTLExceeded.String())
	b = append(b, `,"inferred":true`...)
	if n != nil {
		b = appendAnnotation(b, n)
	}
	return append(b, '}')
}

// appendHopICMP appends the fields that only ICMP answers have.
func appendHopICMP(b []byte, h *record.Hop) []byte {
	b = appendInt(b, "icmp_type", int64(h.Type))
	b = appendInt(b, "icmp_code", int64(h.Code))
	if h.HasQuote {
		b = appendInt(b, "icmp_q_ttl", int64(h.QuotedTTL))
		b = appendInt(b, "icmp_q_ipl", int64(min(h.QuotedSize, max16)))
		b = appendInt(b, "icmp_q_tos", int64(h.QuotedTOS))
	}
	if h.MTU != 0 {
		// scamper has a stray colon inside this key, and 16 bits.
		b = appendInt(b, "icmp_nhmtu", int64(min(h.MTU, max16)))
	}
	return appendHopObjects(b, h.Ext)
}

// appendMangled appends the list of rewritten fields, in order.
func appendMangled(b []byte, m probe.Mangled) []byte {
	b = append(appendKey(b, "mangled"), '[')
	var room [16]string // on the stack, and more than there are fields
	for i, name := range m.AppendNames(room[:0]) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, name...)
		b = append(b, '"')
	}
	return append(b, ']')
}
