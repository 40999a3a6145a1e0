package masstrace

import (
	"io"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/record"
)

// Sink takes traces as they are assembled, from one goroutine. It may keep a trace. An error
// stops the sending; the run waits for replies and returns the error, and the sink is not
// called again. A sink that also implements ReplySink takes replies.
type Sink interface {
	Trace(*Path) error
}

// ReplySink takes every reply of a run whose configuration asks for replies.
type ReplySink interface {
	Reply(*Reply) error
}

// Collect is a Sink that keeps all traces.
type Collect struct{ Paths []*Path }

// Trace implements Sink.
func (c *Collect) Trace(t *Path) error {
	c.Paths = append(c.Paths, t)
	return nil
}

// Func is a function as a Sink.
type Func func(*Path) error

// Trace implements Sink.
func (f Func) Trace(t *Path) error { return f(t) }

// NDJSON is a Sink that writes records, one JSON object a line, as the command does. Make
// one by NewNDJSON.
type NDJSON struct{ w *ndjson.Writer }

// NewNDJSON returns a Sink that writes records to w, many at a time: run, traces, replies
// if they are asked for, and the summary. It does not close w.
func NewNDJSON(w io.Writer) *NDJSON { return &NDJSON{ndjson.NewWriter(w, ndjson.Config{})} }

// Trace implements Sink. Scan and Replay do not call it: they hand over whole records.
func (*NDJSON) Trace(*Path) error { return nil }

// writers returns the sinks as writers of records.
func writers(sinks []Sink) (list []format.Writer) {
	for _, s := range sinks {
		if n, ok := s.(*NDJSON); ok {
			list = append(list, n.w)
			continue
		}
		replies, _ := s.(ReplySink)
		list = append(list, &sinkWriter{sink: s, replies: replies})
	}
	if len(list) == 0 {
		list = append(list, &sinkWriter{sink: Func(func(*Path) error { return nil })})
	}
	return list
}

// sinkWriter hands records to a sink as values.
type sinkWriter struct {
	sink    Sink
	replies ReplySink // nil if the sink takes none
	err     error     // the first of the sink
}

// Write implements format.Writer.
func (w *sinkWriter) Write(r record.Record) error {
	if w.err != nil {
		return w.err
	}
	switch r := r.(type) {
	case *record.Trace:
		w.err = w.sink.Trace(pathOf(r))
	case *record.Reply:
		if w.replies != nil {
			w.err = w.replies.Reply(replyOf(r))
		}
	}
	return w.err
}

// Flush implements format.Writer.
func (w *sinkWriter) Flush() error { return w.err }
