package schedule

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"

	"github.com/masstrace/masstrace/window"
)

// Adaptive sends what a Strategy says, path by path: each path that is ready has
// one probe, then it stands behind all others again. So neither a target nor a
// router sees a burst where a window holds many of them, and what a probe brought
// is mostly known when its path has its next turn.
//
// When a strategy has enough of a path, its probes are waited for; then it is
// asked again. If it still has enough, what was not answered has its next
// attempt, and so on.
//
// It walks up to window.Live windows, oldest first, as Exhaustive does.
type Adaptive struct {
	cfg      Config
	strategy Strategy
	seed     uint64
	tours    walks[*tour]
	halted   bool
	dry      int64 // when there was last nothing to send

	decided atomic.Uint64
}

// NewAdaptive returns a schedule by that strategy; one goroutine may use it.
func NewAdaptive(cfg Config, s Strategy) *Adaptive {
	a := &Adaptive{cfg: cfg, strategy: s, seed: binary.LittleEndian.Uint64(cfg.Seed[:])}
	a.tours = walks[*tour]{ready: cfg.Ready, fresh: func() *tour { return &tour{schedule: a} }}
	return a
}

// Decided returns how many (target, TTL, flow) were handed out for a first
// attempt, or found not to be needed. It may be called from any goroutine.
func (a *Adaptive) Decided() uint64 { return a.decided.Load() }

// Next implements Schedule.
func (a *Adaptive) Next(items []window.Item, now int64) (n int, next int64) {
	n, next = a.tours.next(items, now)
	if n < len(items) && next > now {
		a.dry = now
	}
	return n, next
}

// idle is how long, in ns, there is time to spare after there was nothing to send.
const idle = int64(20e6)

// Halt implements Schedule.
func (a *Adaptive) Halt() { a.halted = true }

// memory is what is kept of a path between two looks at it.
type memory struct {
	sent   uint64
	held   uint64 // TTLs that the strategy wants, and that are held back
	note   uint64
	latest window.Slot // the probe sent last
	gone   bool        // what is held back is given up
	again  uint8       // TTL at which a round of further attempts goes on, 0 in none
}

// MemoryOctets is what a schedule by a Strategy keeps of each (target, flow).
const MemoryOctets = 40 + 4

// tour is the way through one window.
type tour struct {
	schedule *Adaptive
	window   *window.Window
	paths    []memory // by flow, then target
	queue    queue
	left     int   // paths that are not done
	unknown  bool  // what was sent last is not stamped yet, as far as we know
	last     int64 // no probe of this window was stamped after
	until    int64 // when held probes are given up that a router will not answer
	path     Path  // as the strategy is asked about it
}

// begin implements walker.
func (t *tour) begin(w *window.Window, now int64) {
	cfg := &t.schedule.cfg
	n := cfg.Part.Len(w.Len()) * cfg.Shape.Flows
	if cap(t.paths) < n {
		t.paths = make([]memory, n)
	}
	t.paths = t.paths[:n]
	clear(t.paths)
	t.queue.reset(n, now, max(int64(cfg.Wait)/(ticks/2), poll))
	t.window, t.left, t.last, t.unknown, t.until = w, n, now, false, 0
}

// next implements walker.
func (t *tour) next(items []window.Item, now int64) (n int, wake int64) {
	a := t.schedule
	if t.unknown {
		t.last, t.unknown = now, false
	}
	if a.halted {
		return t.finish(a, t.left > 0)
	}
	t.queue.advance(now)
	for budget := scanBudget; t.left > 0; budget-- {
		if n == len(items) || budget == 0 {
			return n, now
		}
		i, ok := t.queue.pop()
		if !ok {
			return n, max(t.queue.next(), now+poll)
		}
		slot, at := t.visit(i, now, a)
		switch at {
		case now:
			items[n] = window.Item{Window: t.window, Slot: slot}
			n++
			t.unknown = true
			t.queue.push(i)
		case Done:
			t.left--
		default:
			t.queue.put(i, at)
		}
	}
	if n > 0 {
		return n, now + poll // their stamps come first
	}
	return t.finish(a, false)
}

// visit looks at a path. It returns a probe and now, or when to look again, or
// Done.
func (t *tour) visit(i uint32, now int64, a *Adaptive) (slot window.Slot, at int64) {
	m, w := &t.paths[i], t.window
	targets := a.cfg.Part.Len(w.Len())
	target, flow := a.cfg.Part.Target(int(i)%targets), int(i)/targets
	p := &t.path
	*p = Path{
		State: w.State(target, uint16(flow)), Sent: m.sent | m.held, Note: m.note, latest: m.latest.TTL,
		window: w, faults: &a.cfg.Set.Faults, wait: int64(a.cfg.Wait),
		slot: window.Slot{Target: target, Flow: uint16(flow)}, now: now, idle: now < a.dry+idle,
		random: a.seed ^ (w.Position + uint64(target)) ^ uint64(flow)<<48,
	}
	if m.sent&(m.sent-1) == 0 && m.sent != 0 && w.Sent(m.latest) == window.Excluded {
		return t.done(m, a) // as all others would be
	}
	step := Enough
	if m.held != 0 && !m.gone {
		if ttl, ok := t.release(m, p, a); ok {
			step = ttl
		}
	}
	if step == Enough && m.again == 0 {
		step = a.strategy.Next(p)
		m.note = p.Note
	}
	switch {
	case step == Await:
		// The longer it takes, the less it matters to be there at once.
		return slot, now + max(look, (now-max(w.Sent(m.latest), now-patience))/2)
	case step != Enough:
		if m.held>>step&1 == 0 {
			a.cfg.Manners.plan(now)
			if a.cfg.Manners.ask(p.Target(), uint8(step), now) != granted {
				m.held |= 1 << step
				t.until = a.cfg.Manners.until(now, 2) // paths wait, and go on, before the window does
				return slot, now + poll
			}
		}
		m.held &^= 1 << step
		m.sent |= 1 << step
		p.slot.TTL = uint8(step)
		m.latest = p.slot
		a.decided.Add(1)
		return p.slot, now
	}
	if m.held != 0 && !m.gone && !t.giveUp(m, p, a) {
		return slot, now + look
	}
	if m.again == 0 && m.sent != 0 {
		stamp := w.Sent(m.latest)
		if stamp == 0 {
			return slot, now + poll // not stamped yet
		}
		if stamp < 0 {
			stamp = t.last // those before it may still be answered
		}
		if over := stamp + int64(a.cfg.Wait); a.cfg.Set.Matched() < over {
			return slot, max(over, now+poll)
		}
	}
	if t.retry(m, p) {
		m.latest = p.slot
		return p.slot, now
	}
	if m.again != 0 { // the round is over, and made an attempt
		m.again = 0
		return slot, now + poll
	}
	return t.done(m, a)
}

// look is how soon, in ns, to look at a path again that awaits an answer.
const look = int64(8e6)

// retry finds the next attempt to be made in a round, and reports whether there
// is one: the lowest that was not made yet at a TTL without an answer.
func (t *tour) retry(m *memory, p *Path) bool {
	s := t.window.Shape()
	if s.Attempts == 1 {
		return false
	}
	last := s.LastTTL
	if end := p.State.End(); end != 0 {
		last = min(last, end)
	}
	for ttl := max(m.again, s.FirstTTL); ttl <= last; ttl++ {
		if m.sent>>ttl&1 == 0 {
			continue
		}
		p.slot.TTL = ttl
		for p.slot.Attempt = 1; int(p.slot.Attempt) < s.Attempts; p.slot.Attempt++ {
			before := p.slot
			before.Attempt--
			if t.window.Answered(before) || t.window.Sent(before) == window.Excluded {
				break
			}
			if t.window.Sent(p.slot) == 0 {
				m.again = ttl + 1
				return true
			}
		}
	}
	return false
}

// done takes a path out.
func (t *tour) done(m *memory, a *Adaptive) (slot window.Slot, at int64) {
	a.decided.Add(uint64(t.window.Shape().TTLs() - bits.OnesCount64(m.sent)))
	return slot, Done
}

// finish closes the part of the window; what was sent is still waited for.
func (t *tour) finish(a *Adaptive, halted bool) (n int, wake int64) {
	t.window.Close(t.last+int64(a.cfg.Wait), halted)
	return 0, Done
}
