package fileset

import (
	"bytes"
	"errors"
	"io"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/record"
)

// foreign is the LineWriter of a file in a format other than NDJSON. It decodes lines. A file that
// is useless until its end is written is not flushed before.
type foreign struct {
	writer format.Writer
	format format.Format
	kinds  record.Kinds

	// queue has lines that wait for the next one: a trace and its trace-ext are one record.
	queue queue
	lines *ndjson.Reader
}

func newForeign(f format.Format, out format.Output) *foreign {
	if out.Kinds == 0 {
		out.Kinds = record.Both
	}
	o := &foreign{format: f, kinds: out.Kinds}
	if f.Replies { // of traces alone, it gets replies that are made of hops
		out.Kinds = record.Both
	}
	o.writer = f.NewWriter(out)
	if f.Replies {
		o.writer = format.Rows(o.writer)
	}
	o.lines = ndjson.ReadFrom(&o.queue)
	return o
}

// Write implements format.Writer.
func (o *foreign) Write(r record.Record) error {
	if err := o.drain(); err != nil {
		return err
	}
	return o.write(r)
}

func (o *foreign) write(r record.Record) error {
	switch r.(type) {
	case *record.Trace:
		if !o.kinds.Has(record.Traces) {
			return nil
		}
	case *record.Reply:
		if !o.kinds.Has(record.Replies) {
			return nil
		}
	}
	return o.writer.Write(r)
}

// Raw implements LineWriter.
func (o *foreign) Raw(typ string, line []byte) error {
	if typ != ndjson.TypeTraceExt { // it belongs to the line before
		if err := o.drain(); err != nil {
			return err
		}
	}
	o.queue = append(o.queue, bytes.Clone(line))
	if typ == ndjson.TypeTrace {
		return nil
	}
	return o.drain()
}

// drain writes the records of the lines that wait.
func (o *foreign) drain() error {
	for len(o.queue) > 0 {
		r, err := o.lines.Read()
		for ; err == nil; r, err = o.lines.Read() {
			if err := o.write(r); err != nil {
				return err
			}
		}
		if !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}

// HandOver implements LineWriter.
func (o *foreign) HandOver() error { return o.Flush() }

// Flush implements format.Writer.
func (o *foreign) Flush() error {
	if err := o.drain(); err != nil || o.format.Whole {
		return err
	}
	return o.writer.Flush()
}

// end writes the end of the file.
func (o *foreign) end() error {
	err := o.drain()
	if e, ok := o.writer.(format.Ender); ok && err == nil {
		err = e.End()
	}
	return errors.Join(err, o.writer.Flush())
}

// queue is an ndjson.Source of some lines.
type queue [][]byte

// Next implements ndjson.Source.
func (q *queue) Next() (line []byte, whole bool, err error) {
	if len(*q) == 0 {
		return nil, false, io.EOF
	}
	line, *q = (*q)[0], (*q)[1:]
	return line, true, nil
}

// Fault implements ndjson.Source.
func (q *queue) Fault(err error) error { return err }

// Cut implements ndjson.Source.
func (q *queue) Cut() error { return format.ErrCut }
