package replay

import "math"

// waiting is a queue of blocks of a capture: their replies wait for the probes
// that they answer, and the notes that a window is over for their turn.
type waiting struct {
	blocks  []*block
	replies int // in all of them
}

// mostWaiting is how many replies may wait: those of a third of a second at the
// highest rates.
const mostWaiting = 1 << 18

func (q *waiting) push(b *block) {
	q.blocks = append(q.blocks, b)
	q.replies += len(b.replies)
}

// due reports whether the first block is one of before a time, or the queue too
// long.
func (q *waiting) due(before int64) bool {
	return len(q.blocks) > 0 && (before == math.MaxInt64 || q.blocks[0].last < before || q.replies >= mostWaiting)
}

// pop takes out the block that waits longest; there must be one.
func (q *waiting) pop() *block {
	b := q.blocks[0]
	q.blocks = q.blocks[1:]
	q.replies -= len(b.replies)
	return b
}
