package verify

import (
	"context"
	"errors"
	"io"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/record"
)

// The tools whose results are judged. All except masstrace have the names of their formats.
const (
	Masstrace = "masstrace"
	Scamper   = "scamper"
	Yarrp     = "yarrp"
	Caracal   = "caracal"
)

// toolOf returns the tool whose results have a format.
func toolOf(format string) string {
	if format == ndjson.Format.Name {
		return Masstrace
	}
	return format
}

// read judges all records of a file. If ctx ends first, it returns its error.
func (p *parts) read(ctx context.Context, in *format.File) error {
	for ctx.Err() == nil {
		r, err := in.Read()
		var line *format.LineError
		switch {
		case err == nil:
			p.record(r)
		case errors.As(err, &line):
			p.badLine(line)
		case errors.Is(err, format.ErrCut):
			p.cut = true
			return nil
		case err == io.EOF:
			return nil
		default:
			return err
		}
	}
	return ctx.Err()
}

// ended reports whether the results have a summary, so that they have all traces.
func (c *checker) ended() bool { return c.summary != nil || c.summed }

func (c *checker) record(r record.Record) {
	switch r := r.(type) {
	case *record.Run:
		c.run = r
		c.waitNS = int64(r.WaitS * 1e9)
		c.resumes.from = 0
		c.resumes.sliced = c.resumes.sliced || r.Vantage != nil
		if r.Strategy.Strategy == "multipath" {
			c.startPaths()
		}
	case *record.Resume:
		c.resume(r)
	case *record.Summary:
		c.summary = r
		c.summaries++
	case *record.Trace:
		c.trace(r)
	case *record.Multipath:
		c.multipath(r)
	case *record.Reply:
		c.reply(r)
	}
}
