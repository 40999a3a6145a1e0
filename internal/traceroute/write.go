package traceroute

import (
	"context"
	"net/netip"
	"slices"

	text "github.com/masstrace/masstrace/internal/format/traceroute"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/internal/window"
)

// write writes rows as they become final, and at the end the rows of the closed window.
func (t *tracer) write(ctx context.Context) error {
	route := &text.Writer{
		Out: t.out, Flows: t.cfg.Flows, Width: t.width(), Extensions: t.cfg.Extensions, Columns: t.cfg.Columns,
		Label: t.cfg.Label,
	}
	if err := t.writeRows(ctx, route); err != nil {
		return run.OutputFailed(err)
	}
	var w *window.Window
	select {
	case w = <-t.retired:
	case <-ctx.Done():
		return nil
	}
	if t.cfg.Multipath != nil {
		return t.writePaths(ctx, w)
	}
	distance, gap := false, false
	err := t.assembler.Records(w, func(rec record.Record) error {
		tr := rec.(*record.Trace)
		t.answered = t.answered || tr.Reached
		distance = distance || tr.StopReason == record.StopCompleted
		gap = gap || tr.StopReason == record.StopGapLimit
		t.judge.Trace(tr)
		t.judged.add(tr)
		if t.traces == nil {
			return nil
		}
		return t.traces.Write(tr)
	})
	switch {
	case err == nil && t.traces != nil:
		err = t.traces.Flush()
	case err == nil && t.answered && !distance:
		err = route.Touched(t.target.Netip(), t.cfg.Method)
	case err == nil && gap:
		err = route.Stopped(t.cfg.GapLimit)
	}
	if err != nil {
		return run.OutputFailed(err)
	}
	return nil
}

// judgement is a verdict, and the flows that have it.
type judgement struct {
	record.Judgement
	flows []uint16 // ascending
}

// judgements are the different verdicts of the flows.
type judgements []judgement

// add adds the verdict of a trace. Traces come in the order of their flows.
func (l *judgements) add(t *record.Trace) {
	v := &t.Judged
	same := func(o judgement) bool { return o.Verdict == v.Verdict && o.TTL == v.TTL && o.Addr == v.Addr }
	i := slices.IndexFunc(*l, same)
	if i < 0 {
		one := judgement{Judgement: *v}
		one.Conditions = slices.Clone(v.Conditions)
		i, *l = len(*l), append(*l, one)
	}
	(*l)[i].flows = append((*l)[i].flows, t.FlowIndex)
}

// writeVerdicts writes the verdicts below the rows.
func (t *tracer) writeVerdicts() error {
	if t.traces != nil {
		return nil
	}
	route := &text.Writer{Out: t.out, Columns: t.cfg.Columns}
	for i := range t.judged {
		flows := t.judged[i].flows
		if len(t.judged) == 1 {
			flows = nil // all have it
		}
		if err := route.Verdict(&t.judged[i].Judgement, flows); err != nil {
			return run.OutputFailed(err)
		}
	}
	return nil
}

// writePaths writes all paths to the host, as records or as a drawing.
func (t *tracer) writePaths(ctx context.Context, w *window.Window) error {
	found := Paths{Host: t.host}
	if t.names != nil {
		found.Name = func(a probe.Addr) string {
			addr := a.Netip()
			if name := t.names.of(ctx, addr); name != addr.String() {
				return name
			}
			return ""
		}
	}
	err := t.assembler.Records(w, func(rec record.Record) error {
		switch r := rec.(type) {
		case *record.Multipath:
			found.Multipath = r
		case *record.Trace:
			t.answered = t.answered || r.Reached
			found.note(r)
		}
		if t.traces == nil {
			return nil
		}
		return t.traces.Write(rec)
	})
	switch {
	case err != nil:
	case t.traces != nil:
		err = t.traces.Flush()
	default:
		err = t.cfg.Draw(t.out, &found)
	}
	if err != nil {
		return run.OutputFailed(err)
	}
	return nil
}

// writeRows writes the rows until there are no more, or ctx ends. Records are written
// without them.
func (t *tracer) writeRows(ctx context.Context, route *text.Writer) error {
	if t.rows == nil {
		return nil
	}
	if t.traces == nil {
		if t.names != nil {
			route.Name = func(a netip.Addr) string { return t.names.of(ctx, a) }
		}
		if err := route.Head(t.host, t.target.Netip(), t.cfg.MaxTTL, t.session.Codec.Size(t.target.Is4())); err != nil {
			return err
		}
	}
	for {
		select {
		case row, more := <-t.rows:
			switch {
			case !more && t.traces != nil:
				return nil
			case !more:
				return route.Tail()
			case t.traces != nil:
				continue
			}
			if err := route.Row(t.row(row)); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// nameWidth leaves room for the other columns at 80 columns.
const nameWidth = 32

// width is the room for a responder in the output of several flows.
func (t *tracer) width() int {
	width := len("255.255.255.255") + 1
	if !t.target.Is4() {
		width = len("2001:db8:1234:5678::1") + 1
	}
	if t.names != nil {
		width = max(width, nameWidth) // longer ones have a line of their own
	}
	return width
}

// row looks up the replies to the probes of a row. The entries never change.
func (t *tracer) row(row schedule.Row) text.Row {
	r := text.Row{TTL: row.TTL}
	for _, slot := range row.Slots {
		p := text.Probe{Flow: slot.Flow}
		if e := t.window.Reply(slot); e != nil {
			hop := trace.HopOf(t.window, e, t.window.Sent(slot))
			if t.cfg.Annotate != nil {
				hop.Annotation = t.cfg.Annotate(hop.Responder)
			}
			p.Hop = &hop
		}
		r.Probes = append(r.Probes, p)
	}
	return r
}
