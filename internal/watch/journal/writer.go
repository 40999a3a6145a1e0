package journal

import (
	"bufio"
	"encoding/json"
	"io"
	"time"

	"github.com/masstrace/masstrace/internal/watch/board"
)

// Writer writes a journal. It is a watch.Sink. Each line is written as a whole, with the first
// sample after flushEvery.
type Writer struct {
	out     *bufio.Writer
	encoder *json.Encoder
	head    Head
	flushed time.Time
}

// flushEvery is how often lines are handed over to the system.
const flushEvery = 200 * time.Millisecond

// change is a line for a board.Change.
type change struct {
	Type   string `json:"type"` // "watch-change"
	Target string `json:"target"`
	Time   int64  `json:"time_ns"`
	Flow   int    `json:"flow"`
	Cycle  uint32 `json:"cycle"`
	Hops   []hop  `json:"hops,omitempty"`
	Before uint8  `json:"length_before,omitempty"`
	After  uint8  `json:"length_after,omitempty"`
}

// hop is another address at a TTL.
type hop struct {
	TTL    uint8  `json:"ttl"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// NewWriter returns a writer that has written the head.
func NewWriter(out io.Writer, head Head) (*Writer, error) {
	head.Type, head.Version = "watch", Version
	w := &Writer{out: bufio.NewWriterSize(out, 1<<16), head: head, flushed: time.Now()}
	w.encoder = json.NewEncoder(w.out)
	w.encoder.SetEscapeHTML(false)
	if err := w.encoder.Encode(head); err != nil {
		return nil, err
	}
	return w, w.out.Flush()
}

// Sample writes a sample.
func (w *Writer) Sample(s *board.Sample) error {
	return w.line(newSample(s, w.head.Targets[s.Target].Addr))
}

// Change writes a change.
func (w *Writer) Change(c *board.Change) error {
	line := change{
		Type: "watch-change", Target: w.head.Targets[c.Target].Addr.String(), Time: c.Time, Flow: c.Flow, Cycle: c.Cycle,
		Before: c.Before, After: c.After,
	}
	for _, h := range c.Hops {
		line.Hops = append(line.Hops, hop{h.TTL, h.Before.String(), h.After.String()})
	}
	if err := w.encoder.Encode(line); err != nil {
		return err
	}
	return w.out.Flush()
}

// line writes a line. Only whole lines go to the system.
func (w *Writer) line(value any) error {
	if w.out.Available() < mostLine {
		if err := w.out.Flush(); err != nil {
			return err
		}
	}
	if err := w.encoder.Encode(value); err != nil {
		return err
	}
	now := time.Now()
	if now.Sub(w.flushed) < flushEvery {
		return nil
	}
	w.flushed = now
	return w.out.Flush()
}

// mostLine is the length of the longest sample, in bytes.
const mostLine = 4096

// Close writes the end. It closes no file.
func (w *Writer) Close(reason string, cycles uint32) error {
	if err := w.encoder.Encode(End{Type: "watch-end", Reason: reason, Cycles: cycles}); err != nil {
		return err
	}
	return w.out.Flush()
}
