package matcher

import (
	"container/heap"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/internal/window"
)

// The stress test runs four goroutines over windows that are recycled many times: the opener,
// scheduler and sender, net and matcher, and assembler. Each logs its actions. model then replays
// the log, alone and with maps, and must come to the same counts and records.
//
// Time is a counter that the matcher's goroutine advances.
type stress struct {
	*testing.T
	shape   window.Shape
	fresh   *window.Window // for compare
	targets int
	set     *window.Set
	matcher *Matcher
	source  *schedule.Exhaustive
	free    chan *window.Window
	ready   chan *window.Window
	retired chan *window.Window
	closed  chan *window.Window // from the matcher to the assembler
	halt    atomic.Bool
	sending atomic.Bool
	clock   atomic.Int64

	net struct {
		sync.Mutex
		flying flights
		rng    *rand.Rand
	}
	matched   []matched               // log of the matcher
	stamps    map[probe.Probe]int64   // log of the sender: the last stamp of each probe
	records   map[uint64][]kept       // log of the assembler: entries by window
	slots     map[probe.Probe]kept    // the first reply of each slot
	states    map[[2]any]window.State // by target and flow
	sum       account.Account
	deadlines map[uint64]int64
}

// matched is an event of the matcher: a reply or, without one, the retirement of a window.
type matched struct {
	reply probe.Facts
	id    uint64
	upTo  int64
	over  bool
}

// kept is an entry as the assembler read it.
type kept struct {
	probe.Facts
	role     window.Role
	standing window.Standing // of the best answer to a probe
}

// flight is a reply on its way.
type flight struct {
	at    int64
	facts probe.Facts
}

type flights []flight

func (f flights) Len() int           { return len(f) }
func (f flights) Less(i, j int) bool { return f[i].at < f[j].at }
func (f flights) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }
func (f *flights) Push(x any)        { *f = append(*f, x.(flight)) }
func (f *flights) Pop() any {
	old := *f
	x := old[len(old)-1]
	*f = old[:len(old)-1]
	return x
}

const (
	stressWait = 20 * time.Millisecond
	stressTick = int64(20 * time.Microsecond) // advance of the clock per batch of replies
)

// forged is the code of forged replies, to probes that were not sent.
const forged = 99

// excluded and distance define the stress test's targets.
func excluded(position uint64) bool { return position%13 == 5 }
func distance(position uint64) uint8 {
	return uint8(1 + position*7%10) // beyond the last TTL for some targets
}

func newStress(t *testing.T, seed uint64, onDemand int) *stress {
	s := &stress{
		T:       t,
		shape:   window.Shape{Targets: 8, FirstTTL: 1, LastTTL: 8, Flows: 2, Attempts: 3, Unlinked: 40, ExtensionOctets: 64, OnDemand: onDemand},
		free:    make(chan *window.Window, window.Live),
		ready:   make(chan *window.Window, window.Live),
		retired: make(chan *window.Window, window.Live),
		closed:  make(chan *window.Window, window.Live),
		stamps:  map[probe.Probe]int64{}, records: map[uint64][]kept{}, slots: map[probe.Probe]kept{},
		states: map[[2]any]window.State{}, deadlines: map[uint64]int64{},
	}
	s.targets = 3*window.Live*s.shape.Targets - 3
	s.clock.Store(1e18)
	s.net.rng = rand.New(rand.NewPCG(seed, 1))
	s.set = window.NewSet(s.shape)
	s.matcher = New(Config{Index: order(s.targets), Set: s.set, Retired: s.retired})
	s.source = schedule.NewExhaustive(schedule.Config{Shape: s.shape, Wait: stressWait, Ready: s.ready, Set: s.set})
	s.fresh = window.New(s.shape)
	for range window.Live {
		s.free <- window.New(s.shape)
	}
	return s
}

func (s *stress) run(haltAfter int) {
	var g sync.WaitGroup
	s.sending.Store(true)
	total := make(chan int, 1)
	g.Go(func() { total <- s.open() })
	g.Go(func() { s.send(haltAfter) })
	over := make(chan struct{})
	g.Go(func() { s.match(over) })
	g.Go(func() {
		s.assemble(total)
		close(over)
	})
	g.Wait()
}

// open plays the opener.
func (s *stress) open() (opened int) {
	defer close(s.ready)
	for id := uint64(0); id*uint64(s.shape.Targets) < uint64(s.targets); id++ {
		var w *window.Window
		for w == nil {
			select {
			case w = <-s.free:
			default:
				if s.halt.Load() {
					return int(id)
				}
				runtime.Gosched()
			}
		}
		w.Open(id)
		for i := w.Position; i < min(w.Position+uint64(s.shape.Targets), uint64(s.targets)); i++ {
			w.Append(addrOf(i))
		}
		s.set.Put(w)
		s.ready <- w
		opened = int(id) + 1
	}
	return opened
}

// send plays the sender. It stamps a batch and offers it to a kernel. The kernel accepts a part
// of it, refuses a part for a while, and refuses a part for good. Meanwhile send reads replies.
func (s *stress) send(haltAfter int) {
	defer s.sending.Store(false)
	rng := rand.New(rand.NewPCG(uint64(haltAfter), 2))
	items := make([]window.Item, 64)
	sent := 0
	for {
		if sent > haltAfter && !s.halt.Load() {
			s.halt.Store(true)
			s.source.Halt()
		}
		n, next := s.source.Next(items[:1+rng.IntN(64)], s.clock.Load())
		if next == schedule.Done {
			return
		}
		s.batch(rng, items[:n])
		sent += n
		for range 1 + rng.IntN(3) {
			runtime.Gosched()
		}
	}
}

func (s *stress) batch(rng *rand.Rand, items []window.Item) {
	kept := items[:0]
	for _, item := range items {
		s.look(item.Window)
		if excluded(item.Window.Position + uint64(item.Target)) {
			s.stamp(item, window.Excluded)
			s.forge(item)
			continue
		}
		kept = append(kept, item)
	}
	for len(kept) > 0 {
		now := s.clock.Load()
		for _, item := range kept {
			s.stamp(item, now)
		}
		n := rng.IntN(len(kept) + 1)
		for _, item := range kept[:n] {
			s.fly(item)
		}
		if kept = kept[n:]; len(kept) > 0 && rng.IntN(4) == 0 { // EMSGSIZE
			s.stamp(kept[0], window.Failed)
			s.forge(kept[0])
			kept = kept[1:]
		}
		runtime.Gosched()
	}
}

// look reads every reply that the scheduler may read of a window while it still sends probes of it.
// Each must be complete.
func (s *stress) look(w *window.Window) {
	for target := range uint32(w.Len()) {
		for flow := range uint16(s.shape.Flows) {
			for ttl := s.shape.FirstTTL; ttl <= s.shape.LastTTL; ttl++ {
				slot := window.Slot{Target: target, Flow: flow, TTL: ttl}
				e, standing := w.Best(slot)
				if e == nil {
					continue
				}
				if !whole(&e.Facts) || e.Probe.TTL != ttl || e.Flow != flow {
					s.Errorf("torn: %+v", e.Facts)
				}
				// The standing belongs to this very reply: one with two tags
				// steers.
				if !e.OneTag() && standing != window.Steers {
					s.Errorf("standing %d of %+v", standing, e.Facts)
				}
			}
		}
	}
}

func (s *stress) stamp(item window.Item, ns int64) {
	item.Window.Stamp(item.Slot, ns)
	s.stamps[s.probe(item)] = ns
}

func (s *stress) probe(item window.Item) probe.Probe {
	return probe.Probe{
		Target: item.Window.Target(int(item.Target)), Flow: item.Flow, TTL: item.TTL, Attempt: item.Attempt,
	}
}

// whole reports whether all words of a reply belong together.
func whole(f *probe.Facts) bool {
	return f.ReplySize == uint32(f.Stamp) && f.MTU == uint32(f.Stamp>>7) && f.QuotedSize == uint32(f.Stamp*3)
}

// fly answers a probe that the kernel has accepted: not at all, once, several times, in time, too
// late, or as a service does.
func (s *stress) fly(item window.Item) {
	p := s.probe(item)
	position := item.Window.Position + uint64(item.Target)
	s.net.Lock()
	defer s.net.Unlock()
	rng := s.net.rng
	if rng.IntN(5) == 0 {
		return
	}
	for range 1 + max(rng.IntN(6)-3, 0) {
		f := probe.Facts{Probe: p, Responder: routerAddr, Kind: probe.KindTTLExceeded, Valid: probe.Strong}
		if d := distance(position); p.TTL >= d {
			f.Kind, f.Responder, f.HasQuote, f.QuotedTTL = probe.KindPortUnreach, p.Target, true, p.TTL-d+1
			if rng.IntN(4) == 0 {
				f.Probe.TTL, f.Probe.Attempt = 0, 0
				f.Kind, f.Valid, f.HasQuote, f.QuotedTTL = probe.KindUDPReply, probe.Weak, false, 0
			}
		}
		rtt := rng.Int64N(int64(stressWait))
		if rng.IntN(10) == 0 {
			rtt *= 12
		}
		if f.HasHop() {
			s.worse(f, rtt)
		}
		s.push(f, rtt)
	}
}

// worse sends garbled copies of an answer from elsewhere, before or after it: each proves less, and
// some end the path.
func (s *stress) worse(f probe.Facts, rtt int64) {
	rng := s.net.rng
	for range max(rng.IntN(5)-2, 0) {
		g := f
		g.Responder = addrOf(1<<20 + rng.Uint64N(1<<20))
		if rng.IntN(3) == 0 {
			g.Kind, g.QuotedTTL = probe.KindPortUnreach, uint8(1+rng.IntN(int(g.TTL)))
		}
		g.HasQuote = true
		switch rng.IntN(4) {
		case 0:
			g.Mangled = probe.MangledSource // strong
		case 1:
			g.Valid = probe.Weak
		case 2:
			g.Valid, g.Mangled = probe.Weak, probe.MangledIPID
		case 3:
			g.Valid = probe.Garbled
		}
		s.push(g, rng.Int64N(rtt+rtt/2+1))
	}
}

// forge answers a probe that was not sent, and a probe of a window far ahead.
func (s *stress) forge(item window.Item) {
	s.net.Lock()
	defer s.net.Unlock()
	f := probe.Facts{Probe: s.probe(item), Responder: addrOf(1<<22 + s.net.rng.Uint64N(1<<20)), Kind: probe.KindTTLExceeded, Valid: probe.Weak, Code: forged, HasQuote: true}
	s.push(f, s.net.rng.Int64N(int64(stressWait)/4))
	f.Target = addrOf((item.Window.ID + window.Live + 5) * uint64(s.shape.Targets))
	s.push(f, 0)
}

// push puts a reply on its way. The caller holds the lock of the net.
func (s *stress) push(f probe.Facts, rtt int64) {
	f.Stamp = s.clock.Load() + rtt
	f.ReplySize, f.MTU, f.QuotedSize = uint32(f.Stamp), uint32(f.Stamp>>7), uint32(f.Stamp*3)
	heap.Push(&s.net.flying, flight{f.Stamp, f})
}

// match plays the receiver and the matcher.
func (s *stress) match(over <-chan struct{}) {
	batch := make([]probe.Reply, 0, 256)
	ext := []byte{0x20, 0, 0, 0, 0, 8, 1, 1}
	for {
		select {
		case <-over:
			return
		default:
		}
		batch = batch[:0]
		s.net.Lock()
		upTo := s.clock.Add(stressTick)
		for len(s.net.flying) > 0 && s.net.flying[0].at < upTo && len(batch) < cap(batch) {
			f := heap.Pop(&s.net.flying).(flight).facts
			r := probe.Reply{Facts: f}
			if f.Stamp%3 == 0 {
				r.Ext = ext
			}
			batch = append(batch, r)
		}
		if len(s.net.flying) > 0 {
			upTo = min(upTo, s.net.flying[0].at)
		}
		s.net.Unlock()
		s.matcher.Replies(batch, upTo)
		for i := range batch {
			s.matched = append(s.matched, matched{reply: batch[i].Facts})
		}
		for len(s.retired) > 0 {
			w := <-s.retired
			s.matched = append(s.matched, matched{id: w.ID, upTo: upTo, over: true})
			s.closed <- w
		}
		runtime.Gosched()
	}
}

// assemble plays the recorder.
func (s *stress) assemble(opened <-chan int) {
	a := trace.NewAssembler(trace.AssemblerConfig{Flows: noFlows{}})
	total := 1 << 30
	for done := 0; done < total; {
		select {
		case total = <-opened:
			continue
		case w := <-s.closed:
			s.record(w)
			a.Account.Hear(&w.Heard)
			if err := a.Records(w, func(record.Record) error { return nil }); err != nil {
				s.Error(err)
			}
			w.Reset()
			s.free <- w
			done++
		}
	}
	s.sum = a.Account
}

type noFlows struct{}

func (noFlows) Flow(probe.Addr, uint16) probe.Flow { return probe.Flow{} }

func (s *stress) record(w *window.Window) {
	s.deadlines[w.ID] = w.Deadline()
	for e := range w.Entries {
		s.records[w.ID] = append(s.records[w.ID], kept{e.Facts, e.Role, 0})
	}
	s.compare(w)
	for target := range uint32(w.Len()) {
		for flow := range uint16(s.shape.Flows) {
			s.states[[2]any{w.Target(int(target)), flow}] = w.State(target, flow)
			slot := window.Slot{Target: target, Flow: flow}
			for slot.TTL = 1; slot.TTL <= s.shape.LastTTL; slot.TTL++ {
				for slot.Attempt = 0; int(slot.Attempt) < s.shape.Attempts; slot.Attempt++ {
					p := s.probe(window.Item{Window: w, Slot: slot})
					if e, standing := w.Best(slot); e != nil {
						s.slots[p] = kept{e.Facts, e.Role, standing}
					}
				}
			}
		}
	}
}

// compare holds the states and the standings of a window against those of another window, which got
// the best answers alone. So superseded answers leave no trace.
func (s *stress) compare(w *window.Window) {
	fresh := s.fresh
	fresh.Reset()
	fresh.Open(w.ID)
	for target := range uint32(w.Len()) {
		fresh.Append(w.Target(int(target)))
		for flow := range uint16(s.shape.Flows) {
			if w.Contested(target, flow) != 0 {
				continue
			}
			s.eachSlot(target, flow, func(slot window.Slot) { fresh.Stamp(slot, w.Sent(slot)) })
			for i := range w.Misses(target, flow) { // from several places
				fresh.Learn(target, &probe.Facts{Probe: probe.Probe{Flow: flow}, Valid: probe.Garbled, HasQuote: true,
					Responder: addrOf(1<<24 + uint64(i))}, nil)
			}
			s.eachSlot(target, flow, func(slot window.Slot) {
				if e, _ := w.Best(slot); e != nil {
					fresh.Answer(slot, &probe.Reply{Facts: e.Facts})
					fresh.Learn(target, &e.Facts, nil)
				}
			})
		}
	}
	fresh.Settle()
	for target := range uint32(w.Len()) {
		for flow := range uint16(s.shape.Flows) {
			if w.Contested(target, flow) != 0 {
				continue
			}
			got, want := w.State(target, flow), fresh.State(target, flow)
			if got.End() != want.End() || got.Exceeded() != want.Exceeded() || got.Heard() != want.Heard() || got.Unreach() != want.Unreach() {
				s.Errorf("window %d, target %d, flow %d: state %x, want %x", w.ID, target, flow, got, want)
			}
			s.eachSlot(target, flow, func(slot window.Slot) {
				e, got := w.Best(slot)
				if _, want := fresh.Best(slot); got != want {
					s.Errorf("window %d: standing %d of %+v, want %d; %d misses", w.ID, got, e.Facts, want, w.Misses(target, flow))
				}
			})
		}
	}
}

// eachSlot calls f for each slot of a path.
func (s *stress) eachSlot(target uint32, flow uint16, f func(window.Slot)) {
	slot := window.Slot{Target: target, Flow: flow}
	for slot.TTL = s.shape.FirstTTL; slot.TTL <= s.shape.LastTTL; slot.TTL++ {
		for slot.Attempt = 0; int(slot.Attempt) < s.shape.Attempts; slot.Attempt++ {
			f(slot)
		}
	}
}

func TestSlotProtocol(t *testing.T) {
	for _, tt := range []struct {
		name     string
		halt     int // number of probes before the halt
		onDemand int // slots per target, 0 for all
	}{
		{"to the end", 1 << 30, 0},
		{"halted", 3000, 0},
		{"halted soon", 300, 0},
		{"on demand", 1 << 30, 200},
		{"on demand, halted", 3000, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStress(t, uint64(tt.halt), tt.onDemand)
			s.run(tt.halt)
			newModel(s).check()
		})
	}
}
