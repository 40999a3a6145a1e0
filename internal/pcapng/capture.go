package pcapng

import (
	"context"
	"fmt"
	"io"
	"iter"
	"sync"
)

// Capture writes a pcapng file (draft-ietf-opsawg-pcapng) of the frames that a run sends and
// receives, with their own stamps, in ns. Several goroutines add batches; one goroutine writes, in
// Run. Frames are in the order in which their batches were added.
//
// If the disk is slower than the run, batches wait. Then the sender is slower than its rate, and
// the kernel's capture buffer holds incoming frames and counts those that it drops. Every frame
// that is missing from a capture is counted.
//
// After an error of the file, or when the context of Run ends, batches no longer wait, and are
// discarded.
type Capture struct {
	w     io.Writer
	heads [2][]byte // link headers of sent packets: IPv4, IPv6
	begin []byte    // of the file, before the notes
	notes iter.Seq[[]byte]

	mu      sync.Mutex
	change  sync.Cond
	filling []byte // blocks that are not written yet
	writing []byte // the other buffer; it belongs to Run
	open    int    // number of open producers
	over    bool   // batches are discarded: the file failed, or the run did
}

// captureRoom is the size of each of the two buffers, in octets.
const captureRoom = 4 << 20

// CaptureConfig is the configuration of a Capture.
type CaptureConfig struct {
	Link     string // name of the network interface
	LinkType int    // of the frames, as numbered by pcap
	// Head4 and Head6 are the link headers of sent packets.
	Head4, Head6 []byte
	Tool         string
	// Comment is the comment of the file. Notes, unless it is nil, yields the notes before the
	// frames. Each has at most MaxComment octets. Run reads them.
	Comment []byte
	Notes   iter.Seq[[]byte]
	// Producers is the number of producers. Each must call Done at the end.
	Producers int
}

// NewCapture returns a capture that writes to w. Nothing is written before Run.
func NewCapture(w io.Writer, c CaptureConfig) *Capture {
	p := &Capture{w: w, heads: [2][]byte{c.Head4, c.Head6}, notes: c.Notes, open: c.Producers}
	p.change.L = &p.mu
	p.begin = appendLink(appendSection(nil, c.Tool, c.Comment), c.LinkType, c.Link)
	return p
}

// Run writes until all producers are done or the file fails. When ctx ends, no producer waits for
// the file any more.
func (p *Capture) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, p.discard)()
	err := p.head()
	for err == nil {
		p.mu.Lock()
		for len(p.filling) == 0 && p.open > 0 {
			p.change.Wait()
		}
		p.filling, p.writing = p.writing[:0], p.filling
		p.mu.Unlock()
		p.change.Broadcast()
		if len(p.writing) == 0 {
			return nil
		}
		_, err = p.w.Write(p.writing)
	}
	p.discard()
	return fmt.Errorf("write capture: %w", err)
}

// head writes all that comes before the frames.
func (p *Capture) head() (err error) {
	block := p.begin
	p.begin = nil
	if p.notes != nil {
		for note := range p.notes {
			if block = appendNote(block, 0, note); len(block) < captureRoom {
				continue
			}
			if _, err := p.w.Write(block); err != nil {
				return err
			}
			block = block[:0]
		}
	}
	_, err = p.w.Write(block)
	return err
}

// discard makes producers discard their batches from now on.
func (p *Capture) discard() {
	p.mu.Lock()
	p.over = true
	p.mu.Unlock()
	p.change.Broadcast()
}

// put appends a batch to the waiting blocks as soon as there is room.
func (p *Capture) put(batch []byte) {
	p.mu.Lock()
	for len(p.filling) > captureRoom && !p.over {
		p.change.Wait()
	}
	if !p.over {
		p.filling = append(p.filling, batch...)
	}
	p.mu.Unlock()
	p.change.Broadcast()
}

// Done ends one producer. Each producer must call it once.
func (p *Capture) Done() {
	p.mu.Lock()
	p.open--
	p.mu.Unlock()
	p.change.Broadcast()
}

// Tap is one producer of a capture. Its methods belong to one goroutine. They allocate nothing once
// the batch has room.
type Tap struct {
	capture *Capture
	batch   []byte
}

// Tap returns one of the CaptureConfig.Producers producers.
func (p *Capture) Tap() *Tap { return &Tap{capture: p} }

// Sent adds an IP packet that was sent at stamp, ns since the Unix epoch, to the
// batch.
func (t *Tap) Sent(packet []byte, stamp int64) {
	head := t.capture.heads[1]
	if packet[0]>>4 == 4 {
		head = t.capture.heads[0]
	}
	t.batch = appendPacket(t.batch, stamp, flagsOutbound, head, packet)
}

// Received adds a frame that arrived at stamp, ns since the Unix epoch, to the batch.
func (t *Tap) Received(frame []byte, stamp int64) {
	t.batch = appendPacket(t.batch, stamp, flagsInbound, nil, frame)
}

// Note adds a note and passes the batch on.
func (t *Tap) Note(stamp int64, text []byte) {
	t.batch = appendNote(t.batch, stamp, text)
	t.Flush()
}

// Flush passes the batch on to the Capture.
func (t *Tap) Flush() {
	if len(t.batch) > 0 {
		t.capture.put(t.batch)
		t.batch = t.batch[:0]
	}
}
