package schedule

import (
	"slices"
	"time"

	"github.com/masstrace/masstrace/internal/window"
)

// Interactive is the strategy for the trace of a single target that somebody waits
// for. Its aims are, in this order: few probes to the target, whose kernel
// answers only so many (Linux: 6 at once, then one a second); rows that become
// final from the first TTL on; and an early end.
//
// The first round sends each TTL once, ascending: the first ones close behind
// each other, the others as those before them are answered or given up. What
// follows needs no common beat: a TTL that a router has answered is asked again
// at once, a silent one when the distance is known or it was given up. Nothing is
// sent above the end of the path, and what the target answered to higher TTLs
// counts as samples of its row, which mostly makes further probes to it needless.
//
// Further flows begin when the first one knows the distance. With several, every
// flow is asked again only where it was silent: routers limit their answers too.
type Interactive struct {
	cfg    InteractiveConfig
	shape  window.Shape
	flows  []flow
	gap    int64 // between probes that may reach the target, ns
	enough int   // answers, at each TTL of a flow

	paced    int64 // no probe leaves before
	idle     int64 // until the next look, while nothing happens, ns
	answered int   // probes, as of the last look
	longest  int64 // RTT seen, ns
	matched  int64 // replies stamped before have been matched
	row      uint8 // the next to become final
	halted   bool
	finished bool
}

// InteractiveConfig is what Interactive needs to know.
type InteractiveConfig struct {
	// Window holds the one target, and is in Set. Interactive closes it in the end.
	Window *window.Window
	// Set says up to when replies have been matched: what may still wait to be
	// is not silent.
	Set *window.Set
	// Patience is how long a probe is given to be answered.
	Patience Patience
	// Rows takes each row as it becomes final, by ascending TTL, and is closed
	// after the last one, or when the trace is halted. It must have room for
	// all TTLs.
	Rows chan<- Row
}

// Row is what one TTL came to.
type Row struct {
	TTL uint8
	// Slots are the probes of the row, by flow. The target's has some that were
	// sent with a higher TTL, where these were answered and its own were not.
	Slots []window.Slot
}

// How many TTLs the first round sends without having heard anything, and how far
// it is ahead of what was answered from there on.
const (
	headStart = 16
	ahead     = 4
)

// silentRun is how many silent TTLs in a row say that nothing answers any more,
// so that the rest need not be held back.
const silentRun = 5

// Times in ns.
const (
	// roundsGap is between two probes of one flow that may reach the target: one
	// on the same link answers the first before it has got more than it answers
	// (Linux: 6).
	targetGap = int64(200 * time.Microsecond)
	// onwardGap is the same where a router is known to answer.
	onwardGap = targetGap / 4
	// Between attempts at a TTL that is silent so far is the longest RTT, within
	// these bounds: what was lost to a full queue shall not be lost to the same.
	leastAgain = int64(5 * time.Millisecond)
	mostAgain  = int64(50 * time.Millisecond)
	// idleMost is the longest time between two looks.
	idleMost = int64(2 * time.Millisecond)
)

// NewRounds returns the strategy; one goroutine may use it.
func NewInteractive(cfg InteractiveConfig) *Interactive {
	s := cfg.Window.Shape()
	r := &Interactive{cfg: cfg, shape: s, row: s.FirstTTL, gap: max(targetGap/int64(s.Flows), 1)}
	r.idle, r.enough = r.gap, s.Attempts
	if s.Flows > 1 {
		r.enough = 1
	}
	for index := range s.Flows {
		r.flows = append(r.flows, flow{index: uint16(index), next: s.FirstTTL})
	}
	return r
}

// Next fills items with what to send now, which is one probe at most. It keeps
// to the contract of Exhaustive.Next.
func (r *Interactive) Next(items []window.Item, now int64) (n int, next int64) {
	if r.finished {
		return 0, Done
	}
	if r.halted {
		return r.finish(true)
	}
	r.readReplies()
	for r.rowIsFinal() {
		if r.atEnd() {
			return r.finish(false)
		}
		r.cfg.Rows <- Row{TTL: r.row, Slots: r.slots()}
		r.row++
	}
	if now < r.paced {
		return 0, r.paced
	}
	slot, ok := r.pick(now)
	if ok {
		items[0] = window.Item{Window: r.cfg.Window, Slot: slot}
		l := &r.flows[slot.Flow]
		l.next = max(l.next, slot.TTL+1)
		n, r.paced, r.idle = 1, now+r.gap, r.gap
		if l.hops[slot.TTL].router {
			r.paced = now + min(r.gap, onwardGap)
		}
	}
	// Replies come without notice, mostly soon after each other.
	next, r.idle = now+r.idle, min(2*r.idle, idleMost)
	return n, next
}

// Halt gives up what was not sent yet, and the rows that are not final.
func (r *Interactive) Halt() { r.halted = true }

func (r *Interactive) finish(halted bool) (n int, next int64) {
	r.finished = true
	close(r.cfg.Rows)
	// Whatever comes now is in no row.
	r.cfg.Window.Close(0, halted)
	return 0, Done
}

// look takes stock of all flows.
func (r *Interactive) readReplies() {
	w, answered := r.cfg.Window, 0
	r.matched = r.cfg.Set.Matched() // before the replies are read
	for i := range r.flows {
		l := &r.flows[i]
		for ttl := r.shape.FirstTTL; ttl < l.next; ttl++ {
			for a := range uint8(r.shape.Attempts) {
				slot := window.Slot{Flow: l.index, TTL: ttl, Attempt: a}
				if e := w.Reply(slot); e != nil {
					r.longest = max(r.longest, e.Stamp-w.Sent(slot))
					answered++
				}
			}
		}
	}
	if answered > r.answered {
		r.answered, r.idle = answered, r.gap
	}
	for i := range r.flows {
		l := &r.flows[i]
		l.readReplies(r)
		l.findEnd(w.State(0, l.index), r.shape.FirstTTL)
		// A flow that does not hear the target asks no further than the first.
		if first := r.flows[0].end; l.end == 0 && first != 0 && l.next > first && !l.hops[first].router {
			l.end = first
		}
	}
}

// pick returns the probe that is due: of the lowest attempt, then of the lowest
// TTL.
func (r *Interactive) pick(now int64) (slot window.Slot, ok bool) {
	for attempt := range r.shape.Attempts {
		for ttl := r.shape.FirstTTL; ttl <= r.shape.LastTTL; ttl++ {
			for i := range r.flows {
				l := &r.flows[i]
				due := false
				switch {
				case attempt == 0:
					due = ttl == l.next && r.mayExtend(l)
				case ttl < l.next && l.hops[ttl].sent == attempt:
					due = r.mayRepeat(l, ttl, now)
				}
				if due {
					return window.Slot{Flow: l.index, TTL: ttl, Attempt: uint8(attempt)}, true
				}
			}
		}
	}
	return slot, false
}

// mayExtend reports whether the flow's next TTL is to be sent.
func (r *Interactive) mayExtend(l *flow) bool {
	if l.next > r.shape.LastTTL || l.end != 0 || l.alive {
		return false
	}
	first := &r.flows[0]
	if l != first {
		switch {
		case first.end != 0 && l.next <= first.end:
			return true
		case first.end == 0 && first.next <= r.shape.LastTTL && !first.alive:
			return false // its turn comes later
		}
	}
	if l.next < r.shape.FirstTTL+headStart && (l == first || first.end == 0) {
		return true
	}
	before := l.next - ahead
	if first.end != 0 { // this path is longer than the first's: step by step
		before = l.next - 1
	}
	return before < r.shape.FirstTTL || l.hops[before].settled() || l.silent(r.shape.FirstTTL) >= silentRun
}

// mayRepeat reports whether another attempt is to be made at a TTL that had
// some.
func (r *Interactive) mayRepeat(l *flow, ttl uint8, now int64) bool {
	p := &l.hops[ttl]
	switch {
	case l.end != 0 && ttl > l.end:
		return false
	case ttl == l.end:
		samples, pending := l.samples()
		return samples+pending < r.enough
	case p.answered > 0:
		return p.answered+p.pending < r.enough
	case l.end != 0 || p.sent > 1 || l.silent(r.shape.FirstTTL) >= silentRun:
		return now >= p.last+min(max(r.longest, leastAgain), mostAgain)
	default:
		return p.pending == 0
	}
}

// rowIsFinal reports whether nothing can change the next row any more.
func (r *Interactive) rowIsFinal() bool {
	for i := range r.flows {
		if l := &r.flows[i]; !l.over(r.row, r.shape) && !r.isFinal(l, r.row) {
			return false
		}
	}
	return true
}

func (r *Interactive) isFinal(l *flow, ttl uint8) bool {
	if ttl >= l.next {
		return false
	}
	p := &l.hops[ttl]
	if ttl != l.end {
		return p.answered >= r.enough || p.sent == r.shape.Attempts && p.pending == 0
	}
	samples, pending := l.samples()
	return samples >= r.enough || p.sent == r.shape.Attempts && pending == 0
}

// atEnd reports whether the row that is final lies beyond all paths.
func (r *Interactive) atEnd() bool {
	for i := range r.flows {
		if !r.flows[i].over(r.row, r.shape) {
			return false
		}
	}
	return true
}

// slots returns what the next row shows.
func (r *Interactive) slots() []window.Slot {
	var slots []window.Slot
	for i := range r.flows {
		l := &r.flows[i]
		switch {
		case l.over(r.row, r.shape):
		case l.end == r.row:
			slots = append(slots, r.endSlots(l)...)
		default:
			slots = slices.AppendSeq(slots, l.attempts(r.row))
		}
	}
	return slots
}

// endSlots returns what the flow's last row shows: first what was answered, by
// TTL, then as many silent ones as are missing.
func (r *Interactive) endSlots(l *flow) []window.Slot {
	var answered, silent []window.Slot
	for ttl := l.end; ttl < l.next; ttl++ {
		for slot := range l.attempts(ttl) {
			switch {
			case !r.cfg.Window.Answered(slot) && ttl == l.end:
				silent = append(silent, slot)
			case r.cfg.Window.Answered(slot) && (ttl == l.end || l.hops[ttl].sample):
				answered = append(answered, slot)
			}
		}
	}
	answered = answered[:min(len(answered), r.enough)]
	missing := max(r.enough-len(answered), 0)
	return append(answered, silent[:min(missing, len(silent))]...)
}
