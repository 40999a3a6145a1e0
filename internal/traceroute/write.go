package traceroute

import (
	"context"

	text "github.com/masstrace/masstrace/internal/format/traceroute"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/internal/window"
)

// write writes rows as they become final, and at the end the rows of the closed window.
func (t *tracer) write(ctx context.Context) error {
	route := &text.Writer{Out: t.cfg.Stdout, Flows: t.cfg.Flows, Width: t.width()}
	if err := t.writeRows(ctx, route); err != nil {
		return run.OutputFailed(err)
	}
	var w *window.Window
	select {
	case w = <-t.retired:
	case <-ctx.Done():
		return nil
	}
	traces, distance := t.cfg.Traces, false
	err := t.assembler.Traces(w, func(tr *record.Trace) error {
		t.answered = t.answered || tr.Reached
		distance = distance || tr.StopReason == record.StopCompleted
		if traces == nil {
			return nil
		}
		return traces.Write(tr)
	})
	switch {
	case err == nil && traces != nil:
		err = traces.Flush()
	case err == nil && t.answered && !distance:
		err = route.Touched(t.target.Netip(), t.cfg.Method)
	}
	if err != nil {
		return run.OutputFailed(err)
	}
	return nil
}

// writeRows writes the rows until there are no more, or ctx ends. Records are written
// without them.
func (t *tracer) writeRows(ctx context.Context, route *text.Writer) error {
	if t.cfg.Traces == nil {
		if t.names != nil {
			route.Name = t.names.of
		}
		if err := route.Head(t.host, t.target.Netip(), t.cfg.MaxTTL, t.session.Codec.Size(t.target.Is4())); err != nil {
			return err
		}
	}
	for {
		select {
		case row, more := <-t.rows:
			switch {
			case !more && t.cfg.Traces != nil:
				return nil
			case !more:
				return route.Tail()
			case t.cfg.Traces != nil:
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

// width is the room for a responder in the output of several flows.
func (t *tracer) width() int {
	width := len("255.255.255.255") + 1
	if !t.target.Is4() {
		width = len("2001:db8:1234:5678::1") + 1
	}
	if t.names != nil {
		width += len("router.example.net ()")
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
			p.Hop = &hop
		}
		r.Probes = append(r.Probes, p)
	}
	return r
}
