package traceroute

import (
	"fmt"
	"io"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Traces is a format.Writer that writes each trace as text, with a blank line between two. It
// ignores other records.
type Traces struct {
	out  Writer
	more bool // a trace was written
	err  error
}

// NewTraces returns Traces that are written to out, one row at a time, with the ICMP extensions of
// answers if extensions is set.
func NewTraces(out io.Writer, extensions bool) *Traces {
	return &Traces{out: Writer{Out: out, Flows: 1, Extensions: extensions}}
}

// Write implements format.Writer.
func (w *Traces) Write(r record.Record) error {
	if t, ok := r.(*record.Trace); ok && w.err == nil {
		w.err = w.trace(t)
	}
	return w.err
}

// Flush implements format.Writer.
func (w *Traces) Flush() error { return w.err }

func (w *Traces) trace(t *record.Trace) error {
	if w.more {
		if _, err := w.out.Out.Write([]byte{'\n'}); err != nil {
			return err
		}
	}
	w.more = true
	if err := w.out.line("%s", title(t)); err != nil {
		return err
	}
	inferred := make(map[uint8]probe.Addr, len(t.Inferred))
	for _, known := range t.Inferred {
		inferred[known.TTL] = known.Addr
	}
	silent := 0 // rows without an answer that were not written yet
	first := max(t.FirstTTL, 1)
	last := lastTTL(t)
	for ttl := int(first); ttl <= last+1; ttl++ {
		row := rowOf(t, uint8(ttl))
		if ttl <= last && isSilent(t, row) {
			silent++
			continue
		}
		if err := w.silence(ttl-silent, ttl-1); err != nil {
			return err
		}
		silent = 0
		if ttl > last {
			break
		}
		if err := w.row(row, inferred); err != nil {
			return err
		}
	}
	return w.end(t)
}

// title returns the line above the rows.
func title(t *record.Trace) string {
	text := fmt.Sprintf("traceroute to %s", t.Target)
	if !t.Source.IsZero() {
		text += fmt.Sprintf(" from %s", t.Source)
	}
	if t.MaxTTL > 0 {
		text += fmt.Sprintf(", %d hops max", t.MaxTTL)
	}
	if t.ProbeSize > 0 {
		text += fmt.Sprintf(", %d byte packets", t.ProbeSize)
	}
	if t.FlowIndex > 0 {
		text += fmt.Sprintf(", flow %d", t.FlowIndex)
	}
	return text
}

// lastTTL returns the last TTL that the trace shows anything of, 0 if there is none.
func lastTTL(t *record.Trace) int {
	last := t.End
	if n := len(t.Hops); n > 0 {
		last = max(last, t.Hops[n-1].TTL)
	}
	for _, s := range t.Silent {
		if t.End == 0 {
			last = max(last, s.TTL)
		}
	}
	return int(last)
}

// rowOf returns the row of a TTL: its answers, then a star for each probe without one.
func rowOf(t *record.Trace, ttl uint8) Row {
	row := Row{TTL: ttl}
	for i := range t.Hops {
		if t.Hops[i].TTL == ttl {
			row.Probes = append(row.Probes, Probe{Hop: &t.Hops[i]})
		}
	}
	for _, s := range t.Silent {
		if s.TTL == ttl {
			row.Probes = append(row.Probes, Probe{})
		}
	}
	return row
}

// isSilent reports whether there is no answer to the probes of a row. A bare trace does not have
// the probes that were not answered.
func isSilent(t *record.Trace, row Row) bool {
	answered := slices.ContainsFunc(row.Probes, func(p Probe) bool { return p.Hop != nil })
	return !answered && (t.Bare || len(row.Probes) > 0)
}

// silence writes one line for the rows without an answer, from TTL first to last.
func (w *Traces) silence(first, last int) error {
	switch {
	case last < first:
		return nil
	case last == first:
		return w.out.line("%2d  *", first)
	default:
		return w.out.line("%2d  * no reply from TTL %d to %d", first, first, last)
	}
}

// row writes a row with an answer, or one of a TTL that was not probed.
func (w *Traces) row(row Row, inferred map[uint8]probe.Addr) error {
	if len(row.Probes) > 0 {
		return w.out.Row(row)
	}
	if addr, ok := inferred[row.TTL]; ok {
		return w.out.line("%2d  %s [not probed: from other traces]", row.TTL, addr)
	}
	return nil // below the first hop of a trace that begins within the path
}

// endings are the reasons to stop that say more than that the target answered.
var endings = map[record.StopReason]string{
	record.StopUnreach:  "a router reports that the target is unreachable",
	record.StopGapLimit: "too many TTLs in a row without a reply",
	record.StopHopLimit: "no reply from the target up to the last TTL",
	record.StopLoop:     "the path is a loop",
	record.StopGSS:      "goes on as other traces do",
	record.StopHalted:   "the run was stopped",
}

// end writes why the trace ends, unless its target answered.
func (w *Traces) end(t *record.Trace) error {
	text, ok := endings[t.StopReason]
	if !ok {
		return nil
	}
	return w.out.line("    (%s)", text)
}
