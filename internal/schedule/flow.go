package schedule

import (
	"iter"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// lane is the way through the TTLs of one flow.
type flow struct {
	index uint16
	next  uint8 // the lowest TTL that was not sent yet
	end   uint8 // of the path, 0 while that is not known
	alive bool  // the target answered at no TTL that is known
	hops  [probe.MaxTTL + 1]hop
}

// attempts calls yield for the attempts made at a TTL.
func (l *flow) attempts(ttl uint8) iter.Seq[window.Slot] {
	return func(yield func(window.Slot) bool) {
		for a := range l.hops[ttl].sent {
			if !yield(window.Slot{Flow: l.index, TTL: ttl, Attempt: uint8(a)}) {
				return
			}
		}
	}
}

// place is one TTL of a flow as it stands.
type hop struct {
	sent     int   // attempts made
	answered int   // of them
	pending  int   // of them, those that may still be
	last     int64 // stamp of the latest
	rtt      int64 // the longest of those answered, ns
	router   bool  // a time exceeded came, not from the target
	refused  bool  // a router said that the path ends here
	sample   bool  // above the end: the answer counts as one at the end
}

// settled reports whether the place holds nothing up: it was answered, or its
// first attempt was given up.
func (p *hop) settled() bool {
	return p.answered > 0 || p.sent > 1 || p.sent > 0 && p.pending == 0
}

// look fills at.
func (l *flow) readReplies(r *Interactive) {
	w, near := r.cfg.Window, int64(0) // RTT of the nearest TTL beyond
	if l.end != 0 || l.alive {
		near = r.longest // for want of a better one
	}
	for ttl := l.next - 1; ttl >= r.shape.FirstTTL && ttl > 0; ttl-- {
		p := &l.hops[ttl]
		*p = hop{}
		var silent [probe.MaxAttempts]int64
		n := 0
		for a := range uint8(r.shape.Attempts) {
			slot := window.Slot{Flow: l.index, TTL: ttl, Attempt: a}
			sent := w.Sent(slot)
			if sent == 0 {
				break
			}
			p.sent++
			p.last = max(p.last, sent)
			if e := w.Reply(slot); e != nil {
				p.answered++
				p.rtt = max(p.rtt, e.Stamp-sent, 1)
				fromTarget := e.Responder == e.Probe.Target
				p.router = p.router || e.Kind == probe.KindTTLExceeded && !fromTarget
				p.refused = p.refused || refuses(e.Kind)
			} else if sent > 0 {
				silent[n] = sent
				n++
			}
		}
		patience := r.cfg.Patience.of(p.rtt, near, r.longest)
		for _, sent := range silent[:n] {
			if r.matched < sent+patience {
				p.pending++
			}
		}
		if p.rtt > 0 {
			near = p.rtt
		}
	}
}

// refuses reports whether a reply from anywhere ends the path.
func refuses(k probe.Kind) bool {
	return k.IsUnreach() || k == probe.KindFragNeeded || k == probe.KindPacketTooBig
}

// findEnd finds where the path ends, as far as that is known, and what counts
// as answers of whoever is there.
func (l *flow) findEnd(s window.State, first uint8) {
	l.end = 0
	if end := s.End(); end != 0 {
		l.end = max(end, first)
	}
	l.alive = s.Alive() && l.end == 0
	for ttl := first; ttl < l.next && l.end == 0; ttl++ {
		if l.hops[ttl].refused {
			l.end = ttl
		}
	}
	for ttl := l.end + 1; l.end != 0 && ttl < l.next; ttl++ {
		p := &l.hops[ttl]
		p.sample = p.answered > 0 && !p.router
	}
}

// samples counts the answers from the end of the path, and the probes that may
// bring more.
func (l *flow) samples() (samples, pending int) {
	samples, pending = l.hops[l.end].answered, l.hops[l.end].pending
	for ttl := l.end + 1; ttl < l.next; ttl++ {
		if l.hops[ttl].sample {
			samples += l.hops[ttl].answered
		}
		pending += l.hops[ttl].pending
	}
	return samples, pending
}

// silent counts the TTLs above the highest answered one that were given up.
func (l *flow) silent(first uint8) int {
	n := 0
	for ttl := l.next - 1; ttl >= first && ttl > 0 && l.hops[ttl].answered == 0; ttl-- {
		if l.hops[ttl].settled() {
			n++
		}
	}
	return n
}

// over reports whether a row lies beyond the flow's path.
func (l *flow) over(ttl uint8, s window.Shape) bool {
	return ttl > s.LastTTL || l.end != 0 && ttl > l.end || l.alive && ttl >= l.next
}
