package run

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// until returns a stage that ends with ctx.
func until(ctx context.Context) func() error {
	return func() error { <-ctx.Done(); return nil }
}

// A run ends as it should, in the order that it should, in no time.
func TestEndings(t *testing.T) {
	fault := errors.New("broken")
	tests := []struct {
		name   string
		act    func(r *Run, kill context.CancelFunc)
		order  string // in which the stages end
		want   error
		within time.Duration
	}{
		{"finished", func(r *Run, _ context.CancelFunc) { r.Stop(nil); synctest.Wait(); r.Finish() }, "sender receiver", nil, 0},
		{"stopped, then finished", func(r *Run, _ context.CancelFunc) { r.Stop(ErrInterrupted); synctest.Wait(); r.Finish() }, "sender receiver", nil, 0},
		{"failed", func(r *Run, _ context.CancelFunc) { r.Go("port", func() error { return fault }) }, "", fault, 0},
		{"failed later", func(r *Run, _ context.CancelFunc) {
			r.Go("port", func() error { time.Sleep(time.Hour); return fault })
		}, "", fault, time.Hour},
		{"killed", func(_ *Run, kill context.CancelFunc) { kill() }, "", ErrKilled, 0},
		{"held", func(r *Run, kill context.CancelFunc) {
			r.Go("pipe", func() error { time.Sleep(time.Minute); return nil })
			kill()
		}, "", ErrKilled, grace},
		{"failed and held", func(r *Run, kill context.CancelFunc) {
			r.Go("pipe", func() error { time.Sleep(time.Minute); return nil })
			r.Go("port", func() error { return fault })
		}, "", fault, grace},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, kill := context.WithCancel(t.Context())
				defer kill()
				began := time.Now()
				r := New(ctx)
				defer r.Close()
				ended := make(chan string, 3)
				for name, ctx := range map[string]context.Context{"sender": r.Sending(), "receiver": r.Lasting()} {
					r.Go(name, func() error { defer func() { ended <- name }(); return until(ctx)() })
				}
				tt.act(r, kill)
				err := r.Wait()
				if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
					t.Errorf("Wait = %v, want %v", err, tt.want)
				}
				if took := time.Since(began); took != tt.within {
					t.Errorf("it took %v, want %v", took, tt.within)
				}
				if order := <-ended + " " + <-ended; tt.order != "" && order != tt.order {
					t.Errorf("ended in the order %s, want %s", order, tt.order)
				}
				if held := new(HeldError); errors.As(err, &held) != strings.Contains(tt.name, "held") ||
					held.Err != nil && strings.Join(held.Stages, " ") != "pipe" {
					t.Errorf("held up by %v", held.Stages)
				}
				time.Sleep(time.Hour) // for stages that are left behind
			})
		})
	}
}

// The first reason to stop stays, and is announced once.
func TestCauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		interrupted, interrupt := context.WithCancel(t.Context())
		r := New(t.Context())
		defer r.Close()
		if r.Cause() != nil {
			t.Errorf("Cause = %v before anything", r.Cause())
		}
		announced := make(chan string, 3)
		announce := func(what string) func() { return func() { announced <- what } }
		defer r.StopWhen(interrupted, ErrInterrupted, announce("interrupted"))()
		defer r.StopAfter(time.Minute, ErrMaxRuntime, announce("time"))()
		defer r.StopAfter(0, ErrMaxRuntime, announce("never"))()
		r.Go("sender", until(r.Sending()))
		time.Sleep(time.Hour)
		interrupt()
		synctest.Wait()
		if err := r.Wait(); err != nil || r.Cause() != ErrMaxRuntime {
			t.Errorf("Wait = %v, Cause = %v", err, r.Cause())
		}
		if first, second := <-announced, <-announced; first != "time" || second != "interrupted" || len(announced) > 0 {
			t.Errorf("announced %s, then %s, and %d more", first, second, len(announced))
		}
	})
}

// A failure ends the sending with its cause, whichever stage waits for it.
func TestFailureStopsSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(t.Context())
		defer r.Close()
		fault := errors.New("no more frames")
		r.Go("opener", until(r.Sending()))
		r.Go("receiver", func() error { return fault })
		err := r.Wait()
		if !errors.Is(err, fault) || !errors.Is(r.Cause(), fault) {
			t.Errorf("Wait = %v, Cause = %v", err, r.Cause())
		}
	})
}

// The cause of a run that is over is that of Stop alone.
func TestCause(t *testing.T) {
	for name, tt := range map[string]struct {
		act  func(*Run)
		want error
	}{
		"done":        {func(*Run) {}, nil},
		"stopped":     {func(r *Run) { r.Stop(ErrMaxRuntime); r.Stop(ErrInterrupted) }, ErrMaxRuntime},
		"done, later": {func(r *Run) { r.Close(); r.Stop(ErrInterrupted) }, nil},
	} {
		r := New(t.Context())
		r.Go("receiver", until(r.Lasting()))
		tt.act(r)
		r.Finish()
		if err := r.Wait(); err != nil || r.Cause() != tt.want {
			t.Errorf("%s: Wait = %v, Cause = %v, want %v", name, err, r.Cause(), tt.want)
		}
		r.Close()
	}
}
