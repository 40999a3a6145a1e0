package traceroute

import (
	"fmt"

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

// NewTraces returns Traces with the options of a Writer: Out, Extensions and Columns.
func NewTraces(out Writer) *Traces {
	out.Flows = 1
	return &Traces{out: out}
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
	for ttl, last := int(max(t.FirstTTL, 1)), lastTTL(t); ttl <= last; ttl++ {
		if err := w.row(rowOf(t, uint8(ttl)), inferred); err != nil {
			return err
		}
	}
	if err := w.out.Tail(); err != nil {
		return err
	}
	if err := w.end(t); err != nil {
		return err
	}
	if t.Judged.Verdict == record.VerdictReached && len(t.Judged.Conditions) == 0 {
		return nil // the last row shows it
	}
	return w.out.Verdict(&t.Judged, nil)
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

// rowOf returns the row of a TTL: its answers, then a star for each probe without one. A bare trace
// does not have the probes without an answer; each TTL without one gets a star.
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
	if t.Bare && len(row.Probes) == 0 {
		row.Probes = []Probe{{}}
	}
	return row
}

// row writes a row. One of a TTL that was not probed shows the interface that other traces have
// there. There is none below the first hop of a trace that begins within the path.
func (w *Traces) row(row Row, inferred map[uint8]probe.Addr) error {
	if len(row.Probes) > 0 {
		return w.out.Row(row)
	}
	addr, ok := inferred[row.TTL]
	if !ok {
		return nil
	}
	if err := w.out.flushSilent(); err != nil {
		return err
	}
	return w.out.line("%2d  %s [not probed: from other traces]", row.TTL, addr)
}

// endings are the reasons to stop that say more than that the target answered.
var endings = map[record.StopReason]string{
	record.StopUnreach:  "a router reports that the target is unreachable",
	record.StopHopLimit: "no reply from the target up to the last TTL",
	record.StopLoop:     "the path is a loop",
	record.StopGSS:      "goes on as other traces do",
	record.StopHalted:   "the run was stopped",
}

// end writes why the trace ends, unless its target answered.
func (w *Traces) end(t *record.Trace) error {
	if t.StopReason == record.StopGapLimit {
		return w.out.Stopped(t.GapLimit)
	}
	text, ok := endings[t.StopReason]
	if !ok {
		return nil
	}
	return w.out.line("    (%s)", text)
}
