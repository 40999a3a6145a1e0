package flatlinks

import (
	"cmp"
	"strconv"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Format is CSV of the rows. It is only written.
var Format = format.Format{
	Name: "multipath-links", Endings: []string{".multipath.csv"},
	Begins:    func([]byte) bool { return false },
	NewWriter: func(o format.Output) format.Writer { return newWriter(o) },
	Lacks:     []string{"all but the links of multipath records"},
}

const header = "dst,near,far,near_ttl,far_ttl,flow,flows,near_tx,far_tx,dt_ms,remapped\n"

// writer is a format.Writer.
type writer struct {
	*format.Text
	kinds record.Kinds
	rows  Rows
	begun bool
}

func newWriter(o format.Output) *writer {
	return &writer{Text: format.NewText(o.Out), kinds: cmp.Or(o.Kinds, record.Both)}
}

// Write implements format.Writer.
func (w *writer) Write(r record.Record) error {
	if w.kinds.Has(record.Traces) {
		w.rows.Take(r, func(row *Row) {
			w.begin()
			w.Buf = row.appendTo(w.Buf)
			_ = w.Text.End() // the error stays
		})
	}
	return w.Err()
}

// begin writes the line of column names.
func (w *writer) begin() {
	if !w.begun {
		w.begun = true
		w.Buf = append(w.Buf, header...)
	}
}

// End implements format.Ender: a file without a link has its column names.
func (w *writer) End() error {
	w.begin()
	return w.Err()
}

// appendTo appends the line of a row. Unknown values are empty.
func (r *Row) appendTo(b []byte) []byte {
	b = append(appendAddr(b, r.Target), ',')
	b = append(appendAddr(b, r.Near), ',')
	b = append(appendAddr(b, r.Far), ',')
	b = append(strconv.AppendInt(b, int64(r.TTL), 10), ',')
	b = append(strconv.AppendInt(b, int64(r.TTL)+1, 10), ',')
	if r.Flow >= 0 {
		b = strconv.AppendInt(b, int64(r.Flow), 10)
	}
	b = append(strconv.AppendInt(append(b, ','), int64(r.Flows), 10), ',')
	b = append(appendSeconds(b, r.NearTx), ',')
	b = append(appendSeconds(b, r.FarTx), ',')
	b = append(strconv.AppendFloat(b, float64(r.Dt/1e3)/1e3, 'f', 3, 64), ',')
	return append(strconv.AppendBool(b, r.Remapped), '\n')
}

func appendAddr(b []byte, a probe.Addr) []byte {
	if a.IsZero() {
		return b
	}
	return a.Netip().AppendTo(b)
}

// appendSeconds appends a time in s since the Unix epoch, to the microsecond.
func appendSeconds(b []byte, ns int64) []byte {
	if ns == 0 {
		return b
	}
	b = strconv.AppendInt(b, ns/1e9, 10)
	us := strconv.Itoa(int(ns%1e9/1e3) + 1e6)
	return append(append(b, '.'), us[1:]...)
}
