package sender

import (
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/probe"
)

// resetRoom is how many resets may wait: some milliseconds of answers at the highest rates. It is a
// power of two.
const resetRoom = 1 << 12

// Resets is a queue of the connections that masstrace must reset itself. It does so if no host has
// the source address of its probes, so that no kernel answers the SYN-ACKs. The one goroutine that
// receives fills the queue, the one that sends empties it. No call blocks. If there is no room, a
// reset is lost, and the target will send its SYN-ACK again.
type Resets struct {
	Lost atomic.Uint64

	ring     [resetRoom]probe.Probe
	put, got atomic.Uint64 // totals; the receiver writes put, the sender writes got
}

// Put queues the reset of the connection that the SYN p opened.
func (q *Resets) Put(p probe.Probe) {
	at := q.put.Load()
	if at-q.got.Load() == resetRoom {
		q.Lost.Add(1)
		return
	}
	q.ring[at%resetRoom] = p
	q.put.Store(at + 1) // after the probe is complete
}

// Waiting returns how many resets wait. Any goroutine may call it.
func (q *Resets) Waiting() int {
	got := q.got.Load() // read first, so that put is never less
	return int(q.put.Load() - got)
}

// take removes the next probe whose connection is to be reset. ok is false if there is none.
func (q *Resets) take() (p probe.Probe, ok bool) {
	at := q.got.Load()
	if at == q.put.Load() {
		return p, false
	}
	p = q.ring[at%resetRoom]
	q.got.Store(at + 1) // after the probe is read
	return p, true
}

// reset writes the waiting resets, one batch at most. They take no tokens, as the resets that a
// kernel sends take none: each answer causes one at most. If the kernel does not accept a reset at
// once, it is lost.
func (s *Sender) reset() {
	q := s.cfg.Resets
	if q == nil {
		return
	}
	n := 0
	for n < MaxBatch {
		p, ok := q.take()
		if !ok {
			break
		}
		is4 := p.Target.Is4()
		if !s.cfg.Allowed.Contains(p.Target) || s.cfg.Codec.Source(is4).IsZero() {
			continue
		}
		s.sizes[n] = s.cfg.Codec.EncodeReset(s.cfg.Port.Packet(n, is4), p)
		n++
	}
	for from := 0; from < n; {
		sent, _ := s.post(from, n)
		if sent == 0 {
			q.Lost.Add(uint64(n - from))
			return
		}
		from += sent
		s.Stats.Resets.Add(uint64(sent))
	}
}
