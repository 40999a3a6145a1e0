// Package receiver turns frames into replies: from a live capture handle or a
// capture file, through gopacket's layers and the codec that authenticates, in
// batches, to the matcher. A frame that is no reply is counted, never fatal.
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

// Sink takes replies in batches, from one goroutine. No reply stamped before
// upTo (ns since the Unix epoch) will follow. The batch, with the extensions
// that its replies alias, is valid until Replies returns; it is empty when only
// time has passed.
type Sink interface {
	Replies(batch []probe.Reply, upTo int64)
}

// Source gives frames, one after another.
type Source interface {
	// Next returns the next frame and its kernel stamp, CLOCK_REALTIME in ns.
	// The frame is valid until the following call. ErrIdle says that none came
	// for a while, io.EOF that none will.
	Next() (frame []byte, stamp int64, err error)
	// LinkType is what the frames begin with, as pcap numbers it.
	LinkType() int
}

// Clock relates the kernel's stamps to the time line of the run, which no step
// of the wall clock moves.
type Clock interface {
	// Shift returns what to add to a CLOCK_REALTIME stamp taken about now, and
	// the present time of the run, both in ns.
	Shift() (shift, now int64)
}

// ErrIdle is Source.Next's word for "nothing came".
var ErrIdle = errors.New("no frame came")

// maxBatch is how many replies go to the sink at once.
const maxBatch = 256

// Slack of a watermark, ns. Frames of different processors may overtake each
// other; a frame may wait for the others of its block until the kernel retires
// it.
const (
	blockSlack     = timeoutNS + 2*int64(time.Millisecond)
	blockIdleSlack = 4 * blockSlack
	// promptSlack stands for both where the kernel fills no blocks.
	promptSlack = 2 * int64(time.Millisecond)
)

// prompt is a Source that may hand frames over as they come.
type prompter interface{ Prompt() bool }

// Receiver decodes the frames of one source.
type Receiver struct {
	// Heard counts each frame, batch by batch, and those that are no replies by what is
	// wrong with them. A matcher counts the others there.
	Heard account.Live

	src       Source
	clock     Clock
	tap       Tap
	faults    faultDetector
	decoder   decoder
	prompt    bool // each frame goes to the sink at once
	slack     int64
	idleSlack int64
	batch     []probe.Reply
	octets    []byte // what the extensions of the batch alias

	frames     uint64 // that Heard.Frames will have
	shift, now int64  // the clock as last read
	block      int64  // kernel stamp of the frame at which it was; 0 after a pause
	previous   int64  // kernel stamp of the frame before
	last       int64  // the latest stamp of a frame
	upTo       int64  // what the sink was told
}

// New returns a receiver of frames from src; c is a codec.Codec or codec.Listed.
func New(src Source, c identity, clock Clock) (*Receiver, error) {
	r := &Receiver{
		src: src, clock: clock, slack: blockSlack, idleSlack: blockIdleSlack,
		batch:  make([]probe.Reply, 0, maxBatch),
		octets: make([]byte, 0, maxBatch*maxExtension),
	}
	if p, ok := src.(prompter); ok && p.Prompt() {
		r.prompt, r.slack, r.idleSlack = true, promptSlack, promptSlack
	}
	if err := r.decoder.init(src.LinkType(), c, &r.Heard); err != nil {
		return nil, err
	}
	return r, nil
}

// Tap keeps a copy of every frame: from the goroutine that receives, batch by
// batch.
type Tap interface {
	// Received is shown a frame, and when it came, on the time line of the run.
	Received(frame []byte, stamp int64)
	// Flush ends a batch, before the sink gets its replies. It may wait.
	Flush()
}

// Show has every frame shown to t. It must be called before Run.
func (r *Receiver) Show(t Tap) { r.tap = t }

// maxExtension is the most octets kept of one extension structure, whole objects:
// more than an ICMP error of 576 octets leaves room for (RFC 1812 §4.3.2.3).
const maxExtension = 576

// Run hands every frame that decodes as a reply to sink, in batches, until ctx
// ends or the source does (then it returns nil), or the source fails. It calls
// sink from this goroutine only, and at least every 20 ms or so: whether or not
// frames come, and whether or not they are replies.
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

// step takes one frame, or the news that there is none.
func (r *Receiver) step(sink Sink) error {
	frame, stamp, err := r.src.Next()
	if errors.Is(err, ErrIdle) {
		// What was stamped some time before Next was called is here, however
		// long ago it returned: r.now is of before.
		before := r.now
		r.readClock()
		r.block = 0
		r.flush(sink, max(r.last-r.slack, before-r.idleSlack))
		return nil
	}
	if err != nil {
		return err
	}
	// The kernel fills a block for timeoutNS at most: once that is over, or
	// the wall clock was set, a new one has begun.
	begins := stamp-r.block >= timeoutNS || r.previous-stamp >= timeoutNS
	r.previous = stamp
	if begins {
		r.block = stamp
		r.readClock()
	}
	stamp += r.shift
	r.last = max(r.last, stamp)
	if begins {
		r.faults.checkLag(stamp, r.now)
	}
	if r.tap != nil {
		r.tap.Received(frame, stamp)
	}
	r.take(frame, stamp)
	if begins || r.prompt || len(r.batch) == cap(r.batch) {
		r.flush(sink, r.last-r.slack)
	}
	return nil
}

// readClock reads the clock. A stamp from before the wall clock was set may seem
// to lie ahead of it; it must not drag the watermark along for ever.
func (r *Receiver) readClock() {
	// Go takes the processor from a goroutine that gives it back too rarely, and
	// then looks every 20 µs for the next one.
	runtime.Gosched()
	lost := r.faults.haveDropped()
	before := r.now
	r.shift, r.now = r.clock.Shift()
	if lost {
		r.faults.faults.Dropped(before-timeoutNS, r.now)
	}
	r.last = min(r.last, r.now)
}

func (r *Receiver) flush(sink Sink, upTo int64) {
	r.Heard.Frames.Store(r.frames)
	r.upTo = max(r.upTo, min(upTo, r.now-r.slack))
	if r.tap != nil {
		r.tap.Flush()
	}
	sink.Replies(r.batch, r.upTo)
	r.batch, r.octets = r.batch[:0], r.octets[:0]
}

// KeepExtension moves the extension structure of r from the frame to the end of
// octets, which it returns.
func KeepExtension(octets []byte, r *probe.Reply) []byte {
	at := len(octets)
	octets = wire.AppendTrimmed(octets, r.Ext, maxExtension)
	r.Ext = octets[at:len(octets):len(octets)]
	return octets
}
