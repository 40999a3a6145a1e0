// Package hops writes the hops of traces as rows: in aligned columns for people, or as CSV
// (RFC 4180).
package hops

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// columns are the names of the columns. Times are in milliseconds. The labels of an MPLS label
// stack have a slash between them.
var columns = []string{"target", "flow", "ttl", "attempt", "address", "rtt_ms", "kind", "valid", "labels"}

// The columns of addresses.
const (
	targetColumn  = 0
	addressColumn = 4
)

// noteColumns are the names of the columns after these if databases annotated the records. Several
// origins have an underscore between them, as in CAIDA's files.
var noteColumns = []string{"asn", "as_name", "prefix", "ixp", "country", "name"}

var allColumns = slices.Concat(columns, noteColumns)

// Writer is a format.Writer that writes a row for each hop of each trace. Rows have the columns of
// databases if the run record, or the first trace with a hop, has annotations. It ignores other
// records.
type Writer struct {
	row   func(fields []string) error
	grow  func(fields []string) // makes room for fields; nil if rows have no columns
	flush func() error
	noted bool // rows have noteColumns
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
	widths := []int{15, 4, 3, 7, 15, 9, 12, 10, 6, 7, 20, 18, 10, 7, 0}
	grow := func(fields []string) {
		for i, field := range fields {
			if n := utf8.RuneCountInString(field); n > widths[i] {
				widths[i] = n
				if i == targetColumn || i == addressColumn { // IPv6: the addresses of later hops may be longer
					widths[targetColumn], widths[addressColumn] = max(widths[targetColumn], longestAddr), max(widths[addressColumn], longestAddr)
				}
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
			switch allColumns[i] {
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
	if run, ok := r.(*record.Run); ok && !w.begun {
		w.noted = w.noted || len(run.Databases) > 0
	}
	t, ok := r.(*record.Trace)
	if !ok || w.err != nil {
		return w.err
	}
	w.begin(t)
	for i := range t.Hops {
		if w.err != nil {
			break
		}
		w.err = w.row(w.fields(&t.Head, &t.Hops[i]))
	}
	return w.err
}

// begin writes the names of the columns before the first trace with a hop.
func (w *Writer) begin(t *record.Trace) {
	if w.begun || len(t.Hops) == 0 {
		return
	}
	w.begun = true
	w.noted = w.noted || slices.ContainsFunc(t.Hops, func(h record.Hop) bool { return h.Annotation != nil })
	if w.grow != nil {
		w.grow(w.fields(&t.Head, &t.Hops[0]))
	}
	names := columns
	if w.noted {
		names = allColumns
	}
	w.err = w.row(names)
}

// Flush implements format.Writer.
func (w *Writer) Flush() error {
	if w.err == nil {
		w.err = w.flush()
	}
	return w.err
}

// fields returns the row of a hop.
func (w *Writer) fields(head *record.Head, h *record.Hop) []string {
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
	if w.noted {
		f = append(f, noteFields(h.Annotation)...)
	}
	return f
}

// noteFields returns the fields of noteColumns. n may be nil.
func noteFields(n *record.Annotation) []string {
	if n == nil {
		return make([]string, len(noteColumns))
	}
	var asn []byte
	for i, v := range n.ASN {
		if i > 0 {
			asn = append(asn, '_')
		}
		asn = strconv.AppendUint(asn, uint64(v), 10)
	}
	prefix := ""
	if n.Prefix.IsValid() {
		prefix = n.Prefix.String()
	}
	return []string{string(asn), n.ASName, prefix, n.IXP, n.Country, n.Name}
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
