package ndjson

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"

	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/record"
)

// Config has the common fields of all records of a Writer, and the kinds of records that it
// writes.
type Config struct {
	// Kinds are the data records that are written; the others are dropped. 0: both.
	Kinds record.Kinds
	// Bare leaves out the trace-ext records.
	Bare bool
	// Only are the lines that are written, if other files get the others. 0: all.
	Only Lines

	// These are used in records until a CycleStart or a Run with others is written.
	Run      string // identifies the run
	ListName string // scamper's name of a target list; "default" if empty
	CycleID  int    // scamper's number of a pass over it; 1 if 0
	Hostname string // the vantage point's name

	// StampSource is the clock of receive times: kernel (if empty), hw or user.
	StampSource string
}

// Lines is a set of types of lines. A line is in exactly one of the sets below.
type Lines uint8

// The types of lines that a run can write to separate files.
const (
	TraceLines Lines = 1 << iota // trace
	ReplyLines                   // reply
	MetaLines                    // all others: the run, its summary, trace-ext, multipath, change
	AllLines   = TraceLines | ReplyLines | MetaLines
)

// LinesOf returns the set that has lines of that type.
func LinesOf(typ string) Lines {
	switch typ {
	case TypeTrace:
		return TraceLines
	case TypeReply:
		return ReplyLines
	}
	return MetaLines
}

// bufferLen is how many octets a Writer gathers before it writes. A record is
// never cut by that: a longer one makes the buffer grow.
const bufferLen = 256 << 10

// Writer writes records to w. It hands over whole lines only, many at a time,
// so that a file whose writer was killed ends in at most one cut line.
//
// The first error stays: every later call returns it and writes nothing. A
// Writer is used by one goroutine at a time.
type Writer struct {
	w    io.Writer
	conf Config
	buf  []byte // whole lines
	err  error

	// The common fields of every record of a kind, quoted once.
	traceHead []byte
	extHead   []byte
	replyHead []byte
	pathsHead []byte // of multipath records
}

// NewWriter returns a Writer to w. If w has a method Flush() error, Flush calls it.
func NewWriter(w io.Writer, conf Config) *Writer {
	conf.Kinds = cmp.Or(conf.Kinds, record.Both)
	conf.Only = cmp.Or(conf.Only, AllLines)
	conf.ListName = cmp.Or(conf.ListName, "default")
	conf.CycleID = cmp.Or(conf.CycleID, 1)
	conf.StampSource = cmp.Or(conf.StampSource, "kernel")
	out := &Writer{w: w, conf: conf, buf: make([]byte, 0, bufferLen+bufferLen/8)}
	out.quote()
	return out
}

// quote updates the common fields of all records.
func (w *Writer) quote() {
	w.traceHead = appendTraceHead(w.traceHead[:0], &w.conf)
	w.extHead = appendExtHead(w.extHead[:0], &w.conf)
	w.replyHead = appendReplyHead(w.replyHead[:0], &w.conf)
	w.pathsHead = appendMultipathHead(w.pathsHead[:0], &w.conf)
}

// Write writes the lines of r, a trace being closed, and keeps nothing of it. Traces, multipath
// records and replies cost no allocation. In other records the Writer fills in empty fields from its
// Config: list, cycle, host and run.
func (w *Writer) Write(r record.Record) error {
	if w.err != nil {
		return w.err
	}
	switch r := r.(type) {
	case *record.Trace:
		if w.conf.Kinds.Has(record.Traces) {
			w.trace(r)
		}
	case *record.Multipath:
		if w.conf.Kinds.Has(record.Traces) && w.conf.Only&MetaLines != 0 {
			w.buf = appendMultipath(append(w.buf, w.pathsHead...), r)
			w.endLine()
		}
	case *record.Reply:
		if w.conf.Kinds.Has(record.Replies) && w.conf.Only&ReplyLines != 0 {
			w.buf = appendReply(append(w.buf, w.replyHead...), &r.Head, &r.Hop)
			w.endLine()
		}
	default:
		w.other(r)
	}
	return w.err
}

// trace writes the trace record and the trace-ext record of t.
func (w *Writer) trace(t *record.Trace) {
	one := w.conf.Only&TraceLines != 0
	if one {
		w.buf = appendTrace(append(w.buf, w.traceHead...), t)
	}
	known := !t.Bare || t.TargetAnnotation != nil || len(t.ASPath) > 0
	if !w.conf.Bare && known && w.conf.Only&MetaLines != 0 {
		if one {
			w.buf = append(w.buf, '\n') // no write between the two
		}
		w.buf = appendExt(append(w.buf, w.extHead...), t)
		one = true
	}
	if one {
		w.endLine()
	}
}

// other writes a record that is not worth appending by hand.
func (w *Writer) other(r record.Record) {
	switch r := r.(type) {
	case *record.CycleStart:
		line := w.cycle(TypeCycleStart, &r.Cycle)
		line.StartTime = r.Time
		w.encode(line)
	case *record.CycleStop:
		line := w.cycle(TypeCycleStop, &r.Cycle)
		line.StopTime = r.Time
		w.encode(line)
	case *record.Run:
		line := runLine{TypeRun, *r}
		line.Schema, line.Run.Run, line.Argv = Schema, w.run(r.Run), notNull(r.Argv)
		w.encode(&line)
	case *record.Resume:
		line := resumeLine{TypeResume, *r}
		line.Run, line.Argv = w.run(r.Run), notNull(r.Argv)
		w.encode(&line)
	case *record.PathChange:
		w.encode(NewChangeLine(w.conf.Run, r))
	case *record.Followed:
		line := followedLine{TypeFollowed, *r}
		line.Run = cmp.Or(r.Run, w.conf.Run)
		w.encode(&line)
	case *record.Summary:
		line := summaryLine{TypeSummary, *r}
		line.Run = cmp.Or(r.Run, w.conf.Run)
		w.encode(&line)
	default:
		w.err = fmt.Errorf("encode record: NDJSON has no record of type %T", r)
	}
}

// notNull returns list, or an empty list for nil, which JSON would have as null.
func notNull(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// cycle returns the line of a cycle record without its time. Every trace from now on has
// its names.
func (w *Writer) cycle(typ string, c *record.Cycle) *cycleLine {
	w.conf.ListName = cmp.Or(c.ListName, w.conf.ListName)
	w.conf.CycleID = cmp.Or(c.ID, w.conf.CycleID)
	w.conf.Hostname = cmp.Or(c.Hostname, w.conf.Hostname)
	w.quote()
	return &cycleLine{Type: typ, ListName: w.conf.ListName, ID: w.conf.CycleID, Hostname: w.conf.Hostname}
}

// run returns the run that all further records belong to: id, unless it is empty.
func (w *Writer) run(id string) string {
	w.conf.Run = cmp.Or(id, w.conf.Run)
	w.quote()
	return w.conf.Run
}

// encode writes a line by encoding/json.
func (w *Writer) encode(line any) {
	if w.conf.Only&MetaLines == 0 {
		return
	}
	text, err := json.Marshal(line)
	if err != nil {
		w.err = fmt.Errorf("encode record: %w", err)
		return
	}
	w.buf = plaintext.EscapeJSON(w.buf, text)
	w.endLine()
}

// Raw writes a whole line of that type, unless another file gets it. It escapes characters that could
// control a terminal.
func (w *Writer) Raw(typ string, line []byte) error {
	if w.err == nil && w.conf.Only&LinesOf(typ) != 0 {
		w.buf = plaintext.EscapeJSON(w.buf, line)
		w.endLine()
	}
	return w.err
}

// endLine ends a record, and writes when enough have come together.
func (w *Writer) endLine() {
	w.buf = append(w.buf, '\n')
	if len(w.buf) >= bufferLen {
		w.write()
	}
}

func (w *Writer) write() {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.w.Write(w.buf)
	}
	w.buf = w.buf[:0]
}

// HandOver writes all gathered records, for a reader that follows along. A compressor may
// hold it back; Flush does not let it.
func (w *Writer) HandOver() error {
	w.write()
	return w.err
}

// Flush writes all gathered records through to the file.
func (w *Writer) Flush() error {
	w.write()
	if f, ok := w.w.(interface{ Flush() error }); ok && w.err == nil {
		w.err = f.Flush()
	}
	return w.err
}
