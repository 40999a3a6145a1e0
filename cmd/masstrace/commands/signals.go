package commands

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/run"
)

const (
	// oneWish is how close together signals count as one: a terminal and timeout(1), for
	// example, both send the same one.
	oneWish = 100 * time.Millisecond
	// wishParts is how many timers measure oneWish, one after the other. A busy machine runs
	// each of them late. So it gives a sender of two signals, which waits for a processor too,
	// more time.
	wishParts = 10
	// leaveTime is the time in which a killed command must end. It is a little longer than
	// the grace of package run, which then names the blocked stages. With oneWish for the
	// last message, a command ends within a second.
	leaveTime = 800 * time.Millisecond
)

// signals turns SIGINT and SIGTERM into the ends of two contexts:
//
//	            no run has begun   a run is in progress
//	1st signal  both end           Interrupted ends: the run stops sending, and drains
//	2nd signal                     killed ends: the run leaves at once
//
// A command that has not ended leaveTime after killed did is held up by the system, or
// computes: then the process exits.
type signals struct {
	Interrupted context.Context
	killed      context.Context // the context that commands run in
	interrupt   context.CancelFunc
	kill        context.CancelFunc
	exit        func(told bool) // ends the process, whose command may have told its end
	after       func(time.Duration, func()) *time.Timer

	mu     sync.Mutex
	begun  bool        // a run that drains is in progress
	over   bool        // the command has ended, or takes signals itself
	same   bool        // signals belong to the last wish
	told   bool        // the command has ended, or all but its last message
	first  os.Signal   // nil before there is one
	leaver *time.Timer // nil until killed ends
}

func newSignals(exit func(told bool)) *signals {
	s := &signals{exit: exit, after: time.AfterFunc}
	s.Interrupted, s.interrupt = context.WithCancel(context.Background())
	s.killed, s.kill = context.WithCancel(context.Background())
	return s
}

// catchSignals catches signals until stop is called. An output that no process reads any
// more becomes an error of the write to it, and not SIGPIPE.
func catchSignals(stderr io.Writer) (s *signals, stop func()) {
	s = newSignals(func(told bool) { leave(stderr, told) })
	caught, pipe := make(chan os.Signal, 8), make(chan os.Signal, 1)
	signal.Notify(caught, os.Interrupt, syscall.SIGTERM)
	signal.Notify(pipe, syscall.SIGPIPE) // not read: a write returns EPIPE
	ended := make(chan struct{})
	go s.watch(caught, ended)
	return s, func() {
		signal.Stop(caught)
		signal.Stop(pipe)
		close(ended)
		s.end()
	}
}

// keepSignals ignores signals from now on. When the command has ended, a signal would kill
// the process and change its exit status.
func keepSignals() {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM)
}

// leave ends the process in the middle of a command, or in the middle of its last message.
func leave(stderr io.Writer, told bool) {
	if told {
		os.Exit(statusPartial)
	}
	written := make(chan struct{})
	go func() { // which the reader of stderr may hold up, too
		say(stderr, "masstrace: killed: the command did not end in time")
		close(written)
	}()
	select {
	case <-written:
	case <-time.After(oneWish):
	}
	os.Exit(statusPartial)
}

// watch takes signals until ended is closed.
func (s *signals) watch(caught <-chan os.Signal, ended <-chan struct{}) {
	for {
		select {
		case signal := <-caught:
			s.wish(signal)
		case <-ended:
			return
		}
	}
}

// wish takes a signal.
func (s *signals) wish(signal os.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || s.same {
		return
	}
	s.same = true
	s.endWish(wishParts)
	if s.first == nil {
		s.first = signal
	}
	if !s.begun || s.Interrupted.Err() != nil {
		s.kill()
		if s.leaver == nil {
			s.leaver = time.AfterFunc(leaveTime, s.leave)
		}
	}
	s.interrupt()
}

// endWish makes later signals a wish of their own, after some parts of oneWish.
func (s *signals) endWish(parts int) {
	s.after(oneWish/wishParts, func() {
		if parts > 1 {
			s.endWish(parts - 1)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.same = false
	})
}

// leave ends the process unless the command has ended.
func (s *signals) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.exit(s.told)
	}
}

// began notes that a run is in progress: it drains after the first signal.
func (s *signals) began() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = true
}

// handOver leaves signals to the command, which catches them itself.
func (s *signals) handOver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// end notes that the command has ended.
func (s *signals) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.interrupt()
	s.kill()
}

// ended returns the exit status of a program that the first signal ends; ok is false if there was no
// signal.
func (s *signals) ended() (status exitStatus, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	number, ok := s.first.(syscall.Signal)
	return exitStatus(128 + number), ok
}

// explain returns the error of a command that has ended. A command that was interrupted before it
// began a run has failed for that reason, with any error. A killed command has oneWish from now on to
// write its last message.
func (s *signals) explain(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told = true; s.leaver != nil && !s.over {
		s.leaver.Reset(oneWish)
	}
	_, status := errors.AsType[exitStatus](err)
	_, incomplete := errors.AsType[*run.Incomplete](err)
	if err == nil || status || incomplete || s.begun || s.killed.Err() == nil {
		return err
	}
	return &run.Incomplete{Err: run.ErrInterrupted}
}

// watching returns an observer that notes the begin of a run and passes everything on.
func (s *signals) watching(o observe.Observer) observe.Observer { return watchingObserver{o, s} }

type watchingObserver struct {
	observe.Observer
	signals *signals
}

// Event implements observe.Observer.
func (o watchingObserver) Event(e observe.Event) {
	if _, ok := e.(observe.Began); ok {
		o.signals.began()
	}
	o.Observer.Event(e)
}
