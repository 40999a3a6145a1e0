package capture

import "math"

// Queue is a queue of blocks of a capture. Their replies wait for the probes that they
// answer, and their notes wait for their turn.
type Queue struct {
	Blocks  []*Block
	replies int // in all of them
}

// Push puts a block at the end.
func (q *Queue) Push(b *Block) {
	q.Blocks = append(q.Blocks, b)
	q.replies += len(b.Replies)
}

// Due reports whether the first block ended before a time, or the queue is too long. The
// queue has room for the replies of a third of a second at the highest rates.
func (q *Queue) Due(before int64) bool {
	return len(q.Blocks) > 0 && (before == math.MaxInt64 || q.Blocks[0].Last < before || q.replies >= MostWaiting)
}

// Pop takes out the block that waits longest; there must be one.
func (q *Queue) Pop() *Block {
	b := q.Blocks[0]
	q.Blocks = q.Blocks[1:]
	q.replies -= len(b.Replies)
	return b
}
