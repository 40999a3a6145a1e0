package schedule

import (
	"slices"
	"time"

	"github.com/masstrace/masstrace/internal/window"
)

// Interactive is the schedule for the trace of a single target that a person waits for. Its aims
// are, in this order: few probes to the target, rows that become final from the first TTL on, an
// early end. A target's kernel limits its answers (Linux: 6 at once, then one a second).
//
// First attempts go out by ascending TTL: some without waiting, the others as those before them
// are answered or count as silent. A TTL that a router has answered has its next attempt at once.
// A silent one has it when the distance is known, or when its first attempt counts as silent.
//
// Nothing is sent above the end of the path. Answers of the target to higher TTLs count as
// samples of its row, so that it mostly needs no further probes.
//
// Further flows begin when the first one knows the distance. With several flows, a TTL has a
// second attempt only where it was silent: routers limit their answers too.
//
// With a gap limit, no probe goes further than so many TTLs beyond the highest answered one. When
// all of these are silent, the flow ends there.
type Interactive struct {
	cfg    InteractiveConfig
	shape  window.Shape
	flows  []flow
	gap    int64 // between probes that may reach the target, ns
	enough int   // answers wanted at each TTL of a flow

	silentRun int // silentRun, or the gap limit if that is lower

	paced    int64 // no probe leaves before this time
	idle     int64 // until the next call, while no reply comes, ns
	answered int   // probes answered, at the last call
	longest  int64 // RTT so far, ns
	matched  int64 // replies stamped before this time have been matched
	row      uint8 // TTL of the next row to become final
	halted   bool
	finished bool
}

// InteractiveConfig is the configuration of Interactive.
type InteractiveConfig struct {
	// Window holds the one target, and is in Set. Interactive closes it in the end.
	Window *window.Window
	// Set has the time up to which replies have been matched. Before that time, silence is
	// certain.
	Set *window.Set
	// Patience is how long a probe may be unanswered.
	Patience Patience
	// GapLimit is how many silent TTLs in a row end a flow; 0 is no limit.
	GapLimit int
	// Rows takes each row as it becomes final, by ascending TTL. It must have room for all
	// TTLs. Interactive closes it after the last row, or when the trace is halted.
	Rows chan<- Row
}

// Row is the result of one TTL.
type Row struct {
	TTL uint8
	// Slots are the probes of the row, by flow. The row of the target may have probes with a
	// higher TTL, if those were answered and its own were not.
	Slots []window.Slot
}

// headStart is how many TTLs have a first attempt before anything is answered. From there on,
// first attempts are ahead TTLs in front of the answers.
const (
	headStart = 16
	ahead     = 4
)

// silentRun is how many silent TTLs in a row show that no answer will come, so that the other
// TTLs need not wait. A lower gap limit takes its place.
const silentRun = 5

// Times in ns.
const (
	// targetGap is between two probes of one flow that may reach the target. A target on the
	// same link answers the first of them before it has more than it answers at once (Linux:
	// 6).
	targetGap = int64(200 * time.Microsecond)
	// onwardGap is the same if a router is known to answer.
	onwardGap = targetGap / 4
	// The pause between attempts at a silent TTL is the longest RTT, within these bounds. A
	// queue that was full for the first attempt should not be full for the second.
	leastAgain = int64(5 * time.Millisecond)
	mostAgain  = int64(50 * time.Millisecond)
	// idleMost is the longest time between two calls.
	idleMost = int64(2 * time.Millisecond)
)

// NewInteractive returns the schedule; one goroutine may use it.
func NewInteractive(cfg InteractiveConfig) *Interactive {
	s := cfg.Window.Shape()
	r := &Interactive{cfg: cfg, shape: s, row: s.FirstTTL, gap: max(targetGap/int64(s.Flows), 1)}
	r.idle, r.enough, r.silentRun = r.gap, s.Attempts, silentRun
	if cfg.GapLimit > 0 {
		r.silentRun = min(silentRun, cfg.GapLimit)
	}
	if s.Flows > 1 {
		r.enough = 1
	}
	for index := range s.Flows {
		r.flows = append(r.flows, flow{index: uint16(index), next: s.FirstTTL})
	}
	return r
}

// Next fills items with at most one probe. Otherwise it is Schedule.Next.
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
		f := &r.flows[slot.Flow]
		f.next = max(f.next, slot.TTL+1)
		n, r.paced, r.idle = 1, now+r.gap, r.gap
		if f.hops[slot.TTL].router {
			r.paced = now + min(r.gap, onwardGap)
		}
	}
	// No clock announces a reply. Replies mostly come soon after each other.
	next, r.idle = now+r.idle, min(2*r.idle, idleMost)
	return n, next
}

// Halt gives up the probes that were not sent yet, and the rows that are not final.
func (r *Interactive) Halt() { r.halted = true }

// finish closes the window and the rows.
func (r *Interactive) finish(halted bool) (n int, next int64) {
	r.finished = true
	close(r.cfg.Rows)
	// No later reply is in a row.
	r.cfg.Window.Close(0, halted)
	return 0, Done
}

// readReplies reads the replies to all flows.
func (r *Interactive) readReplies() {
	w, answered := r.cfg.Window, 0
	r.matched = r.cfg.Set.Matched() // before the replies are read
	for i := range r.flows {
		f := &r.flows[i]
		for ttl := r.shape.FirstTTL; ttl < f.next; ttl++ {
			for a := range uint8(r.shape.Attempts) {
				slot := window.Slot{Flow: f.index, TTL: ttl, Attempt: a}
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
		f := &r.flows[i]
		f.readReplies(r)
		f.findEnd(w.State(0, f.index), r.shape.FirstTTL)
		f.findGap(r)
		// A flow without an answer of the target goes no further than the first flow.
		if first := r.flows[0].end; f.end == 0 && first != 0 && f.next > first && !f.hops[first].router {
			f.end = first
		}
	}
}

// pick returns the probe to send now: of the lowest attempt, then of the lowest TTL.
func (r *Interactive) pick(now int64) (slot window.Slot, ok bool) {
	for attempt := range r.shape.Attempts {
		for ttl := r.shape.FirstTTL; ttl <= r.shape.LastTTL; ttl++ {
			for i := range r.flows {
				f := &r.flows[i]
				due := false
				switch {
				case attempt == 0:
					due = ttl == f.next && r.mayExtend(f)
				case ttl < f.next && f.hops[ttl].sent == attempt:
					due = r.mayRepeat(f, ttl, now)
				}
				if due {
					return window.Slot{Flow: f.index, TTL: ttl, Attempt: uint8(attempt)}, true
				}
			}
		}
	}
	return slot, false
}

// mayExtend reports whether the next TTL of a flow may have its first attempt.
func (r *Interactive) mayExtend(f *flow) bool {
	if f.next > r.last(f) || f.end != 0 || f.alive {
		return false
	}
	first := &r.flows[0]
	if f != first {
		switch {
		case first.end != 0 && f.next <= first.end:
			return true
		case first.end == 0 && first.next <= r.shape.LastTTL && !first.alive && !r.gapNear(first):
			return false // its turn comes later
		}
	}
	if f.next < r.shape.FirstTTL+headStart && (f == first || first.end == 0) {
		return true
	}
	before := f.next - ahead
	if first.end != 0 { // this path is longer than that of the first flow: TTL by TTL
		before = f.next - 1
	}
	return before < r.shape.FirstTTL || f.hops[before].settled() || f.silent(r.shape.FirstTTL) >= r.silentRun
}

// last returns the highest TTL that a flow may probe, as far as is known now.
func (r *Interactive) last(f *flow) uint8 {
	if r.cfg.GapLimit == 0 {
		return r.shape.LastTTL
	}
	return uint8(min(int(f.highest(r.shape.FirstTTL))+r.cfg.GapLimit, int(r.shape.LastTTL)))
}

// gapNear reports whether the gap limit will probably end a flow: first attempts at all TTLs up to
// its limit were silent.
func (r *Interactive) gapNear(f *flow) bool {
	return r.cfg.GapLimit > 0 && f.silent(r.shape.FirstTTL) >= r.cfg.GapLimit
}

// mayRepeat reports whether a TTL that had an attempt may have another.
func (r *Interactive) mayRepeat(f *flow, ttl uint8, now int64) bool {
	p := &f.hops[ttl]
	switch {
	case f.end != 0 && ttl > f.end, f.gap != 0:
		return false
	case ttl == f.end:
		samples, pending := f.samples()
		return samples+pending < r.enough
	case p.answered > 0:
		return p.answered+p.pending < r.enough
	case f.end != 0 || p.sent > 1 || f.silent(r.shape.FirstTTL) >= r.silentRun:
		return now >= p.last+min(max(r.longest, leastAgain), mostAgain)
	default:
		return p.pending == 0
	}
}

// rowIsFinal reports whether nothing can change the next row any more.
func (r *Interactive) rowIsFinal() bool {
	for i := range r.flows {
		if f := &r.flows[i]; !f.over(r.row, r.shape) && !r.isFinal(f, r.row) {
			return false
		}
	}
	return true
}

// isFinal reports whether nothing can change a TTL of a flow any more.
func (r *Interactive) isFinal(f *flow, ttl uint8) bool {
	if ttl >= f.next {
		return false
	}
	p := &f.hops[ttl]
	if ttl != f.end {
		return p.answered >= r.enough || p.sent == r.shape.Attempts && p.pending == 0
	}
	samples, pending := f.samples()
	return samples >= r.enough || p.sent == r.shape.Attempts && pending == 0
}

// atEnd reports whether the next row lies beyond all paths.
func (r *Interactive) atEnd() bool {
	for i := range r.flows {
		if !r.flows[i].over(r.row, r.shape) {
			return false
		}
	}
	return true
}

// slots returns the slots of the next row.
func (r *Interactive) slots() []window.Slot {
	var slots []window.Slot
	for i := range r.flows {
		f := &r.flows[i]
		switch {
		case f.over(r.row, r.shape):
		case f.end == r.row:
			slots = append(slots, r.endSlots(f)...)
		default:
			slots = slices.AppendSeq(slots, f.attempts(r.row))
		}
	}
	return slots
}

// endSlots returns the slots of a flow's last row: those answered, by TTL, then as many silent
// ones as are missing.
func (r *Interactive) endSlots(f *flow) []window.Slot {
	var answered, silent []window.Slot
	for ttl := f.end; ttl < f.next; ttl++ {
		for slot := range f.attempts(ttl) {
			switch {
			case !r.cfg.Window.Answered(slot) && ttl == f.end:
				silent = append(silent, slot)
			case r.cfg.Window.Answered(slot) && (ttl == f.end || f.hops[ttl].sample):
				answered = append(answered, slot)
			}
		}
	}
	answered = answered[:min(len(answered), r.enough)]
	missing := max(r.enough-len(answered), 0)
	return append(answered, silent[:min(missing, len(silent))]...)
}
