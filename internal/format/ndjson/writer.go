package ndjson

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/masstrace/masstrace/internal/record"
)

// Records is a set of kinds of data records.
type Records uint8

// The kinds. Traces includes trace-ext.
const (
	Traces Records = 1 << iota
	Replies
	Both = Traces | Replies
)

// ParseRecords reads the value of --records: trace, reply or both.
func ParseRecords(s string) (Records, error) {
	switch s {
	case "trace":
		return Traces, nil
	case "reply":
		return Replies, nil
	case "both":
		return Both, nil
	}
	return 0, fmt.Errorf("unknown records %q: not trace, reply or both", s)
}

// String is the inverse of ParseRecords.
func (r Records) String() string {
	switch r {
	case Traces:
		return "trace"
	case Replies:
		return "reply"
	default:
		return "both"
	}
}

// Config is what a Writer says in every record, and which ones it writes.
type Config struct {
	Records  Records
	Run      string // identifies the run
	ListName string // scamper's name of a target list; "default" if empty
	CycleID  int    // scamper's number of a pass over it; 1 if 0
	Hostname string // the vantage point's name
	// StampSource is the clock of receive times: kernel (if empty), hw or user.
	StampSource string
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

	// What stands in every record of a kind, quoted once.
	traceHead []byte
	extHead   []byte
	replyHead []byte
}

// NewWriter returns a Writer to w. If w has a method Flush() error, as Sink
// has, Flush calls it.
func NewWriter(w io.Writer, conf Config) *Writer {
	if conf.ListName == "" {
		conf.ListName = "default"
	}
	if conf.CycleID == 0 {
		conf.CycleID = 1
	}
	if conf.StampSource == "" {
		conf.StampSource = "kernel"
	}
	out := &Writer{w: w, conf: conf, buf: make([]byte, 0, bufferLen+bufferLen/8)}
	out.traceHead = appendTraceHead(nil, &conf)
	out.extHead = appendExtHead(nil, &conf)
	out.replyHead = appendReplyHead(nil, &conf)
	return out
}

// Wants reports whether the writer writes any of r, so that a caller need not
// prepare what it would drop.
func (w *Writer) Wants(r Records) bool { return w.conf.Records&r != 0 }

// Trace writes the trace record and the trace-ext record of t, which is closed,
// unless the writer was told to write replies only. It keeps nothing of t.
func (w *Writer) Trace(t *record.Trace) error {
	if w.err != nil || !w.Wants(Traces) {
		return w.err
	}
	w.buf = appendTrace(append(w.buf, w.traceHead...), t)
	w.buf = append(w.buf, '\n')
	w.buf = appendExt(append(w.buf, w.extHead...), t)
	return w.endLine()
}

// TraceAlone writes the trace record of t, which is closed, and nothing else. It
// keeps nothing of t.
func (w *Writer) TraceAlone(t *record.Trace) error {
	if w.err != nil {
		return w.err
	}
	w.buf = appendTrace(append(w.buf, w.traceHead...), t)
	return w.endLine()
}

// Reply writes the reply record of hop, which answers a probe of head, unless
// the writer was told to write traces only. It keeps nothing of hop. Every
// authenticated reply has a record: duplicates, late ones and those that show
// no hop too.
func (w *Writer) Reply(head *record.Head, hop *record.Hop) error {
	if w.err != nil || !w.Wants(Replies) {
		return w.err
	}
	w.buf = appendReply(append(w.buf, w.replyHead...), head, hop)
	return w.endLine()
}

// CycleStart writes the cycle-start record, which comes first in a file.
func (w *Writer) CycleStart(start time.Time) error {
	return w.cold(&Cycle{
		Type: TypeCycleStart, ListName: w.conf.ListName, ID: w.conf.CycleID,
		Hostname: w.conf.Hostname, StartTime: start.Unix(),
	})
}

// CycleStop writes the cycle-stop record, which comes last.
func (w *Writer) CycleStop(stop time.Time) error {
	return w.cold(&Cycle{
		Type: TypeCycleStop, ListName: w.conf.ListName, ID: w.conf.CycleID,
		Hostname: w.conf.Hostname, StopTime: stop.Unix(),
	})
}

// Run writes the run record; Type, Schema and Run are filled in.
func (w *Writer) Run(r *Run) error {
	full := *r
	full.Type, full.Schema, full.Run = TypeRun, Schema, w.conf.Run
	return w.cold(&full)
}

// Resume writes the resume record; Type and Run are filled in.
func (w *Writer) Resume(r *Resume) error {
	full := *r
	full.Type, full.Run = typeResume, w.conf.Run
	return w.cold(&full)
}

// Summary writes the summary record; Type and Run are filled in.
func (w *Writer) Summary(s *Summary) error {
	full := *s
	full.Type, full.Run = TypeSummary, w.conf.Run
	return w.cold(&full)
}

// Raw writes a whole line as it is.
func (w *Writer) Raw(line []byte) error {
	if w.err != nil {
		return w.err
	}
	w.buf = append(w.buf, line...)
	return w.endLine()
}

// cold writes a record that is not worth appending by hand.
func (w *Writer) cold(record any) error {
	if w.err != nil {
		return w.err
	}
	line, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("encode record: %w", err)
	}
	w.buf = append(w.buf, line...)
	return w.endLine()
}

// endLine ends a record, and writes when enough have come together.
func (w *Writer) endLine() error {
	w.buf = append(w.buf, '\n')
	if len(w.buf) >= bufferLen {
		w.write()
	}
	return w.err
}

func (w *Writer) write() {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.w.Write(w.buf)
	}
	w.buf = w.buf[:0]
}

// HandOver gives w what has been gathered, for whoever reads along; what a
// compressor holds back it still does.
func (w *Writer) HandOver() error {
	w.write()
	return w.err
}

// Flush writes what has been gathered, through to the file.
func (w *Writer) Flush() error {
	w.write()
	if f, ok := w.w.(interface{ Flush() error }); ok && w.err == nil {
		w.err = f.Flush()
	}
	return w.err
}
