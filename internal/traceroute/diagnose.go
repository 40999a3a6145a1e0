package traceroute

import (
	"context"
	"errors"
	"io"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/verdict"
)

// diagnose asks a host again with other methods, unless its verdict is certain. One trace follows
// another, until the verdict is certain. So the number of probes is at most that of the first trace
// times the number of methods, and the attempts at the last TTL with each method.
func (b *batch) diagnose(ctx, working context.Context, t *tracer) error {
	if !b.cfg.Diagnose || len(t.judged) != 1 {
		return nil // flows that end differently show a part of the path each
	}
	asked := verdict.AskedOf(t.cfg.Method, t.cfg.DstPort)
	for _, next := range verdict.Asks(asked, b.cfg.Ports) {
		if !verdict.Open(t.judged[0].Verdict) || working.Err() != nil {
			return nil
		}
		if err := b.ask(ctx, working, t, asked, next); err != nil {
			return err
		}
	}
	return nil
}

// ask traces the host of t with one method, and adds the result to its verdict.
func (b *batch) ask(ctx, working context.Context, t *tracer, asked record.Asked, next verdict.Ask) error {
	cfg := *t.cfg
	if next.AtEnd {
		cfg.FirstTTL = cfg.MaxTTL
	}
	cfg.Method, cfg.DstPort, cfg.Flows = next.Method, next.Port, 1
	cfg.Traces = func(out io.Writer) format.Writer {
		w := &further{asked: asked, verdict: &t.judged[0].Judgement}
		if t.cfg.Traces != nil {
			w.next = t.cfg.Traces(out)
		}
		return w
	}
	d := newTracer(b, &cfg, t.host, t.target.Netip(), t.out)
	err := d.open(working, t.target.Netip())
	if d.session != nil {
		defer d.session.Close()
	}
	if err != nil {
		return link.Permission(err)
	}
	if err := errors.Join(d.build(), d.run(ctx, working)); err != nil {
		return err
	}
	t.answered = t.answered || d.answered && next.Asked == asked
	return nil
}

// further is a format.Writer that adds traces to a verdict. The records have the verdict so far.
type further struct {
	asked   record.Asked
	verdict *record.Judgement
	next    format.Writer // nil for none
}

// Write implements format.Writer.
func (f *further) Write(r record.Record) error {
	if t, ok := r.(*record.Trace); ok {
		*f.verdict = verdict.Further(*f.verdict, f.asked, t)
		t.Judged = *f.verdict
	}
	if f.next == nil {
		return nil
	}
	return f.next.Write(r)
}

// Flush implements format.Writer.
func (f *further) Flush() error {
	if f.next == nil {
		return nil
	}
	return f.next.Flush()
}
