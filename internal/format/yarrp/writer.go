package yarrp

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// dateLayout is the way of yarrp to write times (RFC 2822); ours are UTC.
const dateLayout = "Mon, 02 Jan 2006 15:04:05 -0700"

// Writer writes a row for each reply. The header
// comes before the first row, so that it can have the source and the method of the probes.
type Writer struct {
	*format.Text
	run     record.Run
	start   int64  // s since the Unix epoch
	sent    uint64 // by the summary, which may be missing
	elapsed float64
	kinds   record.Kinds
	begun   bool
	count   uint64
}

// NewWriter returns a Writer.
func NewWriter(o format.Output) *Writer {
	return &Writer{Text: format.NewText(o.Out), kinds: cmp.Or(o.Kinds, record.Both)}
}

// Write implements format.Writer.
func (w *Writer) Write(r record.Record) error {
	switch r := r.(type) {
	case *record.CycleStart:
		w.start = r.Time
	case *record.Run:
		w.run = *r
	case *record.Summary:
		w.sent, w.elapsed = r.Sent, r.ElapsedS
	case *record.CycleStop:
		w.trailer(r.Time)
	case *record.Reply:
		if w.kinds.Has(record.Replies) && format.IsRow(r) {
			w.row(&r.Head, &r.Hop)
		}
	}
	return w.End()
}

// header appends the header with the keys of yarrp, in its order. Keys are left out if their values
// are not known. No file of ours fills in TTLs, nor leaves out a neighborhood.
func (w *Writer) header(head *record.Head, stamp int64) {
	if w.begun {
		return
	}
	w.begun = true
	start := w.start
	if start == 0 {
		start = stamp / 1e9
	}
	source, method := w.run.Source, traceType(head)
	if !head.Source.IsZero() {
		source = head.Source.String()
	}
	known := w.run.Tool != ""
	for _, f := range []struct {
		key, value string
		known      bool
	}{
		{"Dst_Port", strconv.Itoa(int(head.DstPort)), head.DstPort != 0},
		{"Fill_Mode", "0", known},
		{"Max_TTL", strconv.Itoa(int(w.run.TTL[1])), known},
		{"Min_TTL", strconv.Itoa(int(w.run.TTL[0])), known},
		{"Output_Fields", "target sec usec type code ttl hop rtt ipid psize rsize rttl rtos mpls count", true},
		{"Program", w.run.Tool, known},
		{"RTT_Granularity", "us", true},
		{"Random", "1", known},
		{"Rate", strconv.FormatFloat(w.run.RatePPS, 'f', 0, 64), known},
		{"Seed", w.run.Seed, w.run.Seed != ""},
		{"SourceIP", source, source != ""},
		{"Start", time.Unix(start, 0).UTC().Format(dateLayout), true},
		{"TTL_Nbrhd", "0", known},
		{"Trace_Type", method, method != ""},
	} {
		if f.known {
			w.Buf = fmt.Appendf(w.Buf, "# %s: %s\n", f.key, plaintext.Line(f.value))
		}
	}
}

// traceType returns the name of yarrp for the method of the probes, "" if it is not known.
func traceType(head *record.Head) string {
	switch {
	case int(head.Method) >= len(traceTypes):
		return ""
	case head.Target.Is4():
		return traceTypes[head.Method][0]
	}
	return traceTypes[head.Method][1]
}

// trailer appends the counts of the run as yarrp does at its end, as far as they are known.
func (w *Writer) trailer(stop int64) {
	w.header(&record.Head{Method: record.NoMethod}, 0)
	w.Buf = fmt.Appendf(w.Buf, "# End: %s\n", time.Unix(stop, 0).UTC().Format(dateLayout))
	if w.elapsed > 0 {
		w.Buf = fmt.Appendf(w.Buf, "# Pkts: %d\n# Elapsed: %.2fs\n# PPS: %.2f\n", w.sent, w.elapsed, float64(w.sent)/w.elapsed)
	}
	w.Buf = append(w.Buf, "#\n"...)
}

// row appends a row. An answer over TCP or UDP has no type, so its row has 0.
func (w *Writer) row(head *record.Head, h *record.Hop) {
	w.header(head, h.Stamp)
	w.count++
	b := head.Target.Netip().AppendTo(w.Buf)
	number := func(v int64) { b = strconv.AppendInt(append(b, ' '), v, 10) }
	stamp := max(h.Stamp, 0)
	number(stamp / 1e9)
	number(stamp % 1e9 / 1e3)
	number(int64(h.Type))
	number(int64(h.Code))
	number(int64(h.TTL))
	b = h.Responder.Netip().AppendTo(append(b, ' '))
	if h.HasRTT() && !h.Late {
		number(max(h.RTT/1e3, 1)) // 0 is not known
	} else {
		number(0)
	}
	number(int64(h.ReplyID))
	number(max(int64(head.ProbeSize)-uncounted(head.Target), 0))
	number(max(int64(h.ReplySize)-uncounted(head.Target), 0))
	number(int64(h.ReplyTTL))
	number(int64(h.ReplyTOS))
	b = appendLabels(append(b, ' '), h.Ext)
	number(int64(w.count))
	w.Buf = append(b, '\n')
}

// uncounted returns the octets of a packet that yarrp does not count: the IPv6 header.
func uncounted(target probe.Addr) int64 {
	if target.Is4() {
		return 0
	}
	return ip6Header
}

// appendLabels appends the labels of the first label stack: label:TTL,… and 0 if there is none.
func appendLabels(b, ext []byte) []byte {
	var x wire.Extension
	if len(ext) == 0 || x.Decode(ext) != nil {
		return append(b, '0')
	}
	for objects := x.Objects(); objects.Next(); {
		n := objects.NumLabels()
		for i := range n {
			if i > 0 {
				b = append(b, ',')
			}
			l := objects.Label(i)
			b = strconv.AppendUint(b, uint64(l.Label), 10)
			b = strconv.AppendUint(append(b, ':'), uint64(l.TTL), 10)
		}
		if n > 0 {
			return b
		}
	}
	return append(b, '0')
}
