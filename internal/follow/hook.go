package follow

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/record"
)

// hook gives each change to a command or a URL, one at a time. Faults are counted, and the first one
// is reported: the measurement goes on. A nil hook does nothing.
type hook struct {
	to    string
	queue chan []byte
	limit time.Duration
	warn  func(string)

	done, failed, dropped, cut atomic.Uint64
	told                       atomic.Bool
}

// Limits of a hook.
const (
	hookQueue = 256              // changes that wait; more are dropped
	hookLimit = 10 * time.Second // for one change
)

// newHook returns a hook, nil if there is nothing to call.
func newHook(to string, warn func(string)) *hook {
	if to == "" {
		return nil
	}
	return &hook{to: to, queue: make(chan []byte, hookQueue), limit: hookLimit, warn: warn}
}

// put queues a change, or drops it if too many wait.
func (h *hook) put(line *ndjson.ChangeLine) {
	if h == nil {
		return
	}
	b, err := json.Marshal(line)
	if err != nil {
		h.fail(err)
		return
	}
	select {
	case h.queue <- append(b, '\n'):
	default:
		h.dropped.Add(1)
	}
}

// run calls the command or the URL until ctx ends. killed ends the call that goes on, too.
func (h *hook) run(ctx, killed context.Context) {
	if h == nil {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case b := <-h.queue:
			h.hand(killed, b)
		}
	}
}

// drain hands over the changes that wait at the end, until ctx ends or the limit of one call has passed
// for all of them.
func (h *hook) drain(ctx context.Context) {
	if h == nil || len(h.queue) == 0 {
		return
	}
	h.warn(fmt.Sprintf("the changes that wait (%d) are handed over, for %v at most; a further signal ends that", len(h.queue), h.limit))
	ctx, stop := context.WithTimeout(ctx, h.limit)
	defer stop()
	for len(h.queue) > 0 && ctx.Err() == nil {
		h.hand(ctx, <-h.queue)
	}
}

// hand hands a change over, and counts it.
func (h *hook) hand(ctx context.Context, b []byte) {
	switch err := h.call(ctx, b); {
	case err == nil:
		h.done.Add(1)
	case ctx.Err() == nil:
		h.fail(err)
	default: // the end of the run ended it
		h.cut.Add(1)
	}
}

func (h *hook) call(ctx context.Context, b []byte) error {
	ctx, stop := context.WithTimeout(ctx, h.limit)
	defer stop()
	if isURL(h.to) {
		return post(ctx, h.to, b)
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", h.to)
	cmd.Stdin = bytes.NewReader(b)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the limit ends its children, too
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return fmt.Errorf("took longer than %v", h.limit)
	}
	return err
}

// fail counts a fault, and reports the first one.
func (h *hook) fail(err error) {
	h.failed.Add(1)
	if h.told.CompareAndSwap(false, true) {
		h.warn(fmt.Sprintf("warning: a change could not be handed over: %v; the measurement goes on, later faults are counted", err))
	}
}

// report reports the faults at the end.
func (h *hook) report() {
	n := h.counts()
	if n == nil || n.Failed+n.Dropped+n.Left == 0 {
		return
	}
	h.warn(fmt.Sprintf("warning: %d changes could not be handed over, %d were dropped because too many waited, %d were left at the end",
		n.Failed, n.Dropped, n.Left))
}

// counts returns the fates of the changes, nil for a nil hook.
func (h *hook) counts() *record.FollowedCalls {
	if h == nil {
		return nil
	}
	return &record.FollowedCalls{
		Done: h.done.Load(), Failed: h.failed.Load(), Dropped: h.dropped.Load(), Left: uint64(len(h.queue)) + h.cut.Load(),
	}
}
