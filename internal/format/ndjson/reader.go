package ndjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Format is NDJSON as masstrace writes it: one of the first lines is of a type that
// scamper does not have.
var Format = format.Format{
	Name:      "ndjson",
	Endings:   []string{".ndjson", ".jsonl", ".json"},
	Begins:    begins,
	NewReader: func(in io.Reader) format.Reader { return NewReader(in) },
	NewWriter: func(o format.Output) format.Writer {
		return NewWriter(o.Out, Config{Kinds: o.Kinds, Run: o.Run, Hostname: o.Hostname})
	},
}

func begins(head []byte) bool {
	for line := range bytes.Lines(head) {
		switch typ, _ := typeOf(bytes.TrimSpace(line)); typ {
		case TypeRun, TypeResume, TypeSummary, TypeTraceExt, TypeMultipath, TypeReply, TypeChange, TypeFollowed:
			return true
		}
	}
	return false
}

// Reader reads the records of an NDJSON file, by masstrace or by scamper's
// sc_warts2json. It is used by one goroutine at a time.
type Reader struct {
	lines Source
	next  ahead
	// tcp is the method of TCP probes in reply records, which have its protocol alone.
	tcp  probe.Method
	scan scan
	end  error // the error of every later Read, nil until there is one
}

// Source gives lines to a Reader. *format.Lines is the source of one file.
type Source interface {
	// Next, Fault and Cut are those of format.Lines.
	Next() (line []byte, whole bool, err error)
	Fault(error) error
	Cut() error
}

// ahead is a line that was read and not used yet, if there is one.
type ahead struct {
	there bool
	line  []byte
	whole bool
	err   error
}

// NewReader returns a Reader of in, which is not compressed.
func NewReader(in io.Reader) *Reader { return ReadFrom(format.NewLines(in)) }

// ReadFrom returns a Reader of the lines of a source.
func ReadFrom(s Source) *Reader { return &Reader{lines: s, tcp: probe.TCPSYN} }

// peek returns the next line without using it up.
func (r *Reader) peek() *ahead {
	if n := &r.next; !n.there {
		n.there = true
		n.line, n.whole, n.err = r.lines.Next()
		if n.err == nil {
			if err := CheckCrowd(n.line); err != nil {
				n.err = r.lines.Fault(err)
			}
		}
	}
	return &r.next
}

// Read implements format.Reader. A trace and the trace-ext record after it are one
// record; a trace without one is Bare. Records of other types are passed over.
func (r *Reader) Read() (record.Record, error) {
	for r.end == nil {
		n := r.peek()
		n.there = false
		if n.err != nil {
			return nil, n.err
		}
		rec, err := r.read(n.line)
		switch {
		case isNewer(err):
			r.end = err
		case err != nil && !n.whole:
			return nil, r.lines.Cut()
		case err != nil:
			return nil, r.lines.Fault(err)
		case rec != nil:
			return rec, nil
		}
	}
	return nil, r.end
}

func isNewer(err error) bool {
	_, ok := errors.AsType[*SchemaError](err)
	return ok
}

// read returns the record that begins with line, nil if its type is not known.
func (r *Reader) read(line []byte) (record.Record, error) {
	typ, err := typeOf(line)
	if err != nil {
		return nil, err
	}
	switch typ {
	case TypeTrace:
		t := r.scan.traceLine(line)
		if t == nil {
			t = new(TraceLine)
			if err := r.scan.decode(typ, line, t); err != nil {
				return nil, err
			}
		}
		return r.trace(t)
	case TypeTraceExt:
		return nil, errors.New("a trace-ext record without the trace record that belongs to it: is the trace in another file of the run?")
	case TypeMultipath:
		return r.multipath(line)
	case TypeTracelb:
		l := new(tracelbLine)
		if err := decode(typ, line, l); err != nil {
			return nil, err
		}
		m, err := l.multipath()
		if err != nil {
			return nil, fmt.Errorf("%s record: %w", typ, err)
		}
		return m, nil
	case TypeReply:
		l := r.scan.replyLine(line)
		if l == nil {
			l = new(ReplyLine)
			if err := r.scan.decode(typ, line, l); err != nil {
				return nil, err
			}
		}
		reply, err := l.reply(r.tcp)
		if err != nil {
			return nil, fmt.Errorf("%s record: %w", typ, err)
		}
		return reply, nil
	}
	rec, err := decodeOther(typ, line)
	if run, ok := rec.(*record.Run); ok && err == nil {
		r.tcp = probe.TCPSYN
		if run.Protocol == probe.TCPACK.String() {
			r.tcp = probe.TCPACK
		}
	}
	return rec, err
}

// trace returns the trace of l, and of the trace-ext record in the next line if it is
// about the same.
func (r *Reader) trace(l *TraceLine) (record.Record, error) {
	t, err := l.trace()
	if err != nil {
		return nil, fmt.Errorf("%s record: %w", TypeTrace, err)
	}
	n := r.peek()
	if n.err != nil {
		return t, nil // for the next call
	}
	if typ, err := typeOf(n.line); err != nil || typ != TypeTraceExt {
		return t, nil
	}
	ext := r.scan.extLine(n.line)
	if ext == nil {
		ext = new(ExtLine)
		if decode(TypeTraceExt, n.line, ext) != nil {
			return t, nil // the next call returns the error
		}
	}
	if ext.Dst != l.Dst || ext.UserID != l.UserID || ext.fill(t) != nil {
		return t, nil // it does not belong to this trace: the next call returns the error
	}
	n.there = false
	return t, nil
}

// multipath returns the multipath record in line.
func (r *Reader) multipath(line []byte) (record.Record, error) {
	l := r.scan.multipathLine(line)
	if l == nil {
		l = new(MultipathLine)
		if err := r.scan.decode(TypeMultipath, line, l); err != nil {
			return nil, err
		}
	}
	m, err := l.multipath()
	if err != nil {
		return nil, fmt.Errorf("%s record: %w", TypeMultipath, err)
	}
	return m, nil
}

// ReadLine returns the next line, valid until the next call, and the type of the record
// in it, whether known or not. Errors are those of Read.
func (r *Reader) ReadLine() (typ string, line []byte, err error) {
	n := r.peek()
	n.there = false
	switch {
	case n.err != nil:
		return "", nil, n.err
	case !r.scan.Valid(n.line) && !json.Valid(n.line):
		if !n.whole {
			return "", nil, r.lines.Cut()
		}
		err = errors.New("not JSON")
	default:
		typ, err = typeOf(n.line)
	}
	if err != nil {
		return "", nil, r.lines.Fault(err)
	}
	return typ, n.line, nil
}

// decodeOther returns a record that is neither a trace nor a reply, nil if its type is
// not known.
func decodeOther(typ string, line []byte) (record.Record, error) {
	switch typ {
	case TypeRun:
		r := new(record.Run)
		if err := decode(typ, line, r); err != nil {
			return nil, err
		}
		return r, checkSchema(r.Schema)
	case TypeResume:
		r := new(record.Resume)
		return r, decode(typ, line, r)
	case TypeChange:
		var l ChangeLine
		if err := decode(typ, line, &l); err != nil {
			return nil, err
		}
		return l.change()
	case TypeFollowed:
		r := new(record.Followed)
		return r, decode(typ, line, r)
	case TypeSummary:
		r := new(record.Summary)
		return r, decode(typ, line, r)
	case TypeCycleStart, TypeCycleStop:
		var l cycleLine
		if err := decode(typ, line, &l); err != nil {
			return nil, err
		}
		c := record.Cycle{ListName: l.ListName, ID: l.ID, Hostname: l.Hostname}
		if typ == TypeCycleStart {
			c.Time = l.StartTime
			return &record.CycleStart{Cycle: c}, nil
		}
		c.Time = l.StopTime
		return &record.CycleStop{Cycle: c}, nil
	}
	return nil, nil
}
