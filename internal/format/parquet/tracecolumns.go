package parquet

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// key are the columns by which the tables of hops and traces are sorted first.
var key = columns{
	{name: "dst", class: text,
		put:  func(r *row, v *value) { r.addr(v, r.t.Target) },
		take: func(r *row, v *value) { r.t.Target = r.parseAddr("dst", v) }},
	{name: "userid", class: number, bits: 16,
		put:  func(r *row, v *value) { v.set(uint64(r.t.FlowIndex)) },
		take: func(r *row, v *value) { r.t.FlowIndex = uint16(r.fit("userid", v, math.MaxUint16)) }},
}

// traceColumns are the other columns of a trace.
var traceColumns = columns{
	{name: "src", class: text, maybe: true,
		put:  func(r *row, v *value) { r.addr(v, r.t.Source) },
		take: func(r *row, v *value) { r.t.Source = r.parseAddr("src", v) }},
	{name: "method", class: text, maybe: true,
		put: func(r *row, v *value) {
			if r.t.Method != record.NoMethod {
				r.word(v, r.t.Method.String())
			}
		},
		take: func(r *row, v *value) {
			m, err := probe.ParseMethod(string(v.b))
			r.fail("method", err)
			r.t.Method = m
		}},
	{name: "flow_value", class: number, bits: 16, maybe: true,
		put:  func(r *row, v *value) { v.there, v.n = r.t.Flow.Value != 0, uint64(r.t.Flow.Value) },
		take: func(r *row, v *value) { r.t.Flow.Value = uint16(r.fit("flow_value", v, math.MaxUint16)) }},
	{name: "dport", class: number, bits: 16, maybe: true,
		put:  func(r *row, v *value) { v.there, v.n = r.t.DstPort != 0, uint64(r.t.DstPort) },
		take: func(r *row, v *value) { r.t.DstPort = uint16(r.fit("dport", v, math.MaxUint16)) }},
	{name: "start", class: timeUs,
		put:  func(r *row, v *value) { v.set(uint64(floorUs(r.t.Start))) },
		take: func(r *row, v *value) { r.t.Start = int64(v.n) * 1e3 }},
	{name: "stop_reason", class: text,
		put:  func(r *row, v *value) { r.word(v, r.t.StopReason.String()) },
		take: func(r *row, v *value) { r.t.StopReason, _ = record.ParseStopReason(string(v.b)) }},
	octetColumn("stop_data", func(t *record.Trace) *uint8 { return &t.StopData }),
	octetColumn("hop_count", func(t *record.Trace) *uint8 { return &t.End }),
	octetColumn("attempts", func(t *record.Trace) *uint8 { return &t.Attempts }),
	octetColumn("hoplimit", func(t *record.Trace) *uint8 { return &t.MaxTTL }),
	{name: "firsthop", class: number, bits: 8,
		put: func(r *row, v *value) {
			if v.set(uint64(r.t.FirstTTL)); r.t.FirstHop != 0 {
				v.n = uint64(r.t.FirstHop)
			}
		},
		take: func(r *row, v *value) { r.t.FirstTTL = uint8(r.fit("firsthop", v, math.MaxUint8)) }},
	{name: "wait_s", class: float,
		put: func(r *row, v *value) { v.setFloat(r.t.Wait.Seconds()) },
		take: func(r *row, v *value) {
			r.t.Wait = time.Duration(math.Round(min(max(v.float(), 0), math.MaxUint16) * float64(time.Second)))
		}},
	octetColumn("tos", func(t *record.Trace) *uint8 { return &t.TOS }),
	{name: "probe_size", class: number, bits: 32,
		put:  func(r *row, v *value) { v.set(uint64(r.t.ProbeSize)) },
		take: func(r *row, v *value) { r.t.ProbeSize = int(r.fit("probe_size", v, math.MaxInt32)) }},
	{name: "probe_count", class: number, bits: 32,
		put:  func(r *row, v *value) { v.set(uint64(r.t.ProbeCount)) },
		take: func(r *row, v *value) { r.t.ProbeCount = int(r.fit("probe_count", v, math.MaxInt32)) }},
	{name: "answered", class: number, bits: 32, maybe: true, // null: the trace is Bare
		put:  func(r *row, v *value) { v.there, v.n = !r.t.Bare, uint64(r.t.Answered) },
		take: func(r *row, v *value) { r.t.Answered, r.t.Bare = int(r.fit("answered", v, math.MaxInt32)), false }},
	{name: "reached", class: truth,
		put:  func(r *row, v *value) { v.setBool(r.t.Reached) },
		take: func(r *row, v *value) { r.t.Reached = v.n != 0 }},
	maybeOctet("dst_ttl", func(t *record.Trace) *uint8 { return &t.Distance }),
	maybeOctet("nat_first_ttl", func(t *record.Trace) *uint8 { return &t.NATFirstTTL }),
	maybeOctet("lss_ttl", func(t *record.Trace) *uint8 { return &t.Met.TTL }),
	{name: "lss_addr", class: text, maybe: true,
		put:  func(r *row, v *value) { r.addr(v, r.t.Met.Addr) },
		take: func(r *row, v *value) { r.t.Met.Addr = r.parseAddr("lss_addr", v) }},
	{name: "no_reply", class: jsonText, maybe: true,
		put: func(r *row, v *value) {
			if !r.t.Bare {
				r.pairs(v, len(r.t.Silent), func(i int) (a, b uint8) { return r.t.Silent[i].TTL, r.t.Silent[i].Attempt })
			}
		},
		take: func(r *row, v *value) {
			r.parsePairs("no_reply", v, func(a, b uint8) { r.t.Silent = append(r.t.Silent, record.TTLAttempt{TTL: a, Attempt: b}) })
		}},
	{name: "loops", class: jsonText, maybe: true,
		put: func(r *row, v *value) {
			if len(r.t.Loops) > 0 {
				r.pairs(v, len(r.t.Loops), func(i int) (a, b uint8) { return r.t.Loops[i].First, r.t.Loops[i].Again })
			}
		},
		take: func(r *row, v *value) {
			r.parsePairs("loops", v, func(a, b uint8) { r.t.Loops = append(r.t.Loops, record.Loop{First: a, Again: b}) })
		}},
	ttlColumn("rate_limited_ttls", func(t *record.Trace) *[]uint8 { return &t.RateLimited }),
	ttlColumn("kernel_drop_ttls", func(t *record.Trace) *[]uint8 { return &t.UnderDrops }),
	ttlColumn("contested", func(t *record.Trace) *[]uint8 { return &t.Contested }),
	ttlColumn("withheld", func(t *record.Trace) *[]uint8 { return &t.Withheld }),
	{name: "path_hash", class: text, maybe: true, random: true,
		put: func(r *row, v *value) {
			if !r.t.Bare {
				at := len(r.room)
				r.room = hex.AppendEncode(r.room, binary.BigEndian.AppendUint64(make([]byte, 0, 8), r.t.PathHash))
				v.setText(r.room[at:len(r.room):len(r.room)])
			}
		},
		take: func(r *row, v *value) {
			var err error
			r.t.PathHash, err = strconv.ParseUint(string(v.b), 16, 64)
			r.fail("path_hash", err)
		}},
}

// floorUs returns a time in ns as one in µs that is not later.
func floorUs(ns int64) int64 { return (ns - (ns%1e3+1e3)%1e3) / 1e3 }

// octetColumn is a column for a number of 8 bits.
func octetColumn(name string, field func(*record.Trace) *uint8) column {
	return column{name: name, class: number, bits: 8,
		put:  func(r *row, v *value) { v.set(uint64(*field(r.t))) },
		take: func(r *row, v *value) { *field(r.t) = uint8(r.fit(name, v, math.MaxUint8)) }}
}

// maybeOctet is likewise for a number that is not known if it is 0.
func maybeOctet(name string, field func(*record.Trace) *uint8) column {
	c := octetColumn(name, field)
	c.maybe, c.put = true, func(r *row, v *value) { v.n = uint64(*field(r.t)); v.there = v.n != 0 }
	return c
}

// ttlColumn is a column for a list of TTLs as JSON, null if it is empty.
func ttlColumn(name string, field func(*record.Trace) *[]uint8) column {
	return column{name: name, class: jsonText, maybe: true,
		put: func(r *row, v *value) {
			list := *field(r.t)
			if len(list) == 0 {
				return
			}
			at := len(r.room)
			for i, ttl := range list {
				r.room = append(r.room, "[,"[min(i, 1)])
				r.room = strconv.AppendUint(r.room, uint64(ttl), 10)
			}
			r.room = append(r.room, ']')
			v.setText(r.room[at:len(r.room):len(r.room)])
		},
		take: func(r *row, v *value) {
			list, err := small(v.b)
			r.fail(name, err)
			*field(r.t) = list
		}}
}

// pairs sets v to a list of n pairs as JSON.
func (r *row) pairs(v *value, n int, pair func(i int) (a, b uint8)) {
	at := len(r.room)
	r.room = append(r.room, '[')
	for i := range n {
		if i > 0 {
			r.room = append(r.room, ',')
		}
		a, b := pair(i)
		r.room = strconv.AppendUint(append(r.room, '['), uint64(a), 10)
		r.room = append(strconv.AppendUint(append(r.room, ','), uint64(b), 10), ']')
	}
	r.room = append(r.room, ']')
	v.setText(r.room[at:len(r.room):len(r.room)])
}

// parsePairs calls each for every pair of a list that pairs wrote.
func (r *row) parsePairs(name string, v *value, each func(a, b uint8)) {
	list, err := small(v.b)
	if err == nil && len(list)%2 != 0 {
		err = fmt.Errorf("%.40q is not a list of pairs", v.b)
	}
	if r.fail(name, err); err != nil {
		return
	}
	for i := 0; i < len(list); i += 2 {
		each(list[i], list[i+1])
	}
}

// small returns all numbers in a JSON text of lists of numbers up to 255.
func small(text []byte) (list []uint8, err error) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			n := 0
			for ; i < len(text) && text[i] >= '0' && text[i] <= '9' && n <= math.MaxUint8; i++ {
				n = 10*n + int(text[i]-'0')
			}
			if n > math.MaxUint8 {
				return nil, fmt.Errorf("%.40q has a number above 255", text)
			}
			list, i = append(list, uint8(n)), i-1
		case c != '[' && c != ']' && c != ',' && c != ' ':
			return nil, fmt.Errorf("%.40q is not a list of numbers", text)
		}
	}
	return list, nil
}
