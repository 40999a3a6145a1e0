package replay

import (
	"context"
	"encoding/json"

	"github.com/masstrace/masstrace/internal/capture"
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/receiver"
)

// aheadReader reads a capture of our own and decodes it, ahead of the replay, on a
// goroutine of its own: half of the work of a replay, and the half that needs no plan.
type aheadReader struct {
	file    *pcapng.File
	decoder *receiver.Replay
	facts   probe.Facts
	block   *block
	last    int64

	read chan *block // what was read, in order; closed at the end
	free chan *block // blocks that are used up
}

// block is a stretch of a capture: some frames, and the note behind them.
type block struct {
	frames  int
	last    int64         // the highest stamp up to its end
	probes  []sentProbe   // in the order of the capture
	replies []probe.Reply // likewise
	octets  []byte        // what their extensions alias
	strays  uint64        // packets sent that are no probes of the run
	note    *capture.Note // nil if the block just was full
}

// sentProbe is a probe that the capture shows.
type sentProbe struct {
	probe.Probe
	stamp int64
}

// blockSize is the number of probes, or of replies, that fill a block.
const blockSize = 256

// blocksAhead is how many blocks may be read that nobody has asked for.
const blocksAhead = 16

func newAheadReader(file *pcapng.File, c *codec.Codec) *aheadReader {
	r := &aheadReader{
		file: file, decoder: receiver.NewReplay(c),
		read: make(chan *block, blocksAhead), free: make(chan *block, mostWaiting/blockSize),
	}
	r.block = r.next()
	return r
}

// run reads the file until its end or that of ctx. It returns what is wrong with
// the file; what comes before is read.
func (r *aheadReader) run(ctx context.Context) error {
	defer close(r.read)
	fault := each(ctx, r.file, func(e *pcapng.Entry) error { return r.entry(ctx, e) })
	if ctx.Err() == nil {
		r.hand(ctx)
	}
	return fault
}

// entry takes the next entry of the file.
func (r *aheadReader) entry(ctx context.Context, e *pcapng.Entry) error {
	b := r.block
	if e.Note != nil {
		n := new(capture.Note)
		if json.Unmarshal(e.Note, n) == nil { // else somebody else's
			b.note = n
			r.hand(ctx)
		}
		return nil
	}
	b.frames++
	r.last = max(r.last, e.Stamp)
	if e.Direction == pcapng.Outbound {
		r.probe(e)
	} else {
		r.reply(e)
	}
	if len(b.probes) == blockSize || len(b.replies) == blockSize {
		r.hand(ctx)
	}
	return nil
}

func (r *aheadReader) probe(e *pcapng.Entry) {
	if !r.decoder.Probe(e, &r.facts) {
		r.block.strays++
		return
	}
	r.block.probes = append(r.block.probes, sentProbe{r.facts.Probe, e.Stamp})
}

// reply decodes a frame into the next place of the block.
func (r *aheadReader) reply(e *pcapng.Entry) {
	b, n := r.block, len(r.block.replies)
	b.replies = b.replies[:n+1]
	reply := &b.replies[n]
	if !r.decoder.Reply(e, reply) {
		b.replies = b.replies[:n]
		return
	}
	if len(reply.Ext) > 0 {
		b.octets = receiver.KeepExtension(b.octets, reply)
	}
}

// hand hands the block on, unless ctx ends, and begins another.
func (r *aheadReader) hand(ctx context.Context) {
	r.block.last = r.last
	select {
	case r.read <- r.block:
	case <-ctx.Done():
	}
	r.block = r.next()
}

// next returns an empty block.
func (r *aheadReader) next() *block {
	select {
	case b := <-r.free:
		*b = block{probes: b.probes[:0], replies: b.replies[:0], octets: b.octets[:0]}
		return b
	default:
		return &block{probes: make([]sentProbe, 0, blockSize), replies: make([]probe.Reply, 0, blockSize)}
	}
}

// used takes back a block. More than there is room for are left to the garbage
// collector.
func (r *aheadReader) used(b *block) {
	select {
	case r.free <- b:
	default:
	}
}
