package schedule

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// habit is how a target of the simulation answers.
type habit struct {
	distance uint8   // 0 never answers
	router   float64 // chance that a router answers
	answer   float64 // chance that the target answers
	// quote gives the quoted TTL of a port unreachable; nil is an echo reply.
	quote    func(ttl, distance uint8) uint8
	excluded bool
	failing  float64 // chance that the kernel does not take a probe
}

func trueQuote(ttl, distance uint8) uint8 { return ttl - distance + 1 }

var falseQuotes = []func(ttl, distance uint8) uint8{
	func(ttl, _ uint8) uint8 { return 0 },
	func(ttl, _ uint8) uint8 { return 1 },
	func(ttl, _ uint8) uint8 { return ttl },
	func(ttl, _ uint8) uint8 { return ttl + 1 },
	func(ttl, distance uint8) uint8 { return min(ttl, ttl-distance+2) }, // one short
}

// event is a reply on its way.
type event struct {
	at    int64
	id    uint64 // of the window
	reply probe.Reply
	slot  window.Slot
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}

// sim runs a schedule on a virtual clock, an Exhaustive if no other is set. Its opener, sender,
// net and matcher do the work of the real ones, one after another.
type sim struct {
	*testing.T
	rng     *rand.Rand
	cfg     Config
	targets []habit
	addrs   []probe.Addr    // of the targets; nil: any
	known   *window.StopSet // the matcher's, may be nil
	batch   int
	perNS   int64 // between probes
	lag     int64 // of the matcher, relative to the net
	haltAt  int64 // 0 never
	start   func(Config) Schedule
	// reply answers a probe in place of the targets' habits.
	reply func(f *probe.Facts, target int, random float64) (rtt int64, ok bool)

	now    int64
	e      Schedule
	ready  chan *window.Window
	opened int
	closed bool // ready
	live   []*window.Window
	free   []*window.Window
	net    events
	sent   map[window.Item]int64 // by window number, in Item.Window's place
	order  []window.Slot         // of the first window
	done   []result
}

// result is the result of a window.
type result struct {
	id      uint64
	halted  bool
	states  map[[2]int]window.State // by target and flow
	stamps  map[window.Slot]int64
	answers map[window.Slot]bool
}

func addrOf(i int) probe.Addr { return probe.Addr4From([4]byte{198, 18, byte(i >> 8), byte(i)}) }

func routerAt(ttl uint8) probe.Addr { return probe.Addr4From([4]byte{203, 0, 113, ttl}) }

func (s *sim) addr(i int) probe.Addr {
	if s.addrs != nil {
		return s.addrs[i]
	}
	return addrOf(i)
}

func (s *sim) run() {
	s.now = 1e18
	s.ready = make(chan *window.Window, window.Live)
	s.cfg.Set, s.cfg.Ready = window.NewSet(s.cfg.Shape), s.ready
	s.sent = make(map[window.Item]int64)
	if s.start == nil {
		s.start = func(c Config) Schedule { return NewExhaustive(c) }
	}
	s.e = s.start(s.cfg)
	for range window.Live {
		s.free = append(s.free, window.New(s.cfg.Shape))
	}
	items := make([]window.Item, s.batch)
	halted := false
	for calls := 0; ; calls++ {
		if calls > 2_000_000 {
			s.Fatalf("does not end")
		}
		if s.haltAt != 0 && s.now >= 1e18+s.haltAt && !halted {
			s.e.Halt()
			halted = true
		}
		s.open(halted)
		n, next := s.e.Next(items[:1+s.rng.IntN(s.batch)], s.now)
		if halted && n > 0 {
			s.Fatalf("%d probes after Halt", n)
		}
		for _, item := range items[:n] {
			s.emit(item)
		}
		if next == Done {
			if n > 0 || !s.closed || slices.ContainsFunc(s.live, func(w *window.Window) bool { return w.Deadline() == 0 }) {
				s.Fatalf("Done with %d probes, %d windows live", n, len(s.live))
			}
			break
		}
		if next < s.now && n == 0 {
			s.Fatalf("next = %d before now = %d", next, s.now)
		}
		s.now = max(s.now+1+int64(n)*s.perNS, min(next, s.now+10e6))
		s.match()
	}
	for len(s.live) > 0 {
		s.now += 1e6
		s.match()
	}
}

// open does the opener's work.
func (s *sim) open(halted bool) {
	size := s.cfg.Shape.Targets
	for !s.closed && len(s.free) > 0 {
		first := s.opened * size
		if first >= len(s.targets) || halted {
			s.closed = true
			close(s.ready)
			return
		}
		w := s.free[0]
		s.free = s.free[1:]
		w.Open(uint64(s.opened))
		for i := first; i < min(first+size, len(s.targets)); i++ {
			w.Append(s.addr(i))
		}
		s.opened++
		s.cfg.Set.Put(w)
		s.live = append(s.live, w)
		s.ready <- w
	}
}

// emit checks a probe and sends it.
func (s *sim) emit(item window.Item) {
	w, slot := item.Window, item.Slot
	id := window.Item{Slot: slot}
	id.Target += uint32(w.ID) * uint32(s.cfg.Shape.Targets)
	if _, ok := s.sent[id]; ok {
		s.Fatalf("%+v is handed out twice", id.Slot)
	}
	if w.Deadline() != 0 {
		s.Fatalf("%+v after the window was closed", id.Slot)
	}
	if end := w.State(slot.Target, slot.Flow).End(); !s.cfg.NoStop && end != 0 && slot.TTL > end {
		s.Fatalf("%+v above the known end %d", id.Slot, end)
	}
	for before := slot; before.Attempt > 0; {
		before.Attempt--
		sent := w.Sent(before)
		if sent == 0 || sent == window.Excluded || w.Answered(before) {
			s.Fatalf("%+v after an attempt that is %d, answered %t", id.Slot, sent, w.Answered(before))
		}
		if over := sent + int64(s.cfg.Wait); sent > 0 && (s.now < over || s.cfg.Set.Matched() < over) {
			s.Fatalf("%+v before the wait for the attempt before is over", id.Slot)
		}
	}
	h := s.targets[id.Target]
	stamp := s.now
	switch {
	case h.excluded:
		stamp = window.Excluded
	case s.rng.Float64() < h.failing:
		stamp = window.Failed
	}
	s.sent[id] = stamp
	w.Stamp(slot, stamp)
	if w.ID == 0 {
		s.order = append(s.order, slot)
	}
	if stamp > 0 {
		s.answer(w, slot, h)
	}
}

// answer puts the reply to a probe on its way, if there is one.
func (s *sim) answer(w *window.Window, slot window.Slot, h habit) {
	f := probe.Facts{Probe: probe.Probe{
		Target: w.Target(int(slot.Target)), Flow: slot.Flow, TTL: slot.TTL, Attempt: slot.Attempt,
	}}
	if s.reply != nil {
		if rtt, ok := s.reply(&f, int(w.ID)*s.cfg.Shape.Targets+int(slot.Target), s.rng.Float64()); ok {
			heap.Push(&s.net, event{s.now + rtt, w.ID, probe.Reply{Facts: f}, slot})
		}
		return
	}
	switch {
	case h.distance == 0 || slot.TTL < h.distance:
		if s.rng.Float64() >= h.router {
			return
		}
		f.Kind, f.Responder = probe.KindTTLExceeded, routerAt(slot.TTL)
	case s.rng.Float64() >= h.answer:
		return
	case h.quote == nil:
		f.Kind, f.Responder = probe.KindEchoReply, f.Target
	default:
		f.Kind, f.Responder, f.HasQuote = probe.KindPortUnreach, f.Target, true
		f.QuotedTTL = h.quote(slot.TTL, h.distance)
	}
	rtt := s.rng.Int64N(int64(s.cfg.Wait) * 11 / 10) // some come too late
	heap.Push(&s.net, event{s.now + rtt, w.ID, probe.Reply{Facts: f}, slot})
}

// match does the matcher's work, and the recorder's.
func (s *sim) match() {
	upTo := s.now - s.lag
	for len(s.net) > 0 && s.net[0].at <= upTo {
		ev := heap.Pop(&s.net).(event)
		w := s.cfg.Set.Get(ev.id)
		if w == nil {
			continue // the window is over
		}
		if out := w.Answer(ev.slot, &ev.reply); out.Unsent {
			s.Fatalf("%+v was not stamped", ev.slot)
		}
		w.Learn(ev.slot.Target, &ev.reply.Facts, s.known)
	}
	s.cfg.Set.SetMatched(upTo)
	for len(s.live) > 0 {
		w := s.live[0]
		if d := w.Deadline(); d == 0 || d > upTo {
			return
		}
		s.cfg.Set.Remove(w)
		s.done = append(s.done, s.record(w))
		w.Reset()
		s.live, s.free = s.live[1:], append(s.free, w)
	}
}

func (s *sim) record(w *window.Window) result {
	r := result{w.ID, w.Halted(), map[[2]int]window.State{}, map[window.Slot]int64{}, map[window.Slot]bool{}}
	last := int64(0)
	for slot := range slots(s.cfg.Shape, w.Len()) {
		r.states[[2]int{int(slot.Target), int(slot.Flow)}] = w.State(slot.Target, slot.Flow)
		r.stamps[slot], r.answers[slot] = w.Sent(slot), w.Answered(slot)
		last = max(last, w.Sent(slot))
	}
	if w.Deadline() < last+int64(s.cfg.Wait) {
		s.Fatalf("window %d: deadline %d, last probe %d", w.ID, w.Deadline(), last)
	}
	return r
}

// slots calls yield for every slot of a window of n targets.
func slots(sh window.Shape, n int) func(func(window.Slot) bool) {
	return func(yield func(window.Slot) bool) {
		for target := range uint32(n) {
			for flow := range uint16(sh.Flows) {
				for ttl := sh.FirstTTL; ttl <= sh.LastTTL; ttl++ {
					for attempt := range uint8(sh.Attempts) {
						if !yield(window.Slot{Target: target, Flow: flow, TTL: ttl, Attempt: attempt}) {
							return
						}
					}
				}
			}
		}
	}
}

// check compares the results of the windows with the configuration.
func (s *sim) check() {
	if !s.closed || len(s.done) != s.opened {
		s.Fatalf("%d windows closed of %d", len(s.done), s.opened)
	}
	for i, r := range s.done {
		if r.id != uint64(i) {
			s.Fatalf("window %d is the %d. to end", r.id, i)
		}
		if r.halted && s.haltAt == 0 {
			s.Errorf("window %d is halted, and nobody halted it", r.id)
		}
		if missing := s.missing(r); (missing != "") && !r.halted {
			s.Errorf("window %d is not halted and lacks %s", r.id, missing)
		}
	}
}

// missing names a probe that should have been sent, "" if there is none.
func (s *sim) missing(r result) string {
	sh := s.cfg.Shape
	for slot, stamp := range r.stamps {
		end := r.states[[2]int{int(slot.Target), int(slot.Flow)}].End()
		h := s.targets[int(r.id)*sh.Targets+int(slot.Target)]
		consistent := h.quote == nil || h.distance == 0 || s.consistent(h)
		if consistent && end != 0 && end < h.distance {
			s.Errorf("end %d is below the distance %d", end, h.distance)
		}
		if stamp != 0 || !s.cfg.NoStop && end != 0 && slot.TTL > end || h.excluded && slot.Attempt > 0 {
			continue
		}
		answered := false
		for before := slot; before.Attempt > 0; {
			before.Attempt--
			answered = answered || r.answers[before]
		}
		if !answered {
			return fmt.Sprintf("%+v", slot)
		}
	}
	return ""
}

func (s *sim) consistent(h habit) bool { return h.quote(40, h.distance) == trueQuote(40, h.distance) }

func TestExhaustive(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 7))
		first := uint8(1 + rng.IntN(3))
		s := &sim{
			T: t, rng: rng, batch: 1 + rng.IntN(64),
			cfg: Config{
				Shape: window.Shape{
					Targets: 1 + rng.IntN(20), FirstTTL: first, LastTTL: first + uint8(rng.IntN(30)),
					Flows: 1 + rng.IntN(3), Attempts: 1 + rng.IntN(probe.MaxAttempts),
				},
				Wait: time.Duration(1+rng.IntN(100)) * time.Millisecond, NoStop: rng.IntN(8) == 0,
			},
			perNS: 1 + rng.Int64N(1e5), lag: rng.Int64N(50e6),
		}
		for range 1 + rng.IntN(200) {
			s.targets = append(s.targets, randomHabit(rng))
		}
		if seed%3 == 0 {
			s.haltAt = 1 + rng.Int64N(400e6)
		}
		s.run()
		s.check()
		if t.Failed() {
			t.Fatalf("seed %d: %+v", seed, s.cfg)
		}
	}
}

func randomHabit(rng *rand.Rand) habit {
	h := habit{router: rng.Float64(), answer: rng.Float64()}
	if rng.IntN(4) > 0 {
		h.distance = uint8(1 + rng.IntN(35))
	}
	switch rng.IntN(4) {
	case 0:
		h.quote = falseQuotes[rng.IntN(len(falseQuotes))]
	case 1:
	default:
		h.quote = trueQuote
	}
	h.excluded = rng.IntN(20) == 0
	if rng.IntN(5) == 0 {
		h.failing = rng.Float64()
	}
	return h
}
