package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/masstrace/masstrace/internal/annotate"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/watch"
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
	onScreen := !c.Report && !c.JSON && !c.Stream && !c.Plain && isTerminal(s.Stdout)
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
	if w.cmd.Report || w.cmd.JSON || w.cmd.Stream || !isTerminal(w.s.Stdout) {
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

// onScreen shows the watch until the user quits. The screen stays when the watch has ended.
func (w *watching) onScreen(ctx, interrupted context.Context) (err error) {
	keys, err := screen.OpenKeys()
	if err != nil {
		return fmt.Errorf("no terminal for keys: %w; use --plain or --report", err)
	}
	defer keys.Close()
	columns, err := w.cmd.columns(true)
	if err != nil {
		return err
	}
	shown, hide := context.WithCancel(ctx)
	defer hide()
	defer context.AfterFunc(interrupted, hide)()
	hanged := hideOn(hide, syscall.SIGHUP, syscall.SIGQUIT)
	defer func() {
		if number := hanged(); number != 0 && err == nil {
			err = exitStatus(128 + number)
		}
	}()
	quit, stop := context.WithCancel(interrupted)
	ended := make(chan struct{})
	var result error
	var runs sync.WaitGroup
	runs.Go(func() {
		result = w.run(ctx, quit)
		if result != nil && quit.Err() == nil && ctx.Err() == nil {
			hide() // the message is for the terminal below
		}
		close(ended)
	})
	err = screen.Run(shown, screen.Config{
		Source: w.source, Look: w.look, Columns: columns, Title: w.title(), Ended: ended,
		EndText: func() string { return "ended" }, In: keys, Out: fileOf(w.s.Stdout), Environ: os.Environ(),
	})
	stop()
	runs.Wait()
	if interrupted.Err() == nil && errors.Is(result, run.ErrInterrupted) {
		result = nil // by the user, who quits
	}
	return errors.Join(err, result)
}

// hideOn calls hide at the first of some signals, until the caller calls stop. stop returns the
// signal, 0 if there was none.
func hideOn(hide func(), list ...os.Signal) (stop func() syscall.Signal) {
	caught, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(caught, list...)
	var first syscall.Signal
	var waits sync.WaitGroup
	waits.Go(func() {
		select {
		case s := <-caught:
			first, _ = s.(syscall.Signal)
			hide()
		case <-done:
		}
	})
	return func() syscall.Signal {
		signal.Stop(caught)
		close(done)
		waits.Wait()
		return first
	}
}

// title describes the probes.
func (w *watching) title() string {
	text := fmt.Sprintf("%s, every %v", w.head.Method, time.Duration(w.head.Interval))
	if w.cmd.Replay != "" {
		return "replay, " + text
	}
	return text
}

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

// heldEvents keeps events while the screen is in use, and reports them after it.
type heldEvents struct {
	observe.Observer
	holds bool
	mu    sync.Mutex
	kept  []observe.Event
}

// Event implements observe.Observer.
func (h *heldEvents) Event(e observe.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.holds {
		h.Observer.Event(e)
		return
	}
	if len(h.kept) < 100 {
		h.kept = append(h.kept, e)
	}
}

// release reports the events that were kept.
func (h *heldEvents) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.holds = false
	for _, e := range h.kept {
		h.Observer.Event(e)
	}
}

// isStatus reports whether an error is an exit status without a message.
func isStatus(err error) bool {
	_, ok := errors.AsType[exitStatus](err)
	return ok
}
