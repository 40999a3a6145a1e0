package capture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/receiver"
)

// ReadParams returns the parameters of the run of capture f, or nil if masstrace did not
// write f. If another version of masstrace wrote it, it returns an error. It comes before
// the first entry is read, and moves f to none.
func ReadParams(f *pcapng.File) (*plan.Params, error) {
	text, err := f.Comment()
	if err != nil || text == nil {
		return nil, nil // the error will occur again
	}
	v := new(plan.Params)
	switch err := json.Unmarshal(text, v); {
	case err != nil || v.Masstrace == 0:
		return nil, nil
	case v.Masstrace != plan.ParamsVersion:
		return nil, fmt.Errorf("another version of masstrace (%s) wrote it", v.Tool)
	}
	return v, nil
}

// ReadKey returns the key beside the capture at path, which may be - for none.
func ReadKey(path string) (string, error) {
	if path == "-" {
		return "", errors.New("standard input has no key file")
	}
	b, err := os.ReadFile(path + KeySuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the file %s does not exist", path+KeySuffix)
	}
	return strings.TrimSpace(string(b)), err
}

// Reader reads a capture of a scan, and decodes it on a goroutine of its own, ahead of the
// replay. This is the half of the work of a replay that needs no plan.
type Reader struct {
	// Decoder counts the frames. Others may read it when Blocks is closed.
	Decoder *receiver.Replay
	// Blocks receives all blocks of the file, in order. Run closes it at the end.
	Blocks chan *Block

	file  *pcapng.File
	facts probe.Facts
	block *Block
	last  int64
	free  chan *Block // blocks that are used up
}

// Block is a stretch of a capture: some frames, and the note after them.
type Block struct {
	Frames  int
	Last    int64         // the highest stamp up to its end, ns since the Unix epoch
	Probes  []Sent        // in the order of the capture
	Replies []probe.Reply // likewise; their extensions are the block's
	Strays  uint64        // packets sent that are no probes of the run
	Note    *Note         // nil if the block just was full

	octets []byte // memory of the extensions
}

// Sent is a probe that the capture shows, and when it left, ns since the Unix epoch.
type Sent struct {
	probe.Probe
	Stamp int64
}

// blockSize is the number of probes, or of replies, that fill a block.
const blockSize = 256

// blocksAhead is the number of blocks that may be read in advance.
const blocksAhead = 16

// MostWaiting is how many replies a replay may hold back.
const MostWaiting = 1 << 18

// NewReader returns a reader of file, whose probes and replies c authenticates.
func NewReader(file *pcapng.File, c *codec.Codec) *Reader {
	r := &Reader{
		file: file, Decoder: receiver.NewReplay(c),
		Blocks: make(chan *Block, blocksAhead), free: make(chan *Block, MostWaiting/blockSize),
	}
	r.block = r.next()
	return r
}

// Run reads the file until its end or that of ctx. It returns the error of the file; all
// blocks before the error are read.
func (r *Reader) Run(ctx context.Context) error {
	defer close(r.Blocks)
	fault := r.file.Each(ctx, func(e *pcapng.Entry) error { return r.entry(ctx, e) })
	if ctx.Err() == nil {
		r.hand(ctx)
	}
	return fault
}

// entry takes the next entry of the file.
func (r *Reader) entry(ctx context.Context, e *pcapng.Entry) error {
	b := r.block
	if e.Note != nil {
		n := new(Note)
		if json.Unmarshal(e.Note, n) == nil { // else another program's note
			b.Note = n
			r.hand(ctx)
		}
		return nil
	}
	b.Frames++
	r.last = max(r.last, e.Stamp)
	if e.Direction == pcapng.Outbound {
		r.probe(e)
	} else {
		r.reply(e)
	}
	if len(b.Probes) == blockSize || len(b.Replies) == blockSize {
		r.hand(ctx)
	}
	return nil
}

func (r *Reader) probe(e *pcapng.Entry) {
	if !r.Decoder.Probe(e, &r.facts) {
		r.block.Strays++
		return
	}
	r.block.Probes = append(r.block.Probes, Sent{r.facts.Probe, e.Stamp})
}

// reply decodes a frame into the next place of the block.
func (r *Reader) reply(e *pcapng.Entry) {
	b, n := r.block, len(r.block.Replies)
	b.Replies = b.Replies[:n+1]
	reply := &b.Replies[n]
	if !r.Decoder.Reply(e, reply) {
		b.Replies = b.Replies[:n]
		return
	}
	if len(reply.Ext) > 0 {
		b.octets = receiver.KeepExtension(b.octets, reply)
	}
}

// hand hands the block on, unless ctx ends, and begins another.
func (r *Reader) hand(ctx context.Context) {
	r.block.Last = r.last
	select {
	case r.Blocks <- r.block:
	case <-ctx.Done():
	}
	r.block = r.next()
}

// next returns an empty block.
func (r *Reader) next() *Block {
	select {
	case b := <-r.free:
		*b = Block{Probes: b.Probes[:0], Replies: b.Replies[:0], octets: b.octets[:0]}
		return b
	default:
		return &Block{Probes: make([]Sent, 0, blockSize), Replies: make([]probe.Reply, 0, blockSize)}
	}
}

// Used takes back a block. More than there is room for are left to the garbage
// collector.
func (r *Reader) Used(b *Block) {
	select {
	case r.free <- b:
	default:
	}
}
