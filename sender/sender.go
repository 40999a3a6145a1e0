// Package sender sends probes: it asks the schedule what is next, paces,
// builds, stamps and writes in batches. There is one file per way of writing
// frames, behind Port.
package sender

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/codec"
	"github.com/masstrace/masstrace/probe"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/window"
)

// Source says what to send. Its methods are called from one goroutine.
type Source interface {
	// Next fills items with what to send at now (ns since the Unix epoch) and
	// returns how many there are. If there are fewer than asked for, next says
	// when to ask again, the largest int64 if there will be nothing more.
	Next(items []window.Item, now int64) (n int, next int64)
	// Halt gives up what was not handed out yet.
	Halt()
}

// done is the time that Next names at the end.
const done = 1<<63 - 1

// Port writes frames to a link in batches. It belongs to one goroutine.
type Port interface {
	// Packet returns where the IP packet of the i-th frame of the next batch
	// goes, i below MaxBatch: MaxSize octets behind the link's own header for
	// that family.
	Packet(i int, is4 bool) []byte
	// Send writes the frames from up to, not including, to, whose packets have
	// the given sizes, and returns how many the kernel accepted. If not all, err
	// says why the next one was not.
	Send(sizes []int, from, to int) (n int, err error)
	// Close gives the port back.
	Close() error
}

// MaxBatch is the most frames of one batch: sendmmsg gains nothing by more.
const MaxBatch = 64

// Allowed is the last check before anything leaves.
type Allowed interface {
	Contains(a probe.Addr) bool
}

// Config is what a Sender works with.
type Config struct {
	Codec   *codec.Codec
	Source  Source
	Port    Port
	Allowed Allowed
	Bucket  *ratelimit.Bucket
	Clock   *ratelimit.Clock
	Shape   window.Shape

	// Epoch is what takes the clock to ns since the Unix epoch.
	Epoch int64
	// Up reports whether the link can carry frames; while it does not, the
	// sender waits. Gone reports that it never will again.
	Up, Gone func() bool
}

// Stats counts what was done. Its fields may be read at any time.
type Stats struct {
	Sent     atomic.Uint64 // accepted by the kernel
	Errors   atomic.Uint64 // given up
	Retries  atomic.Uint64 // frames that found a full queue and were tried again
	Excluded atomic.Uint64 // stopped by the last check
}

// ErrGone says that the link was removed while the run went on.
var ErrGone = errors.New("the link is gone")

// Times in ns.
const (
	idle      = 10e6 // the longest sleep without a look at the source
	linkPoll  = 50e6 // how often to ask whether the link is back
	queueFull = 2e5  // how long to leave a full queue alone
)

// stubborn is how often a stopped run still offers a frame to a full queue.
const stubborn = 3

// Sender sends what its source says.
type Sender struct {
	Stats Stats

	cfg     Config
	sleeper *ratelimit.Sleeper
	items   [MaxBatch]window.Item
	sizes   [MaxBatch]int
	ready   prepared
}

// New returns a sender.
func New(cfg Config) *Sender {
	return &Sender{cfg: cfg, ready: newPrepared(cfg.Shape)}
}

// Run sends until the source is done. When stop ends, the source is told to
// halt, and Run goes on until it is done with that; when ctx ends, Run returns
// at once. It must be called on a locked thread, the one that sleeper was made
// on.
func (s *Sender) Run(ctx, stop context.Context, sleeper *ratelimit.Sleeper) error {
	s.sleeper = sleeper
	halted := false
	for {
		if stop.Err() != nil && !halted {
			s.cfg.Source.Halt()
			halted = true
		}
		if err := s.waitForLink(ctx, stop); err != nil {
			return err
		}
		now := s.cfg.Clock.Now()
		granted, next := s.cfg.Bucket.Take(now, MaxBatch)
		n := 0
		if granted > 0 || halted {
			// A halted source hands out nothing, and needs no token to be asked.
			var wake int64
			n, wake = s.cfg.Source.Next(s.items[:max(granted, 1)], now+s.cfg.Epoch)
			s.cfg.Bucket.Return(granted - n)
			switch {
			case n == granted:
				next = s.cfg.Bucket.At(s.cfg.Bucket.Batch())
			case wake == done:
				return nil
			default:
				next = wake - s.cfg.Epoch
			}
		}
		if err := s.send(ctx, stop, n); err != nil {
			return err
		}
		if err := s.sleeper.Until(ctx, min(next, now+idle)); err != nil {
			return nil
		}
	}
}

// waitForLink returns when the link is up, the run is stopped, or the link is
// gone.
func (s *Sender) waitForLink(ctx, stop context.Context) error {
	for !s.cfg.Up() && stop.Err() == nil {
		if s.cfg.Gone() {
			return ErrGone
		}
		if s.sleeper.Until(ctx, s.cfg.Clock.Now()+linkPoll) != nil {
			return nil
		}
	}
	return nil
}

// send builds the first n items and writes them.
func (s *Sender) send(ctx, stop context.Context, n int) error {
	kept := 0
	for i := range s.items[:n] {
		item := s.items[i]
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
	from, err := s.write(ctx, stop, kept)
	s.giveUp(from, kept)
	return err
}

// write writes the first n frames and returns how many are done with, which is
// all of them unless the run ends before the kernel takes them.
func (s *Sender) write(ctx, stop context.Context, n int) (from int, err error) {
	for failures := 0; from < n; {
		s.stamp(from, n, s.cfg.Clock.Now()+s.cfg.Epoch)
		sent, err := s.cfg.Port.Send(s.sizes[:n], from, n)
		s.Stats.Sent.Add(uint64(sent))
		from += sent
		switch {
		case sent > 0:
			failures = 0
		case isBusy(err) || isDown(err):
			failures++
			s.Stats.Retries.Add(1)
			pause := int64(queueFull)
			if isDown(err) {
				pause = linkPoll
			}
			if stop.Err() != nil && failures > stubborn || s.sleeper.Until(ctx, s.cfg.Clock.Now()+pause) != nil {
				return from, nil
			}
			if err := s.waitForLink(ctx, stop); err != nil {
				return from, err
			}
			if isDown(err) && s.cfg.Gone() {
				return from, ErrGone
			}
		case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
			return from, fmt.Errorf("send: %w", err)
		default:
			s.giveUp(from, from+1) // this frame, whatever is wrong with it
			from++
		}
	}
	return from, nil
}

// isBusy reports that there is no room for a frame at the moment.
func isBusy(err error) bool {
	return errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR)
}

// isDown reports that the link does not carry frames.
func isDown(err error) bool {
	return errors.Is(err, unix.ENETDOWN) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV)
}

// stamp stores when the items leave.
func (s *Sender) stamp(from, to int, ns int64) {
	for i := range s.items[from:to] {
		item := &s.items[from+i]
		item.Window.Stamp(item.Slot, ns)
	}
}

// giveUp marks items that the kernel will not take.
func (s *Sender) giveUp(from, to int) {
	s.stamp(from, to, window.Failed)
	s.Stats.Errors.Add(uint64(to - from))
}
