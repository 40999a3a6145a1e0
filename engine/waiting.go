package engine

import "github.com/masstrace/masstrace/probe"

// waiting is a queue of replies that wait for their probes, and of notes between
// them. Its memory is used over and over.
type waiting struct {
	ring []held
	at   int // of the first
	n    int
}

// held is a reply, or a note that a window is over; the stamp of the reply is when
// either came.
type held struct {
	reply probe.Reply
	ext   []byte // what reply.Ext aliases, and its room
	over  *overNote
}

// mostWaiting is how many may wait: a third of a second at the highest rates.
const mostWaiting = 1 << 18

// next returns the place of the next to wait, to be filled in before push. What it
// held is still there, for the sake of its room.
func (q *waiting) next() *held {
	if q.n == len(q.ring) {
		bigger := make([]held, max(256, 2*len(q.ring)))
		k := copy(bigger, q.ring[q.at:])
		copy(bigger[k:], q.ring[:q.at])
		q.ring, q.at = bigger, 0
	}
	return &q.ring[(q.at+q.n)%len(q.ring)]
}

// push makes what next gave wait.
func (q *waiting) push() { q.n++ }

// first returns what waits longest, nil if nothing does. It is valid until next.
func (q *waiting) first() *held {
	if q.n == 0 {
		return nil
	}
	return &q.ring[q.at]
}

// pop takes out what waits longest.
func (q *waiting) pop() {
	q.at = (q.at + 1) % len(q.ring)
	q.n--
}
