// Package sender sends probes: it gets the next ones from the schedule, paces, builds, stamps and
// writes them in batches. Each way of writing frames is a Port in a file of its own.
package sender

import (
	"context"
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/ratelimit"
)

// Source supplies the probes to send. Its methods are called from one goroutine.
type Source interface {
	// Next fills items with the probes to send at now (ns since the Unix epoch) and returns how
	// many there are. If there are fewer than len(items), next is the time of the next call, or
	// the largest int64 if there will be no more probes.
	Next(items []window.Item, now int64) (n int, next int64)
	// Halt drops all probes that were not handed out yet.
	Halt()
}

// done is the time that Next returns at the end.
const done = 1<<63 - 1

// Port writes frames to a link in batches. It belongs to one goroutine.
type Port interface {
	// Packet returns the buffer for the IP packet of the i-th frame of the next batch. i is
	// below MaxBatch. The buffer has MaxSize octets and follows the link's header for that
	// family.
	Packet(i int, is4 bool) []byte
	// Send writes the frames in [from, to), whose packets have the given sizes. It returns how
	// many the kernel accepted. If that is 0, err is the reason; otherwise err may be nil.
	Send(sizes []int, from, to int) (n int, err error)
	// Close releases the port.
	Close() error
}

// MaxBatch is the largest number of frames of a batch. More would make sendmmsg no faster.
const MaxBatch = 64

// Allowed is the last check before a frame leaves. Each sender calls its methods from one
// goroutine.
type Allowed interface {
	Contains(a probe.Addr) bool
	// Change counts how often Contains began to exclude more. It is called often and must be
	// cheap.
	Change() uint64
}

// Tap records a copy of each probe that leaves, batch by batch. The goroutine that sends calls it.
// Resets are not probes.
type Tap interface {
	// Sent receives an IP packet, and the time at which it left, ns since the Unix epoch.
	Sent(packet []byte, stamp int64)
	// Flush ends a batch. It may block.
	Flush()
}

// Clock reads a monotonic clock, in ns.
type Clock interface{ Now() int64 }

// Sleeper waits for a time of the Clock. Until returns an error soon after ctx ends.
type Sleeper interface {
	Until(ctx context.Context, at int64) error
}

// Config is the configuration of a Sender.
type Config struct {
	Codec   *codec.Codec
	Source  Source
	Port    Port
	Allowed Allowed
	Bucket  *ratelimit.Share // its times are those of Clock
	Clock   Clock
	Shape   window.Shape

	// Resets, if it is not nil, is the queue of connections to reset between batches.
	Resets *Resets

	// Tap, if it is not nil, receives the probes that the kernel accepted.
	Tap Tap

	// Stalled, if it is not nil, is called for a batch that was stamped at from and took until
	// to to leave, longer than MaxStall. Its stamps are too early. Both times are in ns since
	// the Unix epoch.
	Stalled func(from, to int64)

	// Refused, if it is not nil, is called for the first frame that was given up for each error
	// of the kernel.
	Refused func(target probe.Addr, cause error)

	// Epoch is the value to add to a time of Clock to get ns since the Unix epoch.
	Epoch int64
	// Up reports whether the link can carry frames. While it cannot, the sender waits. Gone
	// reports whether the link was removed for good. Both are called often and must be cheap.
	Up, Gone func() bool
	// Lost, if it is not nil, reports whether probes of a family cannot be sent although the
	// link is up. They are given up.
	Lost func(is4 bool) bool
}

// Stats counts frames. Its fields may be read at any time.
type Stats struct {
	Sent     atomic.Uint64 // accepted by the kernel
	Errors   atomic.Uint64 // given up after the kernel did not accept them
	Retries  atomic.Uint64 // refused batches that were tried again
	Excluded atomic.Uint64 // excluded by the last check
	Resets   atomic.Uint64 // resets sent; they are not probes, and no other field counts them
}

// Times in ns.
const (
	idle         = 10e6 // longest sleep before the source is called again
	linkPoll     = 50e6 // interval between checks whether the link is up again
	queueFull    = 2e5  // pause before a full queue is tried again
	mostFull     = 25e7 // how long one frame is tried while the link is up
	mostRefusing = 3e9  // how long frames are tried while the kernel accepts none
)

// MaxStall is how much too early the stamp of a probe may be without a call of Stalled, in ns. It
// is many times the duration of the system call for a batch.
const MaxStall = 1e6

// stubborn is how often a stopped run tries a frame again on a full queue.
const stubborn = 3

// mostLooks is how many targets after a refused frame are tried, to tell a full queue from a filter.
const mostLooks = 8

// A frame that the kernel refused while it accepted others is tried again this often, at intervals of
// queueFull: most times after such a frame was accepted later, so that the queue was full indeed, and
// fewer after each one that was not.
const (
	mostAside   = 500 // 100 ms
	fewestAside = 10
)

// Sender sends the probes of its source.
type Sender struct {
	Stats Stats

	cfg     Config
	sleeper Sleeper
	items   [MaxBatch]window.Item
	sizes   [MaxBatch]int
	ready   prepared

	aside    []int // frames of the batch that the kernel refused while it accepted others
	patience Patience

	checked atomic.Uint64 // the last Change of Allowed that the prepared probes reflect
}

// New returns a sender.
func New(cfg Config) *Sender {
	return &Sender{cfg: cfg, ready: newPrepared(cfg.Shape), aside: make([]int, 0, MaxBatch)}
}

// Run sends until the source is done. When stop ends, Run halts the source and continues until the
// source is done, so that every window is closed. It does the same when the link is gone, and then
// returns ErrGone. When ctx ends, Run returns nil at once. If the kernel accepts no frame for some
// seconds, or none at all, Run returns ErrStuck. After any other error than ErrGone windows may still
// be open: the run has failed. Run must be called on the locked thread on which the
// ratelimit.Sleeper was made.
func (s *Sender) Run(ctx, stop context.Context, sleeper Sleeper) error {
	s.sleeper = sleeper
	defer s.checked.Store(1<<64 - 1) // no more frames leave
	halted, gone := false, error(nil)
	for {
		s.waitForLink(ctx, stop)
		if ctx.Err() != nil {
			return nil
		}
		if !halted && (stop.Err() != nil || s.cfg.Gone()) {
			s.cfg.Source.Halt()
			halted = true
			if s.cfg.Gone() {
				gone = ErrGone
			}
		}
		s.recheck()
		s.reset()
		now := s.cfg.Clock.Now()
		granted, next := s.cfg.Bucket.Take(now, MaxBatch)
		if granted > 0 || halted {
			// A halted source hands out nothing, so it may be called without a token.
			items := s.items[:max(granted, 1)]
			n, wake := s.cfg.Source.Next(items, now+s.cfg.Epoch)
			switch {
			case n == len(items): // next as the bucket returned it
			case wake == done && n == 0:
				if halted || stop.Err() != nil {
					return gone
				}
				return s.patience.Unsent()
			case wake == done: // call once more after these probes have left
				next = now
			default:
				next = wake - s.cfg.Epoch
			}
			accepted, err := s.send(ctx, stop, n)
			if err != nil {
				return err
			}
			s.cfg.Bucket.Return(granted - accepted)
		}
		if err := s.sleeper.Until(ctx, min(next, now+idle)); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// Linger sends resets until ctx ends, for answers that come after Run has returned. Without Resets
// it returns at once.
func (s *Sender) Linger(ctx context.Context) {
	if s.cfg.Resets == nil {
		return
	}
	for over := false; !over; {
		over = s.sleeper.Until(ctx, s.cfg.Clock.Now()+idle) != nil
		s.reset() // also those that came before ctx ended
	}
}

// waitForLink returns when the link is up or gone, or when the run is stopped.
func (s *Sender) waitForLink(ctx, stop context.Context) {
	for !s.cfg.Up() && !s.cfg.Gone() && stop.Err() == nil {
		if s.sleeper.Until(ctx, s.cfg.Clock.Now()+linkPoll) != nil {
			return
		}
	}
}

// send builds the first n items, writes them, and returns how many the kernel accepted. When it
// returns, each is stamped, with its time or with the reason why it has none.
func (s *Sender) send(ctx, stop context.Context, n int) (accepted int, err error) {
	return s.write(ctx, stop, s.build(0, n))
}

// build builds the items in [from, to) into frames from number from on. It drops items that may not
// be probed. It returns the number after the last frame.
func (s *Sender) build(from, to int) (kept int) {
	kept = from
	lost4, lost6 := s.lost()
	for _, item := range s.items[from:to] {
		if is4 := item.Window.Target(int(item.Target)).Is4(); is4 && lost4 || !is4 && lost6 {
			item.Window.Stamp(item.Slot, window.NoRoute)
			s.Stats.Errors.Add(1)
			continue
		}
		p := s.prepare(item)
		if p == nil {
			item.Window.Stamp(item.Slot, window.Excluded)
			s.Stats.Excluded.Add(1)
			continue
		}
		packet := s.cfg.Port.Packet(kept, p.Target.Is4())
		s.sizes[kept] = s.cfg.Codec.Encode(packet, p, item.TTL, item.Attempt)
		s.items[kept] = item
		kept++
	}
	return kept
}

// lost returns which families are lost.
func (s *Sender) lost() (v4, v6 bool) {
	if s.cfg.Lost == nil {
		return false, false
	}
	return s.cfg.Lost(true), s.cfg.Lost(false)
}

// Checked returns a Change of Allowed: every frame that leaves from now on was checked after that
// Change. Any goroutine may call it.
func (s *Sender) Checked() uint64 { return s.checked.Load() }

// recheck discards all checks if Allowed excludes more than before, and reports whether it does.
// Frames that are already built must then be built again.
func (s *Sender) recheck() bool {
	change := s.cfg.Allowed.Change()
	if change == s.checked.Load() {
		return false
	}
	s.ready.forget()
	s.checked.Store(change)
	return true
}
