package schedule

import (
	"math/bits"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// Strategy chooses the TTL of one path that is probed next, from the present state of the path.
// Adaptive asks it after each probe of the path, and does the rest: the order of paths, the
// waiting, further attempts, the windows. A strategy reads the path in a Path. Its memory of
// other paths is its own, and safe for any number of goroutines.
type Strategy interface {
	// Next returns a TTL of the window's range that was not sent yet, or Await while an answer
	// under way decides, or Enough. After Enough it is called again, when the answers to all
	// probes of the path are in.
	Next(p *Path) Step
}

// Step is the result of Strategy.Next: a TTL, or one of the constants below.
type Step uint8

// Steps that are not a TTL.
const (
	Await  Step = 0
	Enough Step = 0xff
)

// Path is the way to one target over one flow, as it stands when a strategy is asked about it.
type Path struct {
	State window.State
	// Sent has bit t set if TTL t was sent, or is deferred.
	Sent uint64
	// Note belongs to the strategy: 0 at first, and kept from one call of Next to the
	// following.
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

// newPath returns a Path with the fields that all paths of a window have in common. wait is how
// long an answer may take, in ns.
func newPath(w *window.Window, faults *window.Faults, wait int64) Path {
	s := w.Shape()
	return Path{window: w, faults: faults, wait: wait, firstTTL: s.FirstTTL, lastTTL: s.LastTTL}
}

// Target returns the address that the path leads to.
func (p *Path) Target() probe.Addr { return p.window.Target(int(p.slot.Target)) }

// First returns the lowest TTL that may be probed.
func (p *Path) First() uint8 { return p.firstTTL }

// Last returns the highest TTL that may be probed.
func (p *Path) Last() uint8 { return p.lastTTL }

// Within returns the TTL nearest to ttl that may be probed.
func (p *Path) Within(ttl int) uint8 {
	return uint8(max(min(ttl, int(p.Last())), int(p.First())))
}

// IsSent reports whether a TTL was sent.
func (p *Path) IsSent(ttl uint8) bool { return p.Sent>>ttl&1 != 0 }

// unsent returns the TTLs from..to that were not sent, as bits.
func (p *Path) unsent(from, to uint8) uint64 {
	if from > to {
		return 0
	}
	return ^p.Sent & (1<<(to+1) - 1) &^ (1<<from - 1) // to is at most 63: 1<<64 is 0
}

// Any returns a random one of the TTLs from..to that were not sent. ok is false if there is none.
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

// Lowest returns the lowest of the TTLs from..to that were not sent.
func (p *Path) Lowest(from, to uint8) (ttl Step, ok bool) {
	set := p.unsent(from, to)
	return Step(bits.TrailingZeros64(set) & 63), set != 0
}

// patience is how long a strategy awaits an answer before it goes on, in ns. Most answers come
// sooner; a later one costs a probe, not a hop.
const patience = int64(400 * time.Millisecond)

// Pending reports whether an answer to the latest probe may still come soon.
func (p *Path) Pending() bool { return p.latestTTL != 0 && p.isPending(p.latestTTL) }

// isPending reports whether an answer to the probe at a TTL, which was sent, may still come soon.
func (p *Path) isPending(ttl uint8) bool {
	slot := p.slot
	slot.TTL = ttl
	sent := p.window.Sent(slot)
	// A probe without a stamp is about to leave.
	return sent == 0 || sent > 0 && p.now < sent+patience && !p.window.Answered(slot)
}

// revisit is the shortest time between two visits of a path that waits, in ns.
const revisit = int64(8e6)

// pause returns how long not to visit a path that awaits the answer to a probe sent at that time,
// in ns. The longer the answer takes, the less a little delay matters. It matters still less
// while other paths are ready.
func (p *Path) pause(sent int64) int64 {
	waited := p.now - max(sent, p.now-patience)
	if p.idle {
		return max(waited/2, revisit)
	}
	return max(min(waited, patience-waited), revisit)
}

// Ahead returns how many probes beyond the last router may still be answered soon.
func (p *Path) Ahead() (n int) {
	for set := p.Sent &^ (1<<(p.State.Heard()+1) - 1); set != 0; set &= set - 1 {
		if p.isPending(uint8(bits.TrailingZeros64(set))) {
			n++
		}
	}
	return n
}

// Idle reports whether no other path can be probed, as at the end of a scan. Then waiting costs
// time, and a needless probe costs none.
func (p *Path) Idle() bool { return p.idle }

// Doubtful reports whether this machine may have caused the silence at a TTL: the kernel dropped
// replies while one was awaited.
func (p *Path) Doubtful(ttl uint8) bool {
	if p.faults.Drops.IsEmpty() {
		return false
	}
	slot := p.slot
	slot.TTL = ttl
	sent := p.window.Sent(slot)
	return sent > 0 && p.faults.Silenced(sent, p.wait)
}

// Responder returns the router that answered at a TTL by a time exceeded, zero if none did. Answers
// that may not steer do not count.
func (p *Path) Responder(ttl uint8) probe.Addr {
	slot := p.slot
	slot.TTL = ttl
	for int(slot.Attempt) < p.window.Shape().Attempts {
		if e, standing := p.window.Best(slot); standing == window.Steers && e.Kind == probe.KindTTLExceeded {
			return e.Responder
		}
		slot.Attempt++
	}
	return probe.Addr{}
}

// proveEvery is how many paths there are for each whose target is probed with the TTL of its
// distance only to prove that distance.
const proveEvery = 3

// proves reports whether this path is one of them.
func (p *Path) proves() bool { return window.Mix(p.random)%proveEvery == 0 }

// Highest returns the highest of the TTLs from..to that were not sent.
func (p *Path) Highest(from, to uint8) (ttl Step, ok bool) {
	set := p.unsent(from, to)
	return Step(63 - bits.LeadingZeros64(set|1)), set != 0
}

// InLoop reports whether the routers at the end of the known path repeat.
func (p *Path) InLoop() bool {
	top := p.State.Heard()
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

// mayLoop reports whether the last router, at TTL top, may be in a loop. It is not if it answered
// at none of the TTLs at which earlier turns of a loop would meet it.
func (p *Path) mayLoop(top uint8) bool {
	if top < p.firstTTL {
		return false
	}
	last := p.Responder(top)
	for period := 2; !last.IsZero() && int(top)-2*period >= int(p.firstTTL); period++ {
		if p.Responder(top-uint8(period)) == last {
			return true
		}
	}
	return last.IsZero() // no router: FindLoop looks for the last that answered
}
