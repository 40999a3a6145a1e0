package parquet

import (
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// hopColumns are the columns of a hop. All are null in the row of a trace without hops.
var hopColumns = columns{
	{name: "probe_ttl", class: number, bits: 8, maybe: true,
		put: func(r *row, v *value) {
			if r.inferred != nil {
				v.set(uint64(r.inferred.TTL))
			} else if r.h != nil {
				v.set(uint64(r.h.TTL))
			}
		},
		code: func(h *record.Hop) (uint64, bool) { return uint64(h.TTL), true },
		take: func(r *row, v *value) { r.h.TTL = uint8(r.fit("probe_ttl", v, math.MaxUint8)) }},
	hopColumn(column{name: "probe_attempt", class: number, bits: 8,
		code: func(h *record.Hop) (uint64, bool) { return uint64(h.Attempt), !h.Lacks.Has(record.LacksAttempt) },
		take: func(r *row, v *value) {
			r.h.Attempt = uint8(r.fit("probe_attempt", v, math.MaxUint8))
			r.h.Lacks &^= record.LacksAttempt
		}}),
	{name: "addr", class: text, maybe: true, random: true,
		put: func(r *row, v *value) {
			if r.inferred != nil {
				r.addr(v, r.inferred.Addr)
			} else if r.h != nil {
				r.addr(v, r.h.Responder)
			}
		},
		take: func(r *row, v *value) { r.h.Responder = r.parseAddr("addr", v) }},
	hopColumn(column{name: "rtt", class: float, plain: true, // ms
		code: func(h *record.Hop) (uint64, bool) { return math.Float64bits(float64(h.RTT) / 1e6), h.HasRTT() },
		take: func(r *row, v *value) {
			if f := v.float() * 1e6; math.Abs(f) < math.MaxInt64/2 {
				r.h.RTT = int64(math.Round(f))
			}
			r.h.Lacks |= record.LacksSent // until tx is taken
		}}),
	hopColumn(column{name: "tx", class: timeUs, plain: true,
		code: func(h *record.Hop) (uint64, bool) { return uint64(floorUs(h.Sent)), h.Sent != 0 },
		take: func(r *row, v *value) {
			if r.h.Sent = int64(v.n) * 1e3; r.h.Sent != 0 {
				r.h.Stamp = r.h.Sent + r.h.RTT
				r.h.Lacks &^= record.LacksSent
			}
		}}),
	hopColumn(column{name: "kind", class: text,
		code: func(h *record.Hop) (uint64, bool) { return uint64(h.Kind), !h.Lacks.Has(record.LacksKind) },
		word: func(n uint64) string { return probe.Kind(n).String() },
		take: func(r *row, v *value) {
			r.h.Kind, _ = probe.ParseKind(string(v.b)) // newer versions may have more
			r.h.Lacks &^= record.LacksKind
		}}),
	hopColumn(column{name: "valid", class: text,
		code: func(h *record.Hop) (uint64, bool) { return uint64(h.Valid), !h.Lacks.Has(record.LacksValid) },
		word: func(n uint64) string { return probe.Validity(n).String() },
		take: func(r *row, v *value) {
			var ok bool
			if r.h.Valid, ok = probe.ParseValidity(string(v.b)); !ok {
				r.fail("valid", fmt.Errorf("%.40q is not known", v.b))
			}
			r.h.Lacks &^= record.LacksValid
		}}),
	hopColumn(column{name: "mangled", class: jsonText, put: putMangled, take: takeMangled,
		has: func(h *record.Hop) bool { return h.Mangled != 0 }}),
	hopOctet("reply_protocol", func(h *record.Hop) *uint8 { return &h.Protocol }, always),
	hopOctet("reply_ttl", func(h *record.Hop) *uint8 { return &h.ReplyTTL }, always),
	hopOctet("reply_tos", func(h *record.Hop) *uint8 { return &h.ReplyTOS }, always),
	hopColumn(column{name: "reply_size", class: number, bits: 32,
		code: func(h *record.Hop) (uint64, bool) { return uint64(h.ReplySize), true },
		take: func(r *row, v *value) { r.h.ReplySize = uint32(r.fit("reply_size", v, math.MaxUint32)) }}),
	hopColumn(column{name: "reply_ipid", class: number, bits: 16, plain: true,
		code: func(h *record.Hop) (uint64, bool) { return uint64(h.ReplyID), h.Responder.Is4() },
		take: func(r *row, v *value) { r.h.ReplyID = uint16(r.fit("reply_ipid", v, math.MaxUint16)) }}),
	hopOctet("icmp_type", func(h *record.Hop) *uint8 { return &h.Type }, isICMP),
	hopOctet("icmp_code", func(h *record.Hop) *uint8 { return &h.Code }, isICMP),
	hopOctet("tcp_flags", func(h *record.Hop) *uint8 { return &h.TCPFlags }, func(h *record.Hop) bool { return h.Protocol == probe.ProtoTCP }),
	hopColumn(column{name: "icmp_q_ttl", class: number, bits: 8,
		code: func(h *record.Hop) (uint64, bool) { return uint64(h.QuotedTTL), h.HasQuote },
		take: func(r *row, v *value) {
			r.h.HasQuote, r.h.QuotedTTL = true, uint8(r.fit("icmp_q_ttl", v, math.MaxUint8))
		}}),
	hopColumn(column{name: "icmp_q_ipl", class: number, bits: 32,
		code: func(h *record.Hop) (uint64, bool) { return uint64(h.QuotedSize), h.HasQuote },
		take: func(r *row, v *value) { r.h.QuotedSize = uint32(r.fit("icmp_q_ipl", v, math.MaxUint32)) }}),
	hopOctet("icmp_q_tos", func(h *record.Hop) *uint8 { return &h.QuotedTOS }, func(h *record.Hop) bool { return h.HasQuote }),
	hopColumn(column{name: "icmp_nhmtu", class: number, bits: 32,
		code: func(h *record.Hop) (uint64, bool) { return uint64(h.MTU), h.MTU != 0 },
		take: func(r *row, v *value) { r.h.MTU = uint32(r.fit("icmp_nhmtu", v, math.MaxUint32)) }}),
	hopColumn(column{name: "mpls_labels", class: numbers, put: putLabels, has: hasExt}),
	hopColumn(column{name: "icmpext", class: octets,
		put:  func(r *row, v *value) { v.there, v.b = len(r.h.Ext) > 0, r.h.Ext },
		take: func(r *row, v *value) { r.h.Ext = slices.Clone(v.b) }, has: hasExt}),
	hopColumn(column{name: "lagged", class: truth,
		code: func(h *record.Hop) (uint64, bool) { return truthOf(h.Lagged), true },
		take: func(r *row, v *value) { r.h.Lagged = v.n != 0 }}),
	{name: "inferred", class: truth, maybe: true,
		put: func(r *row, v *value) {
			if r.inferred != nil || r.h != nil {
				v.setBool(r.inferred != nil)
			}
		},
		code: func(*record.Hop) (uint64, bool) { return truthOf(false), true },
		take: func(r *row, v *value) {
			if v.n != 0 {
				r.inferred = &record.Interface{}
			}
		}},
}

// hopColumn is a column that is null without a measured hop.
func hopColumn(c column) column {
	put := c.put
	if put == nil {
		put = c.putCode
	}
	c.maybe, c.put = true, func(r *row, v *value) {
		if r.h != nil {
			put(r, v)
		}
	}
	return c
}

// hopOctet is a column for a number of 8 bits of some hops.
func hopOctet(name string, field func(*record.Hop) *uint8, has func(*record.Hop) bool) column {
	return hopColumn(column{name: name, class: number, bits: 8,
		code: func(h *record.Hop) (uint64, bool) { return uint64(*field(h)), has(h) },
		take: func(r *row, v *value) { *field(r.h) = uint8(r.fit(name, v, math.MaxUint8)) }})
}

func always(*record.Hop) bool { return true }

func hasExt(h *record.Hop) bool { return len(h.Ext) > 0 }

func isICMP(h *record.Hop) bool {
	return h.Protocol == probe.ProtoICMP || h.Protocol == probe.ProtoICMPv6
}

// putMangled puts the names of rewritten fields as a JSON list.
func putMangled(r *row, v *value) {
	if r.h.Mangled == 0 {
		return
	}
	at := len(r.room)
	var names [16]string
	for i, name := range r.h.Mangled.AppendNames(names[:0]) {
		r.room = append(r.room, "[,"[min(i, 1)], '"')
		r.room = append(append(r.room, name...), '"')
	}
	r.room = append(r.room, ']')
	v.setText(r.room[at:len(r.room):len(r.room)])
}

func takeMangled(r *row, v *value) {
	var names []string
	if err := json.Unmarshal(v.b, &names); err != nil {
		r.fail("mangled", err)
		return
	}
	var ok bool
	if r.h.Mangled, ok = probe.ParseMangled(names); !ok {
		r.fail("mangled", fmt.Errorf("%.40q is not known", v.b))
	}
}

// putLabels puts the labels of all label stacks, top first (RFC 4950 §3).
func putLabels(r *row, v *value) {
	var x wire.Extension
	if v.list = v.list[:0]; len(r.h.Ext) == 0 || x.Decode(r.h.Ext) != nil {
		return
	}
	for objects := x.Objects(); objects.Next(); {
		for i := range objects.NumLabels() {
			v.list = append(v.list, objects.Label(i).Label)
		}
	}
	v.there = len(v.list) > 0
}

// fail notes that a value is not understood.
func (r *row) fail(name string, err error) {
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%s: %w", name, err)
	}
}

// fit returns a number up to a limit.
func (r *row) fit(name string, v *value, most uint64) uint64 {
	if v.n > most {
		r.fail(name, fmt.Errorf("%d is more than %d", v.n, most))
		return 0
	}
	return v.n
}

// parseAddr returns an address.
func (r *row) parseAddr(name string, v *value) probe.Addr {
	if a, ok := parse4(v.b); ok {
		return a
	}
	a, err := netip.ParseAddr(string(v.b))
	if err == nil && a.Zone() != "" {
		err = fmt.Errorf("%q has a zone", v.b)
	}
	if err != nil {
		r.fail(name, fmt.Errorf("%.60q is not an address", v.b))
		return probe.Addr{}
	}
	return probe.AddrFrom(a)
}

// parse4 parses a.b.c.d; ok is false for any other text.
func parse4(text []byte) (a probe.Addr, ok bool) {
	if len(text) > len("255.255.255.255") {
		return a, false
	}
	var b [4]byte
	n, part, digits := 0, 0, 0
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9' && (digits == 0 || part > 0) && digits < 3:
			part, digits = 10*part+int(c-'0'), digits+1
		case c == '.' && digits > 0 && n < 3 && part <= math.MaxUint8:
			b[n] = byte(part)
			n, part, digits = n+1, 0, 0
		default:
			return a, false
		}
	}
	if n != 3 || digits == 0 || part > math.MaxUint8 {
		return a, false
	}
	b[3] = byte(part)
	return probe.Addr4From(b), true
}
