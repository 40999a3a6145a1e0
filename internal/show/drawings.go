package show

import (
	"io"

	"github.com/masstrace/masstrace/internal/draw"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Drawings is a format.Writer that draws multipath records, and hands other records to a writer
// of traces. The traces of a drawn target are not shown: they are examples of its paths. Their
// round-trip times are in the drawing if they come before the multipath record.
type Drawings struct {
	traces format.Writer
	out    io.Writer
	opt    draw.Options
	draw   func(io.Writer, *record.Multipath, draw.Options) error

	many  bool // the run has multipath records
	more  bool // something was written; the writer of traces puts blank lines between them itself
	held  []*record.Trace
	drawn probe.Addr // target of the last drawing
}

// NewDrawings returns Drawings to out.
func NewDrawings(traces format.Writer, out io.Writer, o draw.Options) *Drawings {
	return &Drawings{traces: traces, out: out, opt: o, draw: draw.Text}
}

// NewGraphs returns Drawings in the language of Graphviz, without the traces that have none.
func NewGraphs(out io.Writer) *Drawings { return &Drawings{out: out, draw: draw.Dot} }

// Empty reports whether nothing was written.
func (w *Drawings) Empty() bool { return !w.more }

// Write implements format.Writer.
func (w *Drawings) Write(r record.Record) error {
	switch r := r.(type) {
	case *record.Run:
		w.many = r.Strategy.Strategy == "multipath"
		return w.release()
	case *record.Trace:
		return w.trace(r)
	case *record.Multipath:
		return w.multipath(r)
	}
	return nil
}

// Flush implements format.Writer.
func (w *Drawings) Flush() error { return w.release() }

// mostHeld is how many traces to a target wait for its multipath record.
const mostHeld = 1 << 12

func (w *Drawings) trace(t *record.Trace) error {
	if w.traces == nil && !w.many || w.drawn == t.Target {
		return nil
	}
	if !w.many {
		return w.show(t)
	}
	if len(w.held) > 0 && (w.held[0].Target != t.Target || len(w.held) == mostHeld) {
		if err := w.release(); err != nil {
			return err
		}
	}
	w.held = append(w.held, t)
	return nil
}

// release shows the traces that wait.
func (w *Drawings) release() error {
	for _, t := range w.held {
		if err := w.show(t); err != nil {
			return err
		}
	}
	w.held = w.held[:0]
	return nil
}

func (w *Drawings) show(t *record.Trace) error {
	if w.traces == nil {
		return nil
	}
	w.more = true
	return w.traces.Write(t)
}

func (w *Drawings) multipath(m *record.Multipath) error {
	if len(w.held) > 0 && w.held[0].Target != m.Target {
		if err := w.release(); err != nil {
			return err
		}
	}
	if w.more {
		if _, err := io.WriteString(w.out, "\n"); err != nil {
			return err
		}
	}
	w.more = true
	o := w.opt
	o.RTT = times(w.held)
	w.held, w.drawn = w.held[:0], m.Target
	return w.draw(w.out, m, o)
}

// times returns the shortest round-trip times in traces, nil if there are none.
func times(traces []*record.Trace) func(uint8, probe.Addr) (int64, bool) {
	type place struct {
		ttl  uint8
		addr probe.Addr
	}
	all := map[place]int64{}
	for _, t := range traces {
		for i := range t.Hops {
			h := &t.Hops[i]
			at := place{h.TTL, h.Responder}
			if rtt, known := all[at]; h.HasRTT() && (!known || h.RTT < rtt) {
				all[at] = h.RTT
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return func(ttl uint8, addr probe.Addr) (int64, bool) {
		ns, ok := all[place{ttl, addr}]
		return ns, ok
	}
}
