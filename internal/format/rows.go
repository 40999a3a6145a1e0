package format

import "github.com/masstrace/masstrace/internal/record"

// Rows returns a Writer of results to a Writer of replies. Of results that have reply records, w
// gets these. Of others it gets a reply for each hop of each trace.
//
// The first data record of each run decides. Our runs write the replies of a window before its
// traces. If a file of its own has the replies, the run record names that file.
func Rows(w Writer) Writer { return &rows{Writer: w} }

type rows struct {
	Writer
	source rowSource
	row    record.Reply
}

// rowSource is the origin of the rows of a run.
type rowSource int

const (
	undecided rowSource = iota
	fromReplies
	fromHops
)

// Write implements Writer.
func (w *rows) Write(r record.Record) error {
	switch r := r.(type) {
	case *record.Trace:
		return w.trace(r)
	case *record.Reply:
		if w.source == fromHops {
			return nil // its hop was written
		}
		w.source = fromReplies
	case *record.CycleStart:
		w.source = undecided
	case *record.Run:
		w.source = undecided
		if r.Files != nil && r.Files.Replies != "" {
			w.source = fromReplies
		}
	}
	return w.Writer.Write(r)
}

func (w *rows) trace(t *record.Trace) error {
	if w.source == fromReplies || len(t.Hops) == 0 {
		return nil
	}
	w.source = fromHops
	for i := range t.Hops {
		w.row.Head, w.row.Hop = t.Head, t.Hops[i]
		if err := w.Writer.Write(&w.row); err != nil {
			return err
		}
	}
	return nil
}

// End implements Ender.
func (w *rows) End() error {
	if e, ok := w.Writer.(Ender); ok {
		return e.End()
	}
	return nil
}
