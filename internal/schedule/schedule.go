// Package schedule decides which probe leaves next. One file holds each strategy.
//
//	windows ──▶ Adaptive, Exhaustive: a traversal for each open window ──▶ slots ──▶ sender
//	              │   ▲           │  ▲                                                │
//	         Path │   │ Step      ▼  │ admitted or not                         stamps │
//	              ▼   │         Politeness                                            ▼
//	            Strategy             ▲                                              window
//	      (Complete, Topology)       │ answers                                        │
//	              │                  │                                                │
//	              ▼               matcher ◀─── replies                                │
//	          Distances              └──── answers, State of each path ───────────────┘
//
// A Schedule fills a sender's batches until every window is closed. There are three: Exhaustive
// and Adaptive for scans, Interactive for one target that a person waits for.
//
//   - A traversal is a schedule's way through its part of one window; traversals are all of
//     them. Each visits the paths of its window, closes its part and is then used again.
//   - A path is one (target, flow). Adaptive keeps the progress of each path, lets a queue
//     decide when to visit it, and shows it to its Strategy as a Path.
//   - A Strategy chooses the next TTL of one path. Forecasts from Distances help it.
//   - Exhaustive makes passes, one for each attempt. A pass makes sweeps, each with one probe to
//     every target, over one flow along one diagonal of the window.
//   - Politeness admits a probe or defers it, so that no router and no prefix gets too many.
//     A deferred probe is sent later, or abandoned if a router limits its answers.
//   - Interactive makes its Rows final by ascending TTL. It keeps a flow for each flow of its
//     target, with a hop for each TTL, and a Patience for silence.
//
// Each schedule belongs to one goroutine, that of its sender. Several senders share a Strategy,
// its Distances and Politeness, whose words are all atomic. A stale read or a lost update costs
// a probe, never a wrong record.
package schedule

import (
	"time"

	"github.com/masstrace/masstrace/internal/window"
)

// Schedule is a source of probes for one sender (sender.Source), with the progress of the scan.
type Schedule interface {
	// Next fills items with the probes to send now and returns their number. now is in ns since
	// the Unix epoch. The caller has stamped every probe of earlier calls, at now or before.
	// If n < len(items), next is when to call again; Done means that no probe will follow.
	Next(items []window.Item, now int64) (n int, next int64)
	// Halt gives up all probes that were not sent yet. Next must be called until it returns
	// Done, to close the windows that were begun.
	Halt()
	// Decided returns how many (target, TTL, flow) had their turn for a first attempt: they
	// were handed out, or found not to be needed. It may be called from any goroutine.
	Decided() uint64
}

// Config is the configuration of Exhaustive and of Adaptive.
type Config struct {
	Shape window.Shape
	// Part is the sender's share of every window.
	Part Part
	// Wait is how long an answer to a probe may take.
	Wait time.Duration
	// NoStop makes Exhaustive probe all TTLs, also those above a target's distance.
	NoStop bool
	// Seed fixes the order of a window's probes.
	Seed [16]byte
	// Politeness, unless it is nil, defers probes.
	Politeness *Politeness
	// Abandons means that another process will probe halted windows again: replies to their
	// probes are not waited for.
	Abandons bool
	// Ready brings the windows to traverse, which are already in Set. It is closed after the
	// last one.
	Ready <-chan *window.Window
	Set   *window.Set
}

// closeWindow closes a part of a window. Probes that were sent may be answered until the deadline,
// in ns.
func (c *Config) closeWindow(w *window.Window, deadline int64, halted bool) {
	if halted && c.Abandons {
		w.Abandon()
		return
	}
	w.Close(deadline, halted)
}

// Done is the time that Next returns when no probe will follow.
const Done = 1<<63 - 1

// poll is the time until the next call for an event that has no time of its own, in ns. The event
// is that the opener brings a window, or the receiver a reply.
const poll = int64(time.Millisecond)

// scanBudget is how many slots or paths a traversal may look at in one call. Then the other
// windows get their turn: a pass that finds most slots answered must not delay the sender.
const scanBudget = 4096
