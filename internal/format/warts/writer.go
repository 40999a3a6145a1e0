package warts

import (
	"cmp"
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/tracelb"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// bufferLen is how many octets a Writer gathers before it writes. An object is never cut by that.
const bufferLen = 256 << 10

// Writer writes traces, all paths to a target, and the cycles that they are of, and ignores other records. It hands over
// whole objects only, many at a time. It is used by one goroutine at a time.
type Writer struct {
	out   format.Output
	buf   []byte // whole objects
	err   error
	table addresses

	// The numbers of the last list and the last cycle in the file, and of those that traces refer
	// to.
	lists, cycles, list, cycle uint32

	listName, vantage string // of the last list
}

// NewWriter returns a Writer to out. If out.Out has a method Flush() error, Flush calls it.
func NewWriter(out format.Output) format.Writer {
	out.Kinds = cmp.Or(out.Kinds, record.Both)
	return &Writer{
		out: out, buf: make([]byte, 0, bufferLen+bufferLen/8),
		table: addresses{numbers: map[probe.Addr]uint32{}},
	}
}

// Write implements format.Writer. A trace costs no allocation.
func (w *Writer) Write(r record.Record) error {
	if w.err != nil {
		return w.err
	}
	switch r := r.(type) {
	case *record.Trace:
		if w.out.Kinds.Has(record.Traces) {
			w.trace(r)
		}
	case *record.Multipath:
		if w.out.Kinds.Has(record.Traces) {
			w.multipath(r)
		}
	case *record.CycleStart:
		w.start(typeCycleStart, &r.Cycle)
	case *record.CycleStop:
		w.stop(&r.Cycle)
	case *record.Resume:
		// The file continues that of another process, which wrote one list and one cycle.
		if w.cycles == 0 {
			w.lists, w.cycles, w.list, w.cycle = 1, 1, 1, 1
		}
	}
	return w.err
}

// start begins a cycle, and a list if the last one has another name.
func (w *Writer) start(typ uint16, c *record.Cycle) {
	cycle := *c
	cycle.ListName = cmp.Or(c.ListName, "default")
	cycle.ID = cmp.Or(c.ID, 1)
	cycle.Hostname = cmp.Or(c.Hostname, w.out.Hostname)
	if w.list == 0 || w.listName != cycle.ListName || w.vantage != cycle.Hostname {
		w.lists++
		w.list, w.listName, w.vantage = w.lists, cycle.ListName, cycle.Hostname
		at := w.begin(typeList)
		w.buf = appendList(w.buf, w.list, w.listName, w.vantage)
		w.end(at)
	}
	w.cycles++
	w.cycle = w.cycles
	at := w.begin(typ)
	w.buf = appendCycle(w.buf, w.cycle, w.list, &cycle)
	w.end(at)
}

// stop ends the cycle, if there is one.
func (w *Writer) stop(c *record.Cycle) {
	if w.cycle == 0 {
		return
	}
	at := w.begin(typeCycleStop)
	w.buf = appendCycleStop(w.buf, w.cycle, c)
	w.end(at)
	w.cycle = 0
}

// multipath writes all paths to a target.
func (w *Writer) multipath(m *record.Multipath) {
	w.define(m.Start)
	at := w.begin(typeTracelb)
	w.buf = appendTracelb(w.buf, &w.table, tracelb.Of(m), w.list, w.cycle)
	w.end(at)
}

// define writes the definition of a cycle if it began in another file, for the name of the vantage
// point.
func (w *Writer) define(start int64) {
	if w.cycles == 0 && w.out.Hostname != "" {
		w.start(typeCycleDef, &record.Cycle{Time: start / 1e9})
	}
}

// trace writes a trace.
func (w *Writer) trace(t *record.Trace) {
	w.define(t.Start)
	at := w.begin(typeTrace)
	w.buf = appendTrace(w.buf, &w.table, t, w.list, w.cycle)
	w.end(at)
}

// begin appends the header of an object, with room for its length, and returns the start of its
// content.
func (w *Writer) begin(typ uint16) int {
	w.buf = binary.BigEndian.AppendUint16(w.buf, magic)
	w.buf = binary.BigEndian.AppendUint16(w.buf, typ)
	w.buf = append(w.buf, 0, 0, 0, 0)
	return len(w.buf)
}

// end ends the object whose content begins at start, and writes if enough have come together.
func (w *Writer) end(start int) {
	binary.BigEndian.PutUint32(w.buf[start-4:], uint32(len(w.buf)-start))
	if len(w.buf) >= bufferLen {
		w.write()
	}
}

func (w *Writer) write() {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.out.Out.Write(w.buf)
	}
	w.buf = w.buf[:0]
}

// HandOver writes all gathered objects, for a reader that follows along.
func (w *Writer) HandOver() error {
	w.write()
	return w.err
}

// Flush implements format.Writer.
func (w *Writer) Flush() error {
	w.write()
	if f, ok := w.out.Out.(interface{ Flush() error }); ok && w.err == nil {
		w.err = f.Flush()
	}
	return w.err
}
