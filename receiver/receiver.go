// Package receiver turns frames into replies. Frames come from a live capture handle or from a
// capture file. gopacket validates their layers, a codec authenticates the probe that they
// answer. Replies go to the matcher in batches. A frame that is not a reply is counted, never
// fatal.
//
// decode.go shows the way of a frame.
package receiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// Sink takes replies in batches, from one goroutine. After a batch, no reply stamped before upTo
// (ns since the Unix epoch) follows. The batch, with the extensions that its replies alias, is
// valid until Replies returns. It is empty if only time has passed.
type Sink interface {
	Replies(batch []probe.Reply, upTo int64)
}

// Source returns frames, one after another.
type Source interface {
	// Next returns the next frame and its kernel stamp, CLOCK_REALTIME in ns. The frame is
	// valid until the following call. The error is ErrIdle if no frame came for a while,
	// io.EOF if none will come.
	Next() (frame []byte, stamp int64, err error)
	// LinkType returns the link type of the frames, by pcap's numbers.
	LinkType() int
}

// Clock converts the kernel's stamps to the time line of the run, which does not jump when the
// wall clock is set.
type Clock interface {
	// Shift returns the number to add to a CLOCK_REALTIME stamp taken about now, and the
	// present time of the run, both in ns.
	Shift() (shift, now int64)
}

// ErrIdle is the error of Source.Next if no frame came.
var ErrIdle = errors.New("no frame came")

// maxBatch is the most replies in one batch.
const maxBatch = 256

// Slack of a watermark, in ns, beside the time of a block: a frame may wait for the others of its
// block until the kernel retires the block.
const (
	// Frames of different processors may overtake each other.
	orderSlack = 2 * int64(time.Millisecond)
	// The kernel of a busy machine may retire a block late.
	idleSlack = 32 * int64(time.Millisecond)
)

// delayer is a Source whose blocks do not take the default time. Its frames come one by one if that
// time is 0.
type delayer interface{ Delay() time.Duration }

// Receiver decodes the frames of one source.
type Receiver struct {
	// Heard counts each frame, batch by batch, and frames that are not replies by their fault.
	// A matcher counts the others there.
	Heard account.Live

	src       Source
	clock     Clock
	tap       Tap
	faults    faultDetector
	decoder   decoder
	block     int64 // the kernel fills a block for so long, in ns
	slack     int64 // of the watermark, while frames come
	idleSlack int64 // of the watermark, when none came
	batch     []probe.Reply
	octets    []byte // the extensions of the batch alias it

	frames     uint64 // the next value of Heard.Frames
	shift, now int64  // of the clock, as last read
	began      int64  // kernel stamp of the first frame of the block; 0 after a pause
	previous   int64  // kernel stamp of the frame before
	last       int64  // the latest stamp of a frame
	upTo       int64  // as last passed to the sink
}

// New returns a receiver of frames from src. c is a codec.Codec or a codec.Listed.
func New(src Source, c identity, clock Clock) (*Receiver, error) {
	r := &Receiver{src: src, clock: clock, block: blockNS}
	if d, ok := src.(delayer); ok {
		r.block = int64(d.Delay())
	}
	room := maxBatch
	r.slack, r.idleSlack = r.block+orderSlack, r.block+idleSlack
	if r.block == 0 {
		room, r.idleSlack = 1, orderSlack
	}
	r.batch, r.octets = make([]probe.Reply, 0, room), make([]byte, 0, room*maxExtension)
	if err := r.decoder.init(src.LinkType(), c, &r.Heard); err != nil {
		return nil, err
	}
	return r, nil
}

// Tap keeps a copy of every frame. Its methods are called from the goroutine that receives.
type Tap interface {
	// Received takes a frame and its stamp, on the time line of the run, in ns.
	Received(frame []byte, stamp int64)
	// Flush ends a batch, before the sink gets its replies. It may wait.
	Flush()
}

// Show makes Run pass every frame to t. It must be called before Run.
func (r *Receiver) Show(t Tap) { r.tap = t }

// maxExtension is the most octets kept of one extension structure, in whole objects. An ICMP
// error of 576 octets has room for less (RFC 1812 §4.3.2.3).
const maxExtension = 576

// Run passes every frame that decodes as a reply to sink, in batches, until ctx ends or the
// source does. Then it returns nil, or an error if the source fails. It calls sink from this
// goroutine only, also if no frame is a reply: after twice the time of a block at the latest, and a
// little more on a busy machine.
func (r *Receiver) Run(ctx context.Context, sink Sink) error {
	r.faults.begin()
	r.readClock()
	var err error
	for ctx.Err() == nil && err == nil {
		err = r.step(sink)
	}
	r.flush(sink, r.last-r.slack)
	if err == nil || errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("read frame: %w", err)
}

// step reads one frame, or learns that there is none.
func (r *Receiver) step(sink Sink) error {
	frame, stamp, err := r.src.Next()
	if errors.Is(err, ErrIdle) {
		// All frames stamped some time before Next was called are here, however
		// late it returned: r.now is older than the call.
		before := r.now
		r.readClock()
		r.began = 0
		r.flush(sink, max(r.last-r.slack, before-r.idleSlack))
		return nil
	}
	if err != nil {
		return err
	}
	// After the time of a block, or after the wall clock was set, a new block has begun.
	begins := stamp-r.began >= r.block || r.previous-stamp >= r.block
	r.previous = stamp
	if begins {
		r.began = stamp
		r.readClock()
	}
	stamp += r.shift
	r.last = max(r.last, stamp)
	if begins {
		r.faults.checkLag(stamp, r.now, r.block)
	}
	if r.tap != nil {
		r.tap.Received(frame, stamp)
	}
	r.take(frame, stamp)
	if begins || len(r.batch) == cap(r.batch) {
		r.flush(sink, r.last-r.slack)
	}
	return nil
}

// readClock reads the clock. A stamp from before the wall clock was set may seem to lie ahead of
// it. Such a stamp must not keep the watermark ahead for ever.
func (r *Receiver) readClock() {
	// Go preempts a goroutine that yields too rarely, and then looks for the next such
	// goroutine every 20 µs.
	runtime.Gosched()
	lost := r.faults.haveDropped()
	before := r.now
	r.shift, r.now = r.clock.Shift()
	if lost {
		r.faults.faults.Dropped(before-r.block, r.now)
	}
	r.last = min(r.last, r.now)
}

// flush passes the batch to the sink.
func (r *Receiver) flush(sink Sink, upTo int64) {
	r.Heard.Frames.Store(r.frames)
	r.upTo = max(r.upTo, min(upTo, r.now-r.slack))
	if r.tap != nil {
		r.tap.Flush()
	}
	sink.Replies(r.batch, r.upTo)
	r.batch, r.octets = r.batch[:0], r.octets[:0]
}

// KeepExtension copies the extension structure of r from the frame to the end of octets, and
// returns octets. r.Ext then aliases octets.
func KeepExtension(octets []byte, r *probe.Reply) []byte {
	at := len(octets)
	octets = wire.AppendTrimmed(octets, r.Ext, maxExtension)
	r.Ext = octets[at:len(octets):len(octets)]
	return octets
}
