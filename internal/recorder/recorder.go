// Package recorder makes records of the windows that are over: the last stage of a scan,
// and of the replay of one.
package recorder

import (
	"context"
	"errors"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/internal/window"
)

// Recorder writes the records of windows that are over, and adds up their accounts. It
// belongs to one goroutine.
type Recorder struct {
	Assembler *trace.Assembler
	Writer    format.Writer
	Kinds     record.Kinds

	// Sum is the account of the windows below number Done, from the first on.
	Sum  account.Account
	Done uint64 // number of the first window that is not recorded and counted
	// Halted counts the traces that lack a probe because the run was stopped.
	Halted uint64
	Err    error // the first error of the writer; after it windows are only counted

	// Recorded, unless it is nil, is called with Sum after each window.
	Recorded func(sum *account.Account)
	// Failed, unless it is nil, is called at the first error of the writer.
	Failed func()
	// Keep, unless it is nil, is called after each window whose records are flushed. A
	// window that was given up is then left to another process, and so are those after it.
	Keep func() error
	// Left reports that windows were left, with as many Abandoned probes.
	Left      bool
	Abandoned uint64
}

// errStopped ends the walk through a window when the run is given up.
var errStopped = errors.New("run given up")

// Run records windows until those below number total are over, where total is known once
// opened gives it, and reports whether it did. When ctx ends it returns at once, between
// two records. The windows go cleared into free, which has room for all that there are.
func (r *Recorder) Run(ctx context.Context, retired <-chan *window.Window, free chan<- *window.Window, opened <-chan uint64) (whole bool) {
	total, over := ^uint64(0), r.Done
	for over < total {
		select {
		case total = <-opened:
		case w := <-retired:
			r.Window(ctx, w)
			w.Reset()
			free <- w // has room for every window there is
			over++
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// Window writes the records of w, and counts it.
func (r *Recorder) Window(ctx context.Context, w *window.Window) {
	if r.Keep != nil && (r.Left || r.Err != nil || w.Halted()) {
		r.Left = true
		r.Abandoned += w.CountSent()
		return
	}
	if r.Kinds&record.Replies != 0 {
		if r.Assembler.Replies(w, func(reply *record.Reply) error { return r.write(ctx, reply) }) != nil {
			return
		}
	}
	r.Assembler.Account = account.Account{}
	if r.Assembler.Records(w, func(rec record.Record) error {
		if t, ok := rec.(*record.Trace); ok && t.Halted {
			r.Halted++
		}
		if r.Kinds&record.Traces == 0 {
			return r.check(ctx, nil)
		}
		return r.write(ctx, rec)
	}) != nil {
		return
	}
	if r.check(ctx, r.Writer.Flush()) != nil {
		return
	}
	r.Sum.Add(&r.Assembler.Account)
	r.Sum.Hear(&w.Heard)
	r.Done++
	if r.Recorded != nil {
		r.Recorded(&r.Sum)
	}
	if r.Keep != nil && r.Err == nil {
		_ = r.check(ctx, r.Keep())
	}
}

// write writes a record, unless one could not be written before.
func (r *Recorder) write(ctx context.Context, rec record.Record) error {
	if r.Err != nil {
		return r.check(ctx, nil)
	}
	return r.check(ctx, r.Writer.Write(rec))
}

// check keeps the first error of the writer. It returns errStopped if ctx has ended.
func (r *Recorder) check(ctx context.Context, err error) error {
	if err != nil && r.Err == nil {
		r.Err = err
		if r.Failed != nil {
			r.Failed()
		}
	}
	if ctx.Err() != nil {
		return errStopped
	}
	return nil
}
