package engine

import (
	"context"
	"errors"

	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/internal/window"
)

// recorder writes the records of windows that are over and clears them.
type recorder struct {
	assembler *trace.Assembler
	writer    *ndjson.Writer
	reply     record.Reply // the one that is written
	retired   <-chan *window.Window
	free      chan<- *window.Window
	failed    func(error) // told of the first error of the writer
	err       error
	halted    uint64 // traces that lack a probe because the run was stopped

	done uint64 // number of the first window that is not recorded and counted
	// keep, unless it is nil, is called behind each window whose records are
	// flushed, or would be if err were nil. A window that was given up is then
	// left to another process, and so are those behind it.
	keep      func(*window.Window) error
	left      bool
	abandoned uint64 // probes of windows that are left
	heard     *heard // what was received for the windows that are done
}

// errStopped ends the walk through a window when the run is given up.
var errStopped = errors.New("run given up")

// run records windows until those below number total are over, where total is
// known once opened gives it. When ctx ends it returns at once, between two
// records.
func (r *recorder) run(ctx context.Context, opened <-chan uint64) {
	total, over := ^uint64(0), r.done
	for over < total {
		select {
		case total = <-opened:
		case w := <-r.retired:
			r.window(ctx, w)
			w.Reset()
			r.free <- w // has room for every window there is
			over++
		case <-ctx.Done():
			return
		}
	}
}

// window writes the records of w. After an error it only counts.
func (r *recorder) window(ctx context.Context, w *window.Window) {
	if r.keep != nil && (r.left || r.err != nil || w.Halted()) {
		r.left = true
		r.abandoned += w.CountSent()
		return
	}
	write := func(err error) error {
		if err != nil && r.err == nil {
			r.err = err
			r.failed(err)
		}
		if ctx.Err() != nil {
			return errStopped
		}
		return nil
	}
	if r.writer.Wants(record.Replies) {
		if r.assembler.Replies(w, func(head *record.Head, hop *record.Hop) error {
			r.reply.Head, r.reply.Hop = *head, *hop
			return write(r.writer.Write(&r.reply))
		}) != nil {
			return
		}
	}
	if r.assembler.Traces(w, func(t *record.Trace) error {
		if t.Halted {
			r.halted++
		}
		return write(r.writer.Write(t))
	}) != nil {
		return
	}
	if write(r.writer.Flush()) != nil {
		return
	}
	r.done++
	if r.keep != nil {
		_ = write(r.keep(w))
	}
}
