package parquet

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/masstrace/masstrace/internal/format/flatlinks"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// The tables, by the names that choose them.
const (
	tableHops    = "hops"
	tableTraces  = "traces"
	tableLinks   = "links"
	tableReplies = "replies"
)

// Tables are the names of the tables. The first is the default.
var Tables = []string{tableHops, tableTraces, tableLinks, tableReplies}

// table is how a table is written.
type table struct {
	name    string
	columns columns
	sorted  int // the rows of a row group are in the order of that many columns
}

// tableOf returns a table by its name.
func tableOf(name string) (table, error) {
	switch name {
	case "", tableHops:
		return table{tableHops, slices.Concat(key, hopColumns, hopAnnotation, traceColumns, traceAnnotation), len(key)}, nil
	case tableTraces:
		return table{tableTraces, slices.Concat(key, traceColumns, traceAnnotation), len(key)}, nil
	case tableLinks:
		return table{tableLinks, linkColumns, 2}, nil
	case tableReplies:
		return table{tableReplies, slices.Concat(replyKey, replyColumns), len(replyKey)}, nil
	}
	return table{}, fmt.Errorf("there is no table %q, but hops, traces, links and replies", name)
}

// link is a row of links: a pair of interfaces at adjacent TTLs with its number of traces, or a link of
// a multipath record.
type link struct {
	near, far probe.Addr
	traces    uint64
	paths     *flatlinks.Row // nil for the links of traces
}

var linkColumns = columns{
	{name: "near", class: text, maybe: true, put: func(r *row, v *value) { r.addr(v, r.link.near) }},
	{name: "far", class: text, maybe: true, put: func(r *row, v *value) { r.addr(v, r.link.far) }},
	{name: "traces", class: number, bits: 64, maybe: true, put: func(r *row, v *value) { v.there, v.n = r.link.paths == nil, r.link.traces }},
	pathsColumn("dst", text, 0, func(r *row, l *flatlinks.Row, v *value) { r.addr(v, l.Target) }),
	pathsColumn("near_ttl", number, 8, func(_ *row, l *flatlinks.Row, v *value) { v.set(uint64(l.TTL)) }),
	pathsColumn("far_ttl", number, 8, func(_ *row, l *flatlinks.Row, v *value) { v.set(uint64(l.TTL + 1)) }),
	pathsColumn("flow", number, 32, func(_ *row, l *flatlinks.Row, v *value) { v.there, v.n = l.Flow >= 0, uint64(l.Flow) }),
	pathsColumn("flows", number, 64, func(_ *row, l *flatlinks.Row, v *value) { v.set(uint64(l.Flows)) }),
	pathsColumn("near_tx", timeUs, 0, func(_ *row, l *flatlinks.Row, v *value) { v.there, v.n = l.NearTx != 0, uint64(floorUs(l.NearTx)) }),
	pathsColumn("far_tx", timeUs, 0, func(_ *row, l *flatlinks.Row, v *value) { v.there, v.n = l.FarTx != 0, uint64(floorUs(l.FarTx)) }),
	pathsColumn("dt", float, 0, func(_ *row, l *flatlinks.Row, v *value) { v.setFloat(float64(l.Dt) / 1e6) }), // ms
	pathsColumn("remapped", truth, 0, func(_ *row, l *flatlinks.Row, v *value) { v.setBool(l.Remapped) }),
}

// pathsColumn returns a column of the links of multipath records.
func pathsColumn(name string, c class, bits int, put func(*row, *flatlinks.Row, *value)) column {
	return column{name: name, class: c, bits: bits, maybe: true, put: func(r *row, v *value) {
		if l := r.link.paths; l != nil {
			put(r, l, v)
		}
	}}
}

// links counts the traces of each link. Its memory grows with the number of links.
type links struct {
	count map[[2]probe.Addr]uint64
	seen  [][2]probe.Addr // by the trace so far
}

// add counts the links of a trace, each once.
func (l *links) add(t *record.Trace) {
	if l.count == nil {
		l.count = map[[2]probe.Addr]uint64{}
	}
	l.seen = l.seen[:0]
	near := 0 // the first hop of the TTL before
	for i := range t.Hops {
		far := &t.Hops[i]
		for int(t.Hops[near].TTL)+1 < int(far.TTL) {
			near++
		}
		for j := near; j < i; j++ {
			pair := [2]probe.Addr{t.Hops[j].Responder, far.Responder}
			if t.Hops[j].TTL+1 == far.TTL && pair[0] != pair[1] && !slices.Contains(l.seen, pair) {
				l.seen = append(l.seen, pair)
				l.count[pair]++
			}
		}
	}
}

// list returns all links in the order of their texts.
func (l *links) list() []link {
	list := make([]link, 0, len(l.count))
	for pair, n := range l.count {
		list = append(list, link{near: pair[0], far: pair[1], traces: n})
	}
	sortLinks(list)
	return list
}

// sortLinks sorts links in the order of their texts. Unknown ends come last.
func sortLinks(list []link) {
	var a, b []byte
	slices.SortStableFunc(list, func(x, y link) int {
		for _, pair := range [...][2]probe.Addr{{x.near, y.near}, {x.far, y.far}} {
			if pair[0].IsZero() != pair[1].IsZero() {
				if pair[0].IsZero() {
					return 1
				}
				return -1
			}
			a, b = pair[0].Netip().AppendTo(a[:0]), pair[1].Netip().AppendTo(b[:0])
			if c := bytes.Compare(a, b); c != 0 {
				return c
			}
		}
		return 0
	})
}
