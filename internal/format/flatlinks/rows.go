// Package flatlinks writes the links of multipath records as rows, one for each link to each
// target, as CSV. Package parquet has the same rows.
package flatlinks

import (
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Row is a link on the paths to a target.
type Row struct {
	Target probe.Addr
	record.Link
	// Flow is the index of a flow that took the link, with the times of its two probes in ns
	// since the Unix epoch. They are -1 and 0 if no trace of the target came before the multipath
	// record.
	Flow          int
	NearTx, FarTx int64
}

// Rows makes rows of records, in their order. It is used by one goroutine at a time; its zero
// value is ready.
type Rows struct {
	many   bool // the run has multipath records
	target probe.Addr
	flows  map[pair]example // of the traces to the target so far
}

// pair is the two ends of a link. The zero address is silence.
type pair struct {
	ttl       uint8
	near, far probe.Addr
}

// example is a flow that took a link.
type example struct {
	flow          uint16
	nearTx, farTx int64
}

// Paths reports whether traces are examples of the paths in multipath records, and no links of
// their own.
func (r *Rows) Paths() bool { return r.many }

// Take takes a record, and calls add for each link of a multipath record. A row is valid until
// add returns.
func (r *Rows) Take(rec record.Record, add func(*Row)) {
	switch rec := rec.(type) {
	case *record.Run:
		r.many = rec.Strategy.Strategy == "multipath"
		clear(r.flows)
	case *record.Trace:
		if r.many {
			r.trace(rec)
		}
	case *record.Multipath:
		r.multipath(rec, add)
	}
}

// trace notes the links of a trace: between the first answers at adjacent TTLs.
func (r *Rows) trace(t *record.Trace) {
	if r.flows == nil {
		r.flows = map[pair]example{}
	}
	if r.target != t.Target {
		clear(r.flows)
		r.target = t.Target
	}
	var last *record.Hop
	for i := range t.Hops {
		h := &t.Hops[i]
		if last != nil && last.TTL == h.TTL {
			continue
		}
		if last != nil && last.TTL+1 == h.TTL {
			at := pair{last.TTL, last.Responder, h.Responder}
			if _, known := r.flows[at]; !known {
				r.flows[at] = example{t.FlowIndex, last.Sent, h.Sent}
			}
		}
		last = h
	}
}

func (r *Rows) multipath(m *record.Multipath, add func(*Row)) {
	for i := range m.Links {
		row := Row{Target: m.Target, Link: m.Links[i], Flow: -1}
		if r.target == m.Target {
			if e, known := r.flows[pair{row.TTL, row.Near, row.Far}]; known {
				row.Flow, row.NearTx, row.FarTx = int(e.flow), e.nearTx, e.farTx
			}
		}
		add(&row)
	}
	clear(r.flows)
}
