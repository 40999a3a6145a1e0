package parquet

import (
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// replyKey are the columns by which the table of replies is sorted.
var replyKey = columns{
	{name: "probe_dst_addr", class: text, put: func(r *row, v *value) { r.addr(v, r.head.Target) }},
	{name: "probe_flow", class: number, bits: 16, put: func(r *row, v *value) { v.set(uint64(r.head.FlowIndex)) }},
}

// replyColumns are the other columns of a reply. They are written only.
var replyColumns = columns{
	{name: "probe_ttl", class: number, bits: 8, maybe: true,
		put: func(r *row, v *value) { v.there, v.n = r.h.HasHop() && r.h.TTL != 0, uint64(r.h.TTL) }},
	{name: "probe_attempt", class: number, bits: 8, maybe: true,
		put: func(r *row, v *value) {
			v.there, v.n = r.h.HasHop() && r.h.TTL != 0 && !r.h.Lacks.Has(record.LacksAttempt), uint64(r.h.Attempt)
		}},
	{name: "reply_src_addr", class: text, maybe: true, put: func(r *row, v *value) { r.addr(v, r.h.Responder) }},
	{name: "rtt", class: float, maybe: true, plain: true, // ms
		put: func(r *row, v *value) {
			if r.h.HasRTT() && !r.h.Late {
				v.setFloat(float64(r.h.RTT) / 1e6)
			}
		}},
	{name: "rx", class: timeUs, plain: true, put: func(r *row, v *value) { v.set(uint64(floorUs(r.h.Stamp))) }},
	{name: "tx", class: timeUs, maybe: true, plain: true,
		put: func(r *row, v *value) { v.there, v.n = r.h.Sent != 0 && !r.h.Late, uint64(floorUs(r.h.Sent)) }},
	{name: "run", class: text, put: func(r *row, v *value) { r.word(v, r.run) }},
	{name: "kind", class: text, maybe: true,
		put: func(r *row, v *value) {
			if !r.h.Lacks.Has(record.LacksKind) {
				r.word(v, r.h.Kind.String())
			}
		}},
	{name: "valid", class: text, maybe: true,
		put: func(r *row, v *value) {
			if !r.h.Lacks.Has(record.LacksValid) {
				r.word(v, r.h.Valid.String())
			}
		}},
	{name: "mangled", class: jsonText, maybe: true, put: putMangled},
	{name: "from_dst", class: truth, put: func(r *row, v *value) { v.setBool(r.h.Responder == r.head.Target) }},
	{name: "dup", class: number, bits: 32, put: func(r *row, v *value) { v.set(uint64(r.h.Dup)) }},
	{name: "late", class: truth, put: func(r *row, v *value) { v.setBool(r.h.Late) }},
	{name: "lagged", class: truth, put: func(r *row, v *value) { v.setBool(r.h.Lagged) }},
	{name: "superseded", class: truth, put: func(r *row, v *value) { v.setBool(r.h.Superseded) }},
	{name: "withheld", class: truth, put: func(r *row, v *value) { v.setBool(r.h.Withheld) }},
	{name: "probe_protocol", class: number, bits: 8, maybe: true,
		put: func(r *row, v *value) {
			if v.n = uint64(r.head.QuotedProtocol); r.head.Method != record.NoMethod {
				v.n = uint64(r.head.Method.Protocol(r.head.Target.Is4()))
			}
			v.there = v.n != 0
		}},
	{name: "probe_src_addr", class: text, maybe: true, put: func(r *row, v *value) { r.addr(v, r.head.Source) }},
	{name: "probe_src_port", class: number, bits: 16, put: func(r *row, v *value) { v.set(uint64(r.head.Flow.Value)) }},
	{name: "probe_dst_port", class: number, bits: 16,
		put: func(r *row, v *value) {
			if v.set(uint64(r.head.DstPort)); r.head.Method == probe.ICMP {
				v.n = 0 // other methods have a port, ICMP has none
			}
		}},
	{name: "probe_flow_label", class: number, bits: 32, maybe: true,
		put: func(r *row, v *value) { v.there, v.n = r.head.Target.Is6(), uint64(r.head.Flow.Label) }},
	{name: "probe_size", class: number, bits: 32, put: func(r *row, v *value) { v.set(uint64(r.head.ProbeSize)) }},
	hopOctet("quoted_ttl", func(h *record.Hop) *uint8 { return &h.QuotedTTL }, hasQuote),
	hopOctet("quoted_tos", func(h *record.Hop) *uint8 { return &h.QuotedTOS }, hasQuote),
	{name: "quoted_size", class: number, bits: 32, maybe: true,
		put: func(r *row, v *value) { v.there, v.n = r.h.HasQuote, uint64(r.h.QuotedSize) }},
	{name: "quoted_id", class: number, bits: 16, maybe: true, plain: true,
		put: func(r *row, v *value) { v.there, v.n = r.h.HasQuote && r.head.Target.Is4(), uint64(r.h.QuotedID) }},
	{name: "quoted_len", class: number, bits: 16, maybe: true,
		put: func(r *row, v *value) { v.there, v.n = r.h.HasQuote, uint64(r.h.QuotedLen) }},
	hopOctet("reply_protocol", func(h *record.Hop) *uint8 { return &h.Protocol }, always),
	hopOctet("reply_icmp_type", func(h *record.Hop) *uint8 { return &h.Type }, isICMP),
	hopOctet("reply_icmp_code", func(h *record.Hop) *uint8 { return &h.Code }, isICMP),
	hopOctet("reply_tcp_flags", func(h *record.Hop) *uint8 { return &h.TCPFlags }, func(h *record.Hop) bool { return h.Protocol == probe.ProtoTCP }),
	hopOctet("reply_ttl", func(h *record.Hop) *uint8 { return &h.ReplyTTL }, always),
	hopOctet("reply_tos", func(h *record.Hop) *uint8 { return &h.ReplyTOS }, always),
	{name: "reply_size", class: number, bits: 32, put: func(r *row, v *value) { v.set(uint64(r.h.ReplySize)) }},
	{name: "reply_ipid", class: number, bits: 16, maybe: true, plain: true,
		put: func(r *row, v *value) { v.there, v.n = r.head.Target.Is4(), uint64(r.h.ReplyID) }},
	{name: "reply_mtu", class: number, bits: 32, maybe: true,
		put: func(r *row, v *value) { v.there, v.n = r.h.MTU != 0, uint64(r.h.MTU) }},
	{name: "reply_mpls_labels", class: numbers, maybe: true, put: putLabels},
	{name: "icmpext", class: octets, maybe: true,
		put: func(r *row, v *value) { v.there, v.b = len(r.h.Ext) > 0, r.h.Ext }},
}

func hasQuote(h *record.Hop) bool { return h.HasQuote }
