package commands

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/watch/board"
	"github.com/masstrace/masstrace/internal/watch/table"
)

// onPaper prints the watch.
func (w *watching) onPaper(ctx, interrupted context.Context) error {
	if !w.cmd.Plain {
		return w.run(ctx, interrupted)
	}
	columns, err := w.cmd.columns(false)
	if err != nil {
		return err
	}
	printing, stop := context.WithCancel(ctx)
	var runs sync.WaitGroup
	var printed error
	runs.Go(func() {
		ticker := time.NewTicker(time.Duration(w.cmd.Every))
		defer ticker.Stop()
		for printed == nil {
			select {
			case <-ticker.C:
				printed = w.print(columns)
			case <-printing.Done():
				return
			}
		}
	})
	quit, end := context.WithCancel(interrupted)
	defer end()
	err = w.run(ctx, quit)
	stop()
	runs.Wait()
	return errors.Join(err, printed, w.print(columns))
}

// print prints a table of each target.
func (w *watching) print(columns []table.Column) (err error) {
	w.source.View(func(b *board.Board) {
		for _, t := range b.Targets {
			err = errors.Join(err, table.Plain(plaintext.NewWriter(w.s.Stdout), t, columns, &w.look, time.Now(), b.Cycles))
		}
	})
	return err
}

// report prints the report at the end.
func (w *watching) report(reason string) (err error) {
	w.awaitNames()
	if w.cmd.JSON {
		w.source.View(func(b *board.Board) {
			err = table.WriteObject(w.s.Stdout, b, table.Object{
				Start: w.began.UTC().Format(time.RFC3339Nano), Reason: reason, Method: w.head.Method, Interval: float64(w.head.Interval) / 1e6,
			}, &w.look)
		})
		return err
	}
	columns, err := w.cmd.columns(false)
	if err != nil {
		return err
	}
	w.source.View(func(b *board.Board) {
		for i, t := range b.Targets {
			if i > 0 {
				fmt.Fprintln(plaintext.NewWriter(w.s.Stdout))
			}
			err = errors.Join(err, table.Report(plaintext.NewWriter(w.s.Stdout), t, columns, &w.look, w.began))
		}
	})
	return err
}

// awaitNames looks up the names of all hops, and waits for them: a second at most.
func (w *watching) awaitNames() {
	if w.look.Name == nil {
		return
	}
	w.source.View(func(b *board.Board) {
		for _, t := range b.Targets {
			for _, r := range table.Rows(t) {
				if a := r.Hop.Addr(); a.IsValid() {
					w.look.Name(a)
				}
			}
		}
	})
	w.names()
}
