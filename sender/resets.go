package sender

import (
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/probe"
)

// resetRoom is how many resets may wait: some milliseconds of answers at the
// highest rates. It is a power of two.
const resetRoom = 1 << 12

// Resets queues the SYN-ACKs that masstrace has to refuse by itself, because no
// host has the source address of its probes: from the one goroutine that receives
// to the one that sends. It never blocks. A reset for which there is no room is
// lost; the target will send its SYN-ACK again.
type Resets struct {
	Lost atomic.Uint64

	ring     [resetRoom]probe.Probe
	put, got atomic.Uint64 // how many ever were; put is the receiver's, got the sender's
}

// Put queues the reset of the connection that the SYN p opened.
func (q *Resets) Put(p probe.Probe) {
	at := q.put.Load()
	if at-q.got.Load() == resetRoom {
		q.Lost.Add(1)
		return
	}
	q.ring[at%resetRoom] = p
	q.put.Store(at + 1) // after the probe is whole
}

// Waiting returns how many resets wait. Any goroutine may ask.
func (q *Resets) Waiting() int {
	got := q.got.Load() // first: put never falls behind it
	return int(q.put.Load() - got)
}

// take returns the next probe whose connection to reset; ok is false if there is
// none.
func (q *Resets) take() (p probe.Probe, ok bool) {
	at := q.got.Load()
	if at == q.put.Load() {
		return p, false
	}
	p = q.ring[at%resetRoom]
	q.got.Store(at + 1) // after the probe is read
	return p, true
}

// reset writes the resets that wait, one batch at most. They take no tokens, as
// those that the kernel sends take none: there is one for an answer at most. What
// the kernel does not accept at once is lost.
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
