package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/watch/screen"
)

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
