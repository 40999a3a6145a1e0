// Package run supervises a run: it starts every goroutine of a program and decides when
// each must end. Scans, lists of probes, traceroutes and replays run on it.
//
// A run has three endings:
//
//	stopped   no more probes are sent, everything under way is waited for and written
//	failed    a stage returned an error: every stage ends at once
//	killed    the caller's context ended: likewise, without an error of a stage
//
// Stages block in a function that ends by its context. Stages that make more work use
// Sending. Stages that work until everything is written use Lasting. Stages that end by
// themselves after the work use Failed.
package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/masstrace/masstrace/internal/record"
)

// ErrKilled is the error of a run whose context ended before it was over.
var ErrKilled = errors.New("killed")

// Reasons to stop sending before everything is sent.
var (
	ErrInterrupted = errors.New("interrupted")
	ErrMaxRuntime  = errors.New("the maximum run time is over")
	ErrOutput      = errors.New("output failed")
)

// grace is how long the stages of a failed or killed run may take to end. A killed program is to end
// within a second.
const grace = 650 * time.Millisecond

// Run is a run under supervision. Its methods may be called from any goroutine.
type Run struct {
	parent  context.Context
	group   *errgroup.Group
	failed  context.Context
	sending context.Context
	halt    context.CancelCauseFunc
	lasting context.Context
	finish  context.CancelFunc

	mu      sync.Mutex
	running []string // names of stages that have not ended
}

// New returns a run that is killed when ctx ends.
func New(ctx context.Context) *Run {
	r := &Run{parent: ctx}
	r.group, r.failed = errgroup.WithContext(ctx)
	r.sending, r.halt = context.WithCancelCause(r.failed)
	r.lasting, r.finish = context.WithCancel(r.failed)
	return r
}

// Failed ends when a stage failed or the run was killed.
func (r *Run) Failed() context.Context { return r.failed }

// Sending ends when no more probes may be sent: with Stop, Failed, or the run.
func (r *Run) Sending() context.Context { return r.sending }

// Lasting ends when everything is written: with Finish, Failed, or the run.
func (r *Run) Lasting() context.Context { return r.lasting }

// Stop ends Sending. The first cause stays.
func (r *Run) Stop(cause error) { r.halt(cause) }

// Cause returns why the sending was stopped, nil if it was not. That a run is over or was
// killed is not a cause: its contexts are then just canceled.
func (r *Run) Cause() error {
	if cause := context.Cause(r.sending); cause != context.Canceled {
		return cause
	}
	return nil
}

// Finish ends Lasting: the stage that writes the last record calls it.
func (r *Run) Finish() { r.finish() }

// StopWhen stops the run with cause when ctx ends, after it has called announce. The
// caller must call release when the run is over.
func (r *Run) StopWhen(ctx context.Context, cause error, announce func()) (release func() bool) {
	return context.AfterFunc(ctx, func() {
		r.Stop(cause)
		announce()
	})
}

// StopAfter is StopWhen for a time; 0 is never.
func (r *Run) StopAfter(d time.Duration, cause error, announce func()) (release func() bool) {
	if d <= 0 {
		return func() bool { return true }
	}
	return time.AfterFunc(d, func() {
		r.Stop(cause)
		announce()
	}).Stop
}

// Go starts a stage, which another stage may do, too. The first stage that returns an error
// fails the run; Wait returns that error. A HeldError has the name.
func (r *Run) Go(name string, stage func() error) {
	r.mu.Lock()
	r.running = append(r.running, name)
	r.mu.Unlock()
	r.group.Go(func() error {
		defer r.ended(name)
		return stage()
	})
}

// Leave starts a function that a read may block forever: Wait does not wait for it.
func (r *Run) Leave(f func()) { go f() }

func (r *Run) ended(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.running, name); i >= 0 {
		r.running = slices.Delete(r.running, i, i+1)
	}
}

// Wait waits for all stages. It returns the error of the first that failed, or ErrKilled.
// The stages of a failed or killed run must end within a second. If the system blocks a
// stage in a read or a write, the *HeldError names it, and Wait returns without it.
func (r *Run) Wait() error {
	done := make(chan error, 1)
	go func() { done <- r.group.Wait() }()
	var err error
	select {
	case err = <-done:
	case <-r.failed.Done():
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case err = <-done:
		case <-timer.C:
			return r.held()
		}
	}
	if r.parent.Err() != nil {
		return ErrKilled
	}
	return err
}

// held returns the error of a run whose stages do not end.
func (r *Run) held() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := &HeldError{Stages: slices.Clone(r.running), Err: context.Cause(r.failed)}
	if r.parent.Err() != nil {
		e.Err = ErrKilled
	}
	return e
}

// Close ends the contexts of a run that is over.
func (r *Run) Close() {
	r.finish()
	r.halt(nil)
}

// HeldError is that stages did not end when the run was given up.
type HeldError struct {
	Stages []string
	Err    error // why the run was given up
}

// Error implements error.
func (e *HeldError) Error() string {
	return fmt.Sprintf("%v: these stages did not end, because the system blocks them: %s", e.Err, strings.Join(e.Stages, ", "))
}

// Unwrap gives the cause.
func (e *HeldError) Unwrap() error { return e.Err }

// Incomplete is the error of a run that began and did not finish.
type Incomplete struct {
	Err error
	// Reason is that of the summary, if the run wrote one: a Reason of package record.
	Reason string
	// Checkpoint is the file from which the run can be continued; "" if there is none.
	Checkpoint string
}

// Error implements error.
func (e *Incomplete) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *Incomplete) Unwrap() error { return e.Err }

// OutputFailed wraps an error of the operating system, which names the file.
func OutputFailed(err error) error { return &Incomplete{Err: fmt.Errorf("output failed: %w", err)} }

// Balanced refuses a summary whose counts do not add up: such a one is not written.
func Balanced(sum *record.Summary) error {
	if err := sum.Balance(); err != nil {
		return fmt.Errorf("the counts do not add up; this is a bug in masstrace: %w", err)
	}
	return nil
}
