// Package watch is the program that probes the paths to some targets again and again. A cycle is
// one probe to every TTL of every (target, flow). All cycles have one capture, one sender and one
// board.
//
// Within a watch the fields that load balancers hash never change, so that each flow stays on its
// path. The tags change: attempts number four cycles, and then the key is a fresh one. So a late
// answer never counts for a later cycle.
package watch

import (
	"net/netip"
	"time"

	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/watch/board"
)

// Config is the request of a watch.
type Config struct {
	Targets []board.Target
	Flows   int

	Method           probe.Method
	FirstTTL, MaxTTL uint8
	DstPort          uint16
	TOS              uint8

	// Interval is between the beginnings of two cycles, Wait how long an answer may take.
	Interval, Wait time.Duration
	// Count is how many cycles there are; 0 is no limit.
	Count uint32

	Interface string
	Source    netip.Addr // invalid: the route's

	// Sink, unless it is nil, takes each sample and each change. Its methods are called one at a
	// time, while the board is locked. An error ends the watch.
	Sink Sink

	Opened   func() error // called when all resources are open; nil for nothing
	Observer observe.Observer
}

// Sink takes samples and changes as they become known.
type Sink interface {
	Sample(s *board.Sample) error
	Change(c *board.Change) error
}

// Limits of a request.
const (
	// MostPaths is how many (target, flow) there may be: each needs some 40 kB.
	MostPaths = 1024
	// LeastInterval keeps the load on routers low.
	LeastInterval = 100 * time.Millisecond
	// DefaultInterval and DefaultWait are those of mtr, but that mtr waits for 10 s.
	DefaultInterval, DefaultWait = time.Second, 2 * time.Second
)

// mostCycles is how many cycles may wait for their answers. A key lasts for keyed cycles, and two
// keys are valid: the cycles of both are told apart.
const (
	keyed      = probe.MaxAttempts
	mostCycles = 2 * keyed
)

// MostWait returns the longest wait of an interval: all but two of the cycles that are told apart.
func MostWait(interval time.Duration) time.Duration { return (keyed - 1) * interval }

// pause returns how long answers may wait until they are read. Each look for answers costs wakeups, and a
// twentieth of a cycle is too short for a reader of the display to notice.
func pause(interval time.Duration) time.Duration {
	return min(max(interval/20, 8*time.Millisecond), 50*time.Millisecond)
}
