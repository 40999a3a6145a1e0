package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/run"
)

// A signal ends the current phase of the command, and a second wish ends the rest. A
// blocked command is left.
func TestSignals(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name    string
		begun   time.Duration   // when the run begins, -1 for never
		signals []time.Duration // when they come, ascending
		// Times of the events; -1 is never.
		interrupted, killed, exit time.Duration
	}{
		{"none", 0, nil, -1, -1, -1},
		{"before a run", -1, []time.Duration{50 * ms}, 50 * ms, 50 * ms, 850 * ms},
		{"before a run, three", -1, []time.Duration{50 * ms, 200 * ms, 400 * ms}, 50 * ms, 50 * ms, 850 * ms},
		{"a run begins after the signal", 80 * ms, []time.Duration{50 * ms}, 50 * ms, 50 * ms, 850 * ms},
		{"in a run", 10 * ms, []time.Duration{50 * ms}, 50 * ms, -1, -1},
		{"twice in a run", 10 * ms, []time.Duration{50 * ms, 350 * ms}, 50 * ms, 350 * ms, 1150 * ms},
		{"two at once", 10 * ms, []time.Duration{50 * ms, 50 * ms}, 50 * ms, -1, -1},
		{"two within 0.1 s", 10 * ms, []time.Duration{50 * ms, 149 * ms}, 50 * ms, -1, -1},
		{"two more than 0.1 s apart", 10 * ms, []time.Duration{50 * ms, 151 * ms}, 50 * ms, 151 * ms, 951 * ms},
		{"two pairs", 10 * ms, []time.Duration{50 * ms, 51 * ms, 400 * ms, 401 * ms}, 50 * ms, 400 * ms, 1200 * ms},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				interrupted, killed, exit := time.Duration(-1), time.Duration(-1), time.Duration(-1)
				s := newSignals(func(bool) { exit = time.Since(start) })
				context.AfterFunc(s.Interrupted, func() { interrupted = time.Since(start) })
				context.AfterFunc(s.killed, func() { killed = time.Since(start) })
				if tt.begun >= 0 {
					time.AfterFunc(tt.begun, s.began)
				}
				for _, at := range tt.signals {
					time.AfterFunc(at, func() { s.wish(os.Interrupt) })
				}
				time.Sleep(5 * time.Second) // of the bubble
				synctest.Wait()
				if interrupted != tt.interrupted || killed != tt.killed || exit != tt.exit {
					t.Errorf("interrupted after %v, killed after %v, exit after %v; want %v, %v, %v",
						interrupted, killed, exit, tt.interrupted, tt.killed, tt.exit)
				}
				s.end()
			})
		})
	}
}

// A killed command that has ended has a tenth of a second for its last message, and the process then
// ends without another one.
func TestSignalLastMessage(t *testing.T) {
	for _, tt := range []struct {
		name string
		said time.Duration // the message is written
		exit time.Duration
	}{
		{"written", 849*time.Millisecond + 99*time.Millisecond, -1},
		{"held up", time.Hour, 849*time.Millisecond + oneWish},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, exit := time.Now(), time.Duration(-1)
				s := newSignals(func(told bool) {
					if exit = time.Since(start); !told {
						t.Error("the process says that the command did not end")
					}
				})
				time.AfterFunc(50*time.Millisecond, func() { s.wish(os.Interrupt) })
				time.Sleep(849 * time.Millisecond) // of the bubble
				if err := s.explain(errors.New("a fault")); err == nil {
					t.Error("no error")
				}
				time.AfterFunc(tt.said-849*time.Millisecond, s.end)
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if exit != tt.exit {
					t.Errorf("exit after %v, want %v", exit, tt.exit)
				}
				s.end()
			})
		})
	}
}

// On a busy machine, timers are late, and the second signal of a pair is too. Both are one wish.
func TestSignalsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSignals(func(bool) {})
		defer s.end()
		s.after = func(d time.Duration, f func()) *time.Timer { return time.AfterFunc(d+30*time.Millisecond, f) }
		s.began()
		s.wish(os.Interrupt)
		time.Sleep(3 * oneWish)
		s.wish(os.Interrupt)
		if s.killed.Err() != nil {
			t.Error("the second signal of a pair is a wish of its own")
		}
		time.Sleep(2 * oneWish)
		s.wish(os.Interrupt)
		if s.killed.Err() == nil {
			t.Error("a later signal is none")
		}
	})
}

// A command that ends, or that takes signals itself, is left alone.
func TestSignalsOver(t *testing.T) {
	for name, over := range map[string]func(*signals){"ended": (*signals).end, "handed over": (*signals).handOver} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSignals(func(bool) { t.Error("the process ends") })
				s.wish(os.Interrupt)
				over(s)
				time.Sleep(oneWish)
				s.wish(os.Interrupt)
				time.Sleep(5 * time.Second) // of the bubble
				synctest.Wait()
				s.end()
			})
		})
	}
}

func TestSignalsExplain(t *testing.T) {
	failure := errors.New("a failure")
	partial := &run.Incomplete{Err: errors.New("the output is not complete")}
	tests := []struct {
		name       string
		begun, hit bool
		err, want  error
	}{
		{"no signal", false, false, failure, failure},
		{"interrupted before a run", false, true, failure, run.ErrInterrupted},
		{"a read that ended", false, true, &plan.ConfigError{Field: "Targets", Err: context.Canceled}, run.ErrInterrupted},
		{"a command that has its own words", false, true, partial, partial},
		{"a run", true, true, failure, failure},
		{"a status", false, true, exitStatus(1), exitStatus(1)},
		{"success", false, true, nil, nil},
	}
	for _, tt := range tests {
		s := newSignals(func(bool) {})
		if tt.begun {
			s.watching(observe.Nobody{}).Event(observe.Began{})
		}
		if tt.hit {
			s.wish(os.Interrupt)
		}
		got := s.explain(tt.err)
		if !errors.Is(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		if errors.Is(tt.want, run.ErrInterrupted) && statusOf(got) != statusPartial {
			t.Errorf("%s: status %d", tt.name, statusOf(got))
		}
		s.end()
	}
}

// eventLog is an observer that keeps all events.
type eventLog []string

func (l *eventLog) Event(e observe.Event)       { *l = append(*l, e.String()) }
func (l *eventLog) Progress(p observe.Progress) { *l = append(*l, fmt.Sprint(p.Sent)) }

func TestSignalsWatching(t *testing.T) {
	s, log := newSignals(func(bool) {}), new(eventLog)
	defer s.end()
	o := s.watching(log)
	o.Event(observe.Notice("before"))
	if s.begun {
		t.Error("begun by a notice")
	}
	o.Event(observe.Began{})
	o.Progress(observe.Progress{Sent: 7})
	if want := "[before begun 7]"; !s.begun || fmt.Sprint(*log) != want {
		t.Errorf("begun %v, passed on %v; want %s", s.begun, *log, want)
	}
}
