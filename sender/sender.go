// Package sender sends probes: it asks the schedule what is next, paces,
// builds, stamps and writes in batches. There is one file per way of writing
// frames, behind Port.
package sender

import (
	"context"
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/ratelimit"
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
	// the given sizes, and returns how many the kernel accepted. If it accepted
	// none, err is the reason; if it accepted some, err may be nil.
	Send(sizes []int, from, to int) (n int, err error)
	// Close gives the port back.
	Close() error
}

// MaxBatch is the most frames of one batch: sendmmsg gains nothing by more.
const MaxBatch = 64

// Allowed is the last check before anything leaves. Its methods are called from
// one goroutine for each sender.
type Allowed interface {
	Contains(a probe.Addr) bool
	// Change counts how often Contains came to say less. It is asked often, and
	// must cost little.
	Change() uint64
}

// Tap keeps a copy of what leaves, probes and nothing else: from the goroutine
// that sends, batch by batch.
type Tap interface {
	// Sent is shown an IP packet, and when it left, ns since the Unix epoch.
	Sent(packet []byte, stamp int64)
	// Flush ends a batch. It may wait.
	Flush()
}

// Clock reads a monotonic clock, in ns.
type Clock interface{ Now() int64 }

// Sleeper waits for a time of the Clock. Until returns an error, soon, if ctx
// ends first.
type Sleeper interface {
	Until(ctx context.Context, at int64) error
}

// Config is what a Sender works with.
type Config struct {
	Codec   *codec.Codec
	Source  Source
	Port    Port
	Allowed Allowed
	Bucket  *ratelimit.Share // on Clock
	Clock   Clock
	Shape   window.Shape

	// Resets, unless it is nil, holds connections to reset between batches.
	Resets *Resets

	// Tap, unless it is nil, is shown what the kernel accepted.
	Tap Tap

	// Stalled, unless it is nil, is told of a batch that was stamped at from and
	// took until to, longer than MaxStall, to leave: its stamps are early. Both
	// are in ns since the Unix epoch.
	Stalled func(from, to int64)

	// Epoch is what takes the clock to ns since the Unix epoch.
	Epoch int64
	// Up reports whether the link can carry frames; while it does not, the
	// sender waits. Gone reports that it never will again.
	// Both are asked often, and must cost little.
	Up, Gone func() bool
}

// Stats counts what was done. Its fields may be read at any time.
type Stats struct {
	Sent     atomic.Uint64 // accepted by the kernel
	Errors   atomic.Uint64 // given up
	Retries  atomic.Uint64 // batches that the kernel refused and that were tried again
	Excluded atomic.Uint64 // stopped by the last check
	Resets   atomic.Uint64 // resets sent; they are no probes, and in none of the others
}

// Times in ns.
const (
	idle      = 10e6 // the longest sleep without a look at the source
	linkPoll  = 50e6 // how often to ask whether the link is back
	queueFull = 2e5  // how long to leave a full queue alone
	mostFull  = 2e9  // how long one frame is offered while the link is up
)

// MaxStall is how much too early the stamp of a probe may be, in ns, if nobody is
// told: many times what the system call for a batch takes.
const MaxStall = 1e6

// stubborn is how often a stopped run still offers a frame to a full queue, and the
// least that any run does.
const stubborn = 3

// Sender sends what its source says.
type Sender struct {
	Stats Stats

	cfg     Config
	sleeper Sleeper
	items   [MaxBatch]window.Item
	sizes   [MaxBatch]int
	ready   prepared
	checked atomic.Uint64 // Change of Allowed, as far as it is heeded
}

// New returns a sender.
func New(cfg Config) *Sender {
	return &Sender{cfg: cfg, ready: newPrepared(cfg.Shape)}
}

// Run sends until the source is done. When stop ends, the source is told to
// halt, and Run goes on until it is done with that, so that every window is
// closed; likewise when the link is gone, after which Run returns ErrGone. When
// ctx ends, Run returns nil at once. After any other error windows may be open: the
// run has failed. It must be called on a locked thread, the
// one that a ratelimit.Sleeper was made on.
func (s *Sender) Run(ctx, stop context.Context, sleeper Sleeper) error {
	s.sleeper = sleeper
	defer s.checked.Store(1<<64 - 1) // nothing leaves any more
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
			// A halted source hands out nothing, and needs no token to be asked.
			items := s.items[:max(granted, 1)]
			n, wake := s.cfg.Source.Next(items, now+s.cfg.Epoch)
			switch {
			case n == len(items): // next as the bucket says
			case wake == done && n == 0:
				return gone
			case wake == done: // asked once more, when these have left
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

// Linger sends resets, for what is answered after Run has returned, until ctx
// ends; without Resets it returns at once.
func (s *Sender) Linger(ctx context.Context) {
	if s.cfg.Resets == nil {
		return
	}
	for over := false; !over; {
		over = s.sleeper.Until(ctx, s.cfg.Clock.Now()+idle) != nil
		s.reset() // what came until then, too
	}
}

// waitForLink returns when the link is up or gone, or the run is stopped, and how
// long that took, in ns.
func (s *Sender) waitForLink(ctx, stop context.Context) (waited int64) {
	for !s.cfg.Up() && !s.cfg.Gone() && stop.Err() == nil {
		now := s.cfg.Clock.Now()
		err := s.sleeper.Until(ctx, now+linkPoll)
		waited += s.cfg.Clock.Now() - now
		if err != nil {
			break
		}
	}
	return waited
}

// send builds the first n items, writes them, and returns how many the kernel
// accepted. Each is stamped when it returns, with a time or with why it has none.
func (s *Sender) send(ctx, stop context.Context, n int) (accepted int, err error) {
	return s.write(ctx, stop, s.build(0, n))
}

// build builds the items from up to, not including, to, into the frames from from
// on, and returns the number of the frame behind the last. Those that may not be
// probed are taken out.
func (s *Sender) build(from, to int) (kept int) {
	kept = from
	for _, item := range s.items[from:to] {
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

// Checked returns the last Change of Allowed that all that leaves from now on
// has been checked after. Any goroutine may ask.
func (s *Sender) Checked() uint64 { return s.checked.Load() }

// recheck has everything prepared checked again if less is allowed than before,
// which it reports. What is built has to be built again.
func (s *Sender) recheck() bool {
	change := s.cfg.Allowed.Change()
	if change == s.checked.Load() {
		return false
	}
	s.ready.forget()
	s.checked.Store(change)
	return true
}
