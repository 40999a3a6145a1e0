// Package hops writes the hops of traces as rows: in aligned columns for people, or as CSV
// (RFC 4180).
package hops

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// columns are the names of the columns. Times are in milliseconds. The labels of an MPLS label
// stack have a slash between them.
var columns = []string{"target", "flow", "ttl", "attempt", "address", "rtt_ms", "kind", "valid", "labels"}

// Writer is a format.Writer that writes a row for each hop of each trace. It ignores other records.
type Writer struct {
	row   func(fields []string) error
	grow  func(fields []string) // makes room for fields; nil if rows have no columns
	flush func() error
	begun bool
	err   error
}

// NewCSV returns a Writer of CSV, with a line of column names first. An unknown value is empty.
func NewCSV(out io.Writer) *Writer {
	w := csv.NewWriter(out)
	return &Writer{row: w.Write, flush: func() error { w.Flush(); return w.Error() }}
}

// longestAddr is the length of the longest IPv6 address as text (RFC 5952).
const longestAddr = len("2001:db8:1111:2222:3333:4444:5555:6666")

// NewTable returns a Writer of aligned columns below their names. A column becomes wider with the
// first field that needs it. An unknown value is -.
func NewTable(out io.Writer) *Writer {
	widths := []int{15, 4, 3, 7, 15, 9, 12, 10, 0}
	grow := func(fields []string) {
		for i := range widths {
			if len(fields[i]) > widths[i] {
				widths[i] = max(len(fields[i]), longestAddr)
			}
		}
	}
	var b strings.Builder
	return &Writer{grow: grow, flush: func() error { return nil }, row: func(fields []string) error {
		grow(fields)
		b.Reset()
		for i, field := range fields {
			if field == "" {
				field = "-"
			}
			switch columns[i] {
			case "flow", "ttl", "attempt", "rtt_ms": // numbers
				fmt.Fprintf(&b, "%*s  ", widths[i], field)
			default:
				fmt.Fprintf(&b, "%-*s  ", widths[i], field)
			}
		}
		_, err := io.WriteString(out, strings.TrimRight(b.String(), " ")+"\n")
		return err
	}}
}

// Write implements format.Writer.
func (w *Writer) Write(r record.Record) error {
	t, ok := r.(*record.Trace)
	if !ok || w.err != nil {
		return w.err
	}
	if !w.begun && len(t.Hops) > 0 {
		w.begun = true
		if w.grow != nil {
			w.grow(fields(&t.Head, &t.Hops[0]))
		}
		w.err = w.row(columns)
	}
	for i := range t.Hops {
		if w.err != nil {
			break
		}
		w.err = w.row(fields(&t.Head, &t.Hops[i]))
	}
	return w.err
}

// Flush implements format.Writer.
func (w *Writer) Flush() error {
	if w.err == nil {
		w.err = w.flush()
	}
	return w.err
}

// fields returns the row of a hop.
func fields(head *record.Head, h *record.Hop) []string {
	f := []string{
		head.Target.String(), strconv.Itoa(int(head.FlowIndex)), strconv.Itoa(int(h.TTL)), "",
		h.Source().String(), "", "", "", labels(h.Ext),
	}
	if !h.Lacks.Has(record.LacksAttempt) {
		f[3] = strconv.Itoa(int(h.Attempt))
	}
	if h.HasRTT() {
		f[5] = strconv.FormatFloat(float64(h.RTT)/1e6, 'f', 3, 64)
	}
	if !h.Lacks.Has(record.LacksKind) {
		f[6] = h.Kind.String()
	}
	if !h.Lacks.Has(record.LacksValid) {
		f[7] = h.Valid.String()
	}
	return f
}

// labels returns the labels of an extension structure (RFC 4950 §3).
func labels(ext []byte) string {
	var x wire.Extension
	if len(ext) == 0 || x.Decode(ext) != nil {
		return ""
	}
	var list []string
	for objects := x.Objects(); objects.Next(); {
		for i := range objects.NumLabels() {
			list = append(list, strconv.Itoa(int(objects.Label(i).Label)))
		}
	}
	return strings.Join(list, "/")
}
