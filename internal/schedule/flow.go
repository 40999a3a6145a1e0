package schedule

import (
	"iter"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// flow is one flow of the traced target, as Interactive probes it.
type flow struct {
	index uint16
	next  uint8 // the lowest TTL that was not sent yet
	end   uint8 // the TTL at which the path ends, 0 while unknown
	gap   uint8 // the TTL at which too many silent ones end the flow, 0 while they do not
	alive bool  // the target answered, at an unknown TTL
	hops  [probe.MaxTTL + 1]hop
}

// attempts yields the slots of the attempts made at a TTL.
func (f *flow) attempts(ttl uint8) iter.Seq[window.Slot] {
	return func(yield func(window.Slot) bool) {
		for a := range f.hops[ttl].sent {
			if !yield(window.Slot{Flow: f.index, TTL: ttl, Attempt: uint8(a)}) {
				return
			}
		}
	}
}

// hop is one TTL of a flow, with the answers so far.
type hop struct {
	sent     int   // attempts made
	answered int   // attempts answered
	pending  int   // attempts that may still be answered
	last     int64 // stamp of the latest attempt
	rtt      int64 // the longest, ns; 0 without an answer
	router   bool  // a router sent a time exceeded
	refused  bool  // a router reported that the path ends here
	sample   bool  // above the end: answers count as answers at the end
}

// settled reports whether later TTLs need not wait for this one: it was answered, or its first
// attempt counts as silent.
func (p *hop) settled() bool {
	return p.answered > 0 || p.sent > 1 || p.sent > 0 && p.pending == 0
}

// readReplies fills hops from the window.
func (f *flow) readReplies(r *Interactive) {
	w, near := r.cfg.Window, int64(0) // RTT of the nearest answered TTL beyond
	if f.end != 0 || f.alive {
		near = r.longest // no better one is known
	}
	for ttl := f.next - 1; ttl >= r.shape.FirstTTL && ttl > 0; ttl-- {
		p := &f.hops[ttl]
		*p = hop{}
		var silent [probe.MaxAttempts]int64
		n := 0
		for a := range uint8(r.shape.Attempts) {
			slot := window.Slot{Flow: f.index, TTL: ttl, Attempt: a}
			sent := w.Sent(slot)
			if sent == 0 {
				break
			}
			p.sent++
			p.last = max(p.last, sent)
			if e, standing := w.Best(slot); standing != window.Withheld {
				p.answered++
				p.rtt = max(p.rtt, e.Stamp-sent, 1)
				p.router = p.router || e.Kind == probe.KindTTLExceeded
				p.refused = p.refused || standing == window.Steers && refuses(e.Kind)
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

// refuses reports whether a reply ends the path, from any address.
func refuses(k probe.Kind) bool {
	return k.IsUnreach() || k == probe.KindFragNeeded || k == probe.KindPacketTooBig
}

// findEnd finds the end of the path, as far as it is known, and the answers above it that count
// as answers of the end.
func (f *flow) findEnd(s window.State, first uint8) {
	f.end = 0
	if end := s.End(); end != 0 {
		f.end = max(end, first)
	}
	f.alive = s.Alive() && f.end == 0
	for ttl := first; ttl < f.next && f.end == 0; ttl++ {
		if f.hops[ttl].refused {
			f.end = ttl
		}
	}
	for ttl := f.end + 1; f.end != 0 && ttl < f.next; ttl++ {
		p := &f.hops[ttl]
		p.sample = p.answered > 0 && !p.router
	}
}

// findGap finds out whether the silent TTLs after the highest answered one are too many. Each of
// them has had all its attempts by then.
func (f *flow) findGap(r *Interactive) {
	f.gap = 0
	highest := f.highest(r.shape.FirstTTL)
	last := int(highest) + r.cfg.GapLimit
	if r.cfg.GapLimit == 0 || last >= int(r.shape.LastTTL) || f.end != 0 || f.alive {
		return
	}
	for ttl := highest + 1; int(ttl) <= last; ttl++ {
		if !r.isFinal(f, ttl) {
			return
		}
	}
	f.gap = uint8(last)
}

// highest returns the highest answered TTL, or the one below the first if there is none.
func (f *flow) highest(first uint8) uint8 {
	for ttl := f.next - 1; ttl >= first && ttl > 0; ttl-- {
		if f.hops[ttl].answered > 0 {
			return ttl
		}
	}
	return first - 1
}

// samples counts the answers from the end of the path, and the probes that may still bring more.
func (f *flow) samples() (samples, pending int) {
	samples, pending = f.hops[f.end].answered, f.hops[f.end].pending
	for ttl := f.end + 1; ttl < f.next; ttl++ {
		if f.hops[ttl].sample {
			samples += f.hops[ttl].answered
		}
		pending += f.hops[ttl].pending
	}
	return samples, pending
}

// silent counts the silent TTLs above the highest answered one.
func (f *flow) silent(first uint8) int {
	n := 0
	for ttl := f.next - 1; ttl >= first && ttl > 0 && f.hops[ttl].answered == 0; ttl-- {
		if f.hops[ttl].settled() {
			n++
		}
	}
	return n
}

// over reports whether a TTL lies beyond the path of the flow.
func (f *flow) over(ttl uint8, s window.Shape) bool {
	return ttl > s.LastTTL || f.end != 0 && ttl > f.end || f.alive && ttl >= f.next || f.gap != 0 && ttl > f.gap
}
