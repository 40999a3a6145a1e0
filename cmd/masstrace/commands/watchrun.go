package commands

import (
	"context"
	"errors"
	"time"

	"github.com/masstrace/masstrace/internal/annotate"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/watch/board"
	"github.com/masstrace/masstrace/internal/watch/journal"
	"github.com/masstrace/masstrace/internal/watch/screen"
	"github.com/masstrace/masstrace/internal/watch/table"
)

// watching is a watch, live or from a file.
type watching struct {
	cmd   *WatchCmd
	s     streams
	known *annotate.Annotator
	look  table.Look
	names func() // waits for names

	source screen.Source
	run    func(ctx, interrupted context.Context) error
	head   journal.Head
	sinks  []*journal.Writer
	began  time.Time
}

// Sample implements watch.Sink.
func (w *watching) Sample(s *board.Sample) (err error) {
	for _, j := range w.sinks {
		err = errors.Join(err, j.Sample(s))
	}
	return err
}

// Change implements watch.Sink.
func (w *watching) Change(c *board.Change) (err error) {
	for _, j := range w.sinks {
		err = errors.Join(err, j.Change(c))
	}
	return err
}

// Run only translates flags; the work is package watch's.
func (c *WatchCmd) Run(ctx context.Context, signals *signals, s streams) (err error) {
	if err := c.mayBegin(); err != nil {
		return err
	}
	known, err := c.annotator(ctx)
	if err != nil {
		return err
	}
	naming, stopNaming := context.WithCancel(ctx)
	defer stopNaming()
	w := &watching{cmd: c, s: s, known: known, began: time.Now()}
	onScreen := !c.Report && !c.JSON && !c.Stream && !c.Plain && hasCursor(s.Stdout)
	if !onScreen && !c.Stream && !c.Plain && c.Count == 0 {
		c.Count = reportCycles
	}
	held := &heldEvents{Observer: newConsole(s, true), holds: onScreen}
	defer held.release()
	closeAll, err := w.open(ctx, held)
	defer func() { err = errors.Join(err, closeAll()) }()
	if err != nil {
		return err
	}
	server, err := w.serve(onScreen)
	if err != nil {
		return err
	}
	defer server.Close()
	w.look, w.names = c.look(naming, known, w.head.Flows)
	signals.began()
	if onScreen {
		err = w.onScreen(ctx, signals.Interrupted)
	} else {
		err = w.onPaper(ctx, signals.Interrupted)
	}
	return w.conclude(err, signals, onScreen)
}

// conclude ends the journals, prints the report, and returns the error of the command.
func (w *watching) conclude(err error, signals *signals, onScreen bool) error {
	reason := endReason(err)
	cycles, reached := uint32(0), true
	w.source.View(func(b *board.Board) {
		cycles = b.Cycles
		for _, t := range b.Targets {
			for _, p := range t.Flows {
				reached = reached && board.EndingOf(p).Reason == board.Reached
			}
		}
	})
	for _, j := range w.sinks {
		if !errors.Is(err, run.ErrOutput) {
			err = errors.Join(err, j.Close(reason, cycles))
		}
	}
	if !onScreen && !w.cmd.Stream && !w.cmd.Plain && cycles > 0 {
		err = errors.Join(err, w.report(reason))
	}
	status, signalled := signals.ended()
	switch {
	case signalled && (err == nil || errors.Is(err, run.ErrInterrupted) || errors.Is(err, run.ErrKilled)):
		return status
	case isStatus(err):
		return err
	case err != nil:
		return &run.Incomplete{Err: err}
	case !reached && !onScreen:
		return statusUnanswered
	}
	return annotated(nil, w.known)
}

// endReason returns why a watch ended, as journals have it.
func endReason(err error) string {
	switch {
	case err == nil:
		return "count"
	case errors.Is(err, run.ErrInterrupted), errors.Is(err, run.ErrKilled):
		return "signal"
	}
	return "error"
}

// isStatus reports whether an error is an exit status without a message.
func isStatus(err error) bool {
	_, ok := errors.AsType[exitStatus](err)
	return ok
}
