// Package observe reports a running run to its observers: a snapshot of its progress once a
// second, and events when they happen. The console of the command is one observer; status
// files, metrics and displays are others. Nothing that reports here writes to a terminal
// itself.
package observe

import (
	"fmt"
	"time"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Observer is shown how a run goes. Its methods may be called from several goroutines at
// a time, must return soon, and must not keep pointers that they are given.
type Observer interface {
	Event(Event)
	Progress(Progress)
}

// Event is something that happened. Its String is a sentence for people.
type Event interface{ String() string }

// Progress is how far a run has come.
type Progress struct {
	Elapsed  time.Duration
	Left     time.Duration // until the end at the pace so far, further attempts apart
	Waiting  bool          // no more probes are sent: Left is the wait for the last replies
	Share    float64       // of the (target, TTL, flow) that are decided, 0 to 1
	Sent     uint64        // probes
	RatePPS  float64       // sent in the last second
	AskedPPS float64       // the rate that the run tries to send at; 0 for no limit
	Answered uint64        // probes
	Drops    uint64        // frames that the kernel dropped

	// Lasts means that the run has no end of its own: Share is that of its first paths, and Left is 0.
	Lasts   bool
	Changes uint64 // of paths, if the run finds them

	Inbound account.Inbound[uint64] // frames received so far; Drops are not in it
}

// Began is the first event of a run: everything is open, and probes may leave.
type Began struct{}

func (Began) String() string { return "begun" }

// Recorded means that the records of a window were written. Sum is the account of all windows so far;
// it is valid during the call.
type Recorded struct{ Sum *account.Account }

func (e Recorded) String() string { return fmt.Sprintf("recorded: %d targets", e.Sum.Targets) }

// Stopping means that the sending has stopped. The run waits for replies. If Leaves is set, it does
// not, because a checkpoint leaves their windows to another process.
type Stopping struct {
	Cause  error
	Leaves bool
}

func (e Stopping) String() string {
	if e.Leaves {
		return fmt.Sprintf("%v: sending has stopped, unfinished windows are left for later", e.Cause)
	}
	return fmt.Sprintf("%v: sending has stopped, waiting for replies", e.Cause)
}

// Link is a change of the network link.
type Link struct {
	Name, State string
	Effect      string // on the run
}

func (e Link) String() string { return fmt.Sprintf("%s: %s: %s", e.Name, e.State, e.Effect) }

// Refused means that the kernel never took a probe. It is reported once for each cause.
type Refused struct {
	Target probe.Addr
	Cause  error
}

func (e Refused) String() string {
	return fmt.Sprintf("warning: the kernel does not send probes to %v: %v; such probes count as not sent", e.Target, e.Cause)
}

// Excluded means that the exclusion files were read again.
type Excluded struct {
	Ranges int   // that are newly excluded
	Err    error // why they could not be read, nil if they were
	None   bool  // the run has no exclusions that could be read
}

func (e Excluded) String() string {
	switch {
	case e.Err != nil:
		return fmt.Sprintf("the exclusions could not be read again and stay the same: %v", e.Err)
	case e.None:
		return "no exclusion file was given: there is nothing to read again"
	case e.Ranges == 0:
		return "the exclusions were read again: no address is newly excluded"
	default:
		return fmt.Sprintf("the exclusions were read again; newly excluded ranges, not probed from now on: %d", e.Ranges)
	}
}

// RateFell means that --rate auto lowered the rate.
type RateFell struct {
	FromPPS, ToPPS float64
	Drowned        bool // our own kernel dropped replies; else fewer probes were answered
}

func (e RateFell) String() string {
	if e.Drowned {
		return fmt.Sprintf("rate: at %.0f pps our own kernel dropped replies; back to %.0f pps", e.FromPPS, e.ToPPS)
	}
	return fmt.Sprintf("rate: at %.0f pps fewer probes were answered; back to %.0f pps", e.FromPPS, e.ToPPS)
}

// Held is the memory that the process holds, on request. In an endless run it does not
// grow.
type Held struct {
	Goroutines int
	HeapBytes  uint64
	Windows    int
}

func (e Held) String() string {
	return fmt.Sprintf("holds: goroutines %d heap %d windows %d", e.Goroutines, e.HeapBytes, e.Windows)
}

// Notice is anything else that a user should read.
type Notice string

func (e Notice) String() string { return string(e) }

// Noticef formats a Notice.
func Noticef(format string, args ...any) Notice { return Notice(fmt.Sprintf(format, args...)) }

// Warning is a Notice that a user must read, even with --quiet.
type Warning string

func (e Warning) String() string { return string(e) }

// Finished is the last event of a run: its summary, and facts that are not in it.
type Finished struct {
	Summary *record.Summary
	Seed    string // "" if it has none
	// Recorded of Windows are in the output of a run that its checkpoint continues. Windows is
	// 0 in all other runs.
	Recorded, Windows uint64
}

func (e Finished) String() string { return "finished: " + e.Summary.Reason }

// Nobody is an Observer that ignores everything.
type Nobody struct{}

// Event implements Observer.
func (Nobody) Event(Event) {}

// Progress implements Observer.
func (Nobody) Progress(Progress) {}

// All are several observers of one run.
type All []Observer

// Event implements Observer.
func (a All) Event(e Event) {
	for _, o := range a {
		o.Event(e)
	}
}

// Progress implements Observer.
func (a All) Progress(p Progress) {
	for _, o := range a {
		o.Progress(p)
	}
}
