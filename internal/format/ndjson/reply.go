package ndjson

import (
	"math"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// rttUnit is the unit of caracal's rtt, 0.1 ms, in ns.
const rttUnit = 100_000

// appendReplyHead appends the start of every reply record.
func appendReplyHead(b []byte, conf *Config) []byte {
	b = append(b, `{"type":"`+TypeReply+`"`...)
	b = appendString(appendKey(b, "run"), conf.Run)
	return appendString(appendKey(b, "ts_src"), conf.StampSource)
}

// appendReply appends the rest of the reply record of h, which answers a probe of head.
func appendReply(b []byte, head *record.Head, h *record.Hop) []byte {
	b = appendInt(b, "capture_timestamp", h.Stamp/1e9)
	b = appendInt(b, "rx_us", h.Stamp/1e3)
	if h.Sent != 0 && !h.Late {
		b = appendInt(b, "tx_us", h.Sent/1e3)
	}
	b = appendReplyProbe(b, head, h)
	if h.HasQuote {
		b = appendInt(b, "quoted_ttl", int64(h.QuotedTTL))
		b = appendInt(b, "quoted_tos", int64(h.QuotedTOS))
		b = appendInt(b, "quoted_size", int64(h.QuotedSize))
		if head.Target.Is4() {
			b = appendInt(b, "quoted_id", int64(h.QuotedID))
		}
		b = appendInt(b, "quoted_len", int64(h.QuotedLen))
	}
	b = appendResponderKey(b, "reply_src_addr", head.Target, h.Responder)
	b = appendInt(b, "reply_protocol", int64(h.Protocol))
	icmp := h.Protocol == probe.ProtoICMP || h.Protocol == probe.ProtoICMPv6
	if icmp {
		b = appendInt(b, "reply_icmp_type", int64(h.Type))
		b = appendInt(b, "reply_icmp_code", int64(h.Code))
	}
	b = appendInt(b, "reply_ttl", int64(h.ReplyTTL))
	b = appendInt(b, "reply_size", int64(h.ReplySize))
	b = appendInt(b, "reply_tos", int64(h.ReplyTOS))
	if head.Target.Is4() {
		b = appendInt(b, "reply_ipid", int64(h.ReplyID))
	}
	if h.Protocol == probe.ProtoTCP {
		b = appendInt(b, "reply_tcp_flags", int64(h.TCPFlags))
	}
	if icmp && h.MTU != 0 {
		b = appendInt(b, "reply_mtu", int64(h.MTU))
	}
	if icmp {
		b = appendReplyObjects(b, h.Ext)
	}
	if h.HasRTT() && !h.Late {
		b = appendInt(b, "rtt", min(max(h.RTT, 0)/rttUnit, math.MaxUint16))
		b = appendInt(b, "rtt_ns", h.RTT)
	}
	if !h.Lacks.Has(record.LacksKind) {
		b = appendName(b, "kind", h.Kind.String())
	}
	b = appendBool(b, "from_dst", h.Responder == head.Target)
	if !h.Lacks.Has(record.LacksValid) {
		b = appendName(b, "valid", h.Valid.String())
	}
	b = appendMangled(b, h.Mangled)
	b = appendInt(b, "dup", int64(h.Dup))
	b = appendBool(b, "late", h.Late)
	if h.Lagged {
		b = appendBool(b, "lagged", true)
	}
	if h.Superseded {
		b = appendBool(b, "superseded", true)
	}
	if h.Withheld {
		b = appendBool(b, "withheld", true)
	}
	b = appendInt(b, "round", 1)
	return append(b, '}')
}

// appendReplyProbe appends which probe is answered. TTL and attempt are unknown for replies
// that show no hop, and for quotations whose probe is not in the capture.
func appendReplyProbe(b []byte, head *record.Head, h *record.Hop) []byte {
	is4 := head.Target.Is4()
	switch {
	case head.Method != record.NoMethod:
		b = appendInt(b, "probe_protocol", int64(head.Method.Protocol(is4)))
	case head.QuotedProtocol != 0:
		b = appendInt(b, "probe_protocol", int64(head.QuotedProtocol))
	}
	b = appendAddr(b, "probe_src_addr", head.Source)
	b = appendAddr(b, "probe_dst_addr", head.Target)
	b = appendInt(b, "probe_src_port", int64(head.Flow.Value))
	port := head.DstPort
	if head.Method == probe.ICMP {
		port = 0 // other methods have a port, ICMP has none
	}
	b = appendInt(b, "probe_dst_port", int64(port))
	if !is4 {
		b = appendInt(b, "probe_flow_label", int64(head.Flow.Label))
	}
	b = appendInt(b, "probe_flow", int64(head.FlowIndex))
	if h.HasHop() && h.TTL != 0 {
		if !h.Lacks.Has(record.LacksAttempt) {
			b = appendInt(b, "probe_attempt", int64(h.Attempt))
		}
		b = appendInt(b, "probe_ttl", int64(h.TTL))
	}
	return appendInt(b, "probe_size", int64(head.ProbeSize))
}
