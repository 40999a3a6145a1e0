package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/watch"
	"github.com/masstrace/masstrace/internal/watch/journal"
)

// open opens the watch or the file, and the recordings.
func (w *watching) open(ctx context.Context, o observe.Observer) (closeAll func() error, err error) {
	closers := []func() error{}
	closeAll = func() (err error) {
		for _, c := range closers {
			err = errors.Join(err, c())
		}
		return err
	}
	c := w.cmd
	if c.Replay != "" {
		f, err := os.Open(c.Replay)
		if err != nil {
			return closeAll, err
		}
		closers = append(closers, f.Close)
		plain, _, err := outfile.Decompress(f)
		if err != nil {
			return closeAll, fmt.Errorf("%s: %w", c.Replay, err)
		}
		closers = append([]func() error{plain.Close}, closers...)
		return closeAll, w.openReplay(plain)
	}
	cfg := c.config()
	cfg.Observer, cfg.Sink = o, w
	if cfg.Targets, err = c.targets(ctx); err != nil {
		return closeAll, err
	}
	w.head = journal.Head{
		Tool: tool(), Start: w.began.UTC().Format(time.RFC3339Nano), Method: cfg.Method.String(), Flows: cfg.Flows,
		FirstTTL: cfg.FirstTTL, MaxTTL: cfg.MaxTTL, Interval: int64(cfg.Interval), Wait: int64(min(cfg.Wait, watch.MostWait(cfg.Interval))),
	}
	for _, t := range cfg.Targets {
		w.head.Targets = append(w.head.Targets, journal.Target{Name: t.Name, Addr: t.Addr})
	}
	if c.Record != "" {
		f, err := outfile.Open(c.Record, w.s.Stdout, outfile.ExistingIf(c.Overwrite))
		if err != nil {
			return closeAll, err
		}
		closers = append(closers, f.Close)
		if err := w.addSink(f); err != nil {
			return closeAll, run.OutputFailed(err)
		}
	}
	live, err := watch.Open(ctx, cfg)
	if err != nil {
		return closeAll, err
	}
	closers = append(closers, func() error { live.Close(); return nil })
	w.source, w.run = live, live.Run
	if c.Stream {
		return closeAll, w.addSink(w.s.Stdout)
	}
	return closeAll, nil
}

// openReplay opens a recorded watch. A report does not wait.
func (w *watching) openReplay(f io.Reader) error {
	r, err := journal.NewReader(f, w.cmd.Replay)
	if err != nil {
		return err
	}
	w.head = r.Head
	if began, err := time.Parse(time.RFC3339Nano, r.Head.Start); err == nil {
		w.began = began
	}
	rate := float64(w.cmd.Speed)
	if w.cmd.Report || w.cmd.JSON || w.cmd.Stream || !hasCursor(w.s.Stdout) {
		rate = 0
	}
	if w.cmd.Stream {
		if err := w.addSink(w.s.Stdout); err != nil {
			return err
		}
	}
	player := journal.NewPlayer(r, rate, w)
	w.source = player
	w.run = func(ctx, interrupted context.Context) error {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		defer context.AfterFunc(interrupted, stop)()
		return player.Run(ctx)
	}
	return nil
}

// addSink adds a journal of the samples.
func (w *watching) addSink(out io.Writer) error {
	j, err := journal.NewWriter(out, w.head)
	if err == nil {
		w.sinks = append(w.sinks, j)
	}
	return err
}
