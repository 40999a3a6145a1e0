package schedule

import (
	"math/bits"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// Strategy decides which TTL of a path is probed next, from what is known of the
// path at that moment. Adaptive asks it about one path at a time, after each
// probe of it, and does the rest: the order, the waiting, further attempts, the
// windows. What a strategy knows of a path is in the Path; what it learns for
// other paths it keeps itself, safe for any number of goroutines.
type Strategy interface {
	// Next returns a TTL of the window's range that was not sent yet, Await while
	// an answer that is under way decides, or Enough. A path that has enough is
	// asked about once more, when the answers to all its probes are in.
	Next(p *Path) Step
}

// Step is what Strategy.Next says: a TTL, or one of these.
type Step uint8

// What is no TTL.
const (
	Await  Step = 0
	Enough Step = 0xff
)

// Path is the way to one target over one flow, as it stands when a strategy is
// asked about it.
type Path struct {
	State window.State
	// Sent has the bit t set if TTL t was sent.
	Sent uint64
	// Note is the strategy's own, 0 at first, and kept from one time to the next.
	Note uint64

	window    *window.Window
	faults    *window.Faults
	wait      int64 // for an answer, ns
	firstTTL  uint8 // of the range of TTLs
	lastTTL   uint8
	slot      window.Slot // its target and flow
	latestTTL uint8       // TTL sent last, 0 if none was
	now       int64
	idle      bool // there is nothing else to send
	random    uint64
}

// newPath returns what the paths of a window have in common.
func newPath(w *window.Window, faults *window.Faults, wait int64) Path {
	s := w.Shape()
	return Path{window: w, faults: faults, wait: wait, firstTTL: s.FirstTTL, lastTTL: s.LastTTL}
}

// Target returns the address that the path leads to.
func (p *Path) Target() probe.Addr { return p.window.Target(int(p.slot.Target)) }

// First and Last return the range of TTLs.
func (p *Path) First() uint8 { return p.firstTTL }

// Last returns the highest TTL that may be probed.
func (p *Path) Last() uint8 { return p.lastTTL }

// Within returns the TTL of the range that is nearest to ttl.
func (p *Path) Within(ttl int) uint8 {
	return uint8(max(min(ttl, int(p.Last())), int(p.First())))
}

// IsSent reports whether a TTL was sent.
func (p *Path) IsSent(ttl uint8) bool { return p.Sent>>ttl&1 != 0 }

// unsent returns the TTLs of from to to that were not sent, as bits.
func (p *Path) unsent(from, to uint8) uint64 {
	if from > to {
		return 0
	}
	return ^p.Sent & (1<<(to+1) - 1) &^ (1<<from - 1) // to is at most 63: 1<<64 is 0
}

// Any returns one of the TTLs of from to to that were not sent, by chance; ok is
// false if there is none.
func (p *Path) Any(from, to uint8) (ttl Step, ok bool) {
	set := p.unsent(from, to)
	n := bits.OnesCount64(set)
	if n == 0 {
		return 0, false
	}
	skip, _ := bits.Mul64(window.Mix(p.random^p.Sent), uint64(n))
	for ; skip > 0; skip-- {
		set &= set - 1
	}
	return Step(bits.TrailingZeros64(set)), true
}

// Lowest returns the lowest TTL of from to to that was not sent.
func (p *Path) Lowest(from, to uint8) (ttl Step, ok bool) {
	set := p.unsent(from, to)
	return Step(bits.TrailingZeros64(set) & 63), set != 0
}

// patience is how long, in ns, a strategy lets an answer decide that is under
// way: most come sooner, and one that comes later costs a probe, not a hop.
const patience = int64(400 * time.Millisecond)

// Pending reports whether the probe sent last may still be answered soon.
func (p *Path) Pending() bool { return p.latestTTL != 0 && p.isPending(p.latestTTL) }

// isPending reports whether the probe at a TTL, which was sent, may still be
// answered soon.
func (p *Path) isPending(ttl uint8) bool {
	slot := p.slot
	slot.TTL = ttl
	sent := p.window.Sent(slot)
	// What is not stamped yet is about to leave.
	return sent == 0 || sent > 0 && p.now < sent+patience && !p.window.Answered(slot)
}

// look is how soon, in ns, to look at a path again that awaits an answer.
const revisit = int64(8e6)

// pause returns for how long, in ns, to leave a path alone that awaits the answer to a
// probe sent at that time. The longer it takes, the less it matters to be there at
// once; and still less while there are others to go on with.
func (p *Path) pause(sent int64) int64 {
	waited := p.now - max(sent, p.now-patience)
	if p.idle {
		return max(waited/2, revisit)
	}
	return max(min(waited, patience-waited), revisit)
}

// Ahead returns how many probes beyond the last router may still be answered soon.
func (p *Path) Ahead() (n int) {
	for set := p.Sent &^ (1<<(p.State.Exceeded()+1) - 1); set != 0; set &= set - 1 {
		if p.isPending(uint8(bits.TrailingZeros64(set))) {
			n++
		}
	}
	return n
}

// Idle reports whether there is nothing else to send, as in the end of a scan: there
// what is awaited takes time, and a probe too many takes none.
func (p *Path) Idle() bool { return p.idle }

// Doubtful reports whether silence at a TTL may be this machine's doing: the kernel
// dropped replies while one was awaited.
func (p *Path) Doubtful(ttl uint8) bool {
	if p.faults.Drops.IsEmpty() {
		return false
	}
	slot := p.slot
	slot.TTL = ttl
	sent := p.window.Sent(slot)
	return sent > 0 && p.faults.Silenced(sent, p.wait)
}

// Responder returns who answered at a TTL by a time exceeded, zero if nobody.
func (p *Path) Responder(ttl uint8) probe.Addr {
	slot := p.slot
	slot.TTL = ttl
	for int(slot.Attempt) < p.window.Shape().Attempts {
		if e := p.window.Reply(slot); e != nil && e.Kind == probe.KindTTLExceeded {
			return e.Responder
		}
		slot.Attempt++
	}
	return probe.Addr{}
}

// Highest returns the highest TTL of from to to that was not sent.
func (p *Path) Highest(from, to uint8) (ttl Step, ok bool) {
	set := p.unsent(from, to)
	return Step(63 - bits.LeadingZeros64(set|1)), set != 0
}

// InLoop reports whether the routers at the end of the path, as far as it is
// known, repeat.
func (p *Path) InLoop() bool {
	top := p.State.Exceeded()
	if !p.mayLoop(top) {
		return false
	}
	var at [probe.MaxTTL + 1]probe.Addr
	for ttl := p.First(); ttl <= top; ttl++ {
		at[ttl] = p.Responder(ttl)
	}
	_, ok := window.FindLoop(at[:top+1])
	return ok
}

// mayLoop reports whether the router at a TTL may be one of a loop: it is not, if
// it answered at none of the TTLs at which it would have a round before.
func (p *Path) mayLoop(top uint8) bool {
	if top < p.firstTTL {
		return false
	}
	last := p.Responder(top)
	for round := 2; !last.IsZero() && int(top)-2*round >= int(p.firstTTL); round++ {
		if p.Responder(top-uint8(round)) == last {
			return true
		}
	}
	return last.IsZero() // then another one is the last
}
