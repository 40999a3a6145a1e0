package replay

import (
	"math"

	"github.com/masstrace/masstrace/internal/capture"
)

// waiting is a queue of blocks of a capture: their replies wait for the probes
// that they answer, and the notes that a window is over for their turn.
type waiting struct {
	blocks  []*capture.Block
	replies int // in all of them
}

func (q *waiting) push(b *capture.Block) {
	q.blocks = append(q.blocks, b)
	q.replies += len(b.Replies)
}

// due reports whether the first block ended before a time, or the queue is too long: it
// holds the replies of a third of a second at the highest rates.
func (q *waiting) due(before int64) bool {
	return len(q.blocks) > 0 && (before == math.MaxInt64 || q.blocks[0].Last < before || q.replies >= capture.MostWaiting)
}

// pop takes out the block that waits longest; there must be one.
func (q *waiting) pop() *capture.Block {
	b := q.blocks[0]
	q.blocks = q.blocks[1:]
	q.replies -= len(b.Replies)
	return b
}
