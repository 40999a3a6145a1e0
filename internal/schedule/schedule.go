// Package schedule says which probe leaves next. A strategy walks the windows
// that are open and hands out slots in batches; it reads what the matcher has
// learned just before it does. One file per strategy.
package schedule

import (
	"time"

	"github.com/masstrace/masstrace/internal/window"
)

// Schedule is what a strategy comes to for a sender: what it asks (sender.Source),
// and how far the scan is.
type Schedule interface {
	// Next fills items with what to send now and returns how many there are. now
	// is in ns since the Unix epoch; what earlier calls handed out has been
	// stamped, at now or before. If n < len(items), next says when to ask again,
	// Done if there will be nothing more.
	Next(items []window.Item, now int64) (n int, next int64)
	// Halt gives up what was not sent yet. Next goes on until the windows that
	// were begun have been closed.
	Halt()
	// Decided returns how many (target, TTL, flow) had their turn for a first
	// attempt: they were handed out, or found not to be needed. It may be called
	// from any goroutine.
	Decided() uint64
}

// Config is what every strategy needs to know.
type Config struct {
	Shape window.Shape
	// Part is the sender's share of every window.
	Part Part
	// Wait is how long a probe is given to be answered.
	Wait time.Duration
	// NoStop asks for all TTLs, also above a target's distance.
	NoStop bool
	// Seed orders the probes of a window.
	Seed [16]byte
	// Politeness, unless it is nil, holds probes back.
	Politeness *Politeness
	// Ready brings the windows to walk, already in Set; it is closed after the
	// last.
	Ready <-chan *window.Window
	Set   *window.Set
}

// Done is the time that Next names when there is nothing to wait for any more.
const Done = 1<<63 - 1

// poll is how soon to look again for what no clock announces: a window that
// the opener is about to bring, replies still on their way through the
// receiver.
const poll = int64(time.Millisecond)

// scanBudget is how many (target, TTL, flow) a walk may look at in one call
// before the others get their turn: passes that find nearly everything
// answered must not hold the sender up.
const scanBudget = 4096
