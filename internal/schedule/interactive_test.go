package schedule

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// road is a path to one target on a virtual clock.
type road struct {
	*testing.T
	distance int // of the target; 0 if there is no target
	longer   map[uint16]int
	rtt      func(ttl int) time.Duration
	silent   func(ttl int) bool // routers
	refused  int                // TTL of a router that says unreachable, 0 none
	lost     func() bool

	// The target's limit: its burst, then one each second; 0 if there is no limit.
	burst  int
	tokens float64
	filled int64
	open   bool // it answers UDP by UDP

	patience Patience
	flows    int
	attempts int
	gapLimit int
	first    uint8
	haltAt   time.Duration
	lag      time.Duration // of the matcher

	w        *window.Window
	set      *window.Set
	now      int64
	start    int64
	net      events
	toTarget int // probes that got there
	sent     int
	rows     []Row
	took     time.Duration
}

const roadTTLs = 30

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// run traces and checks the properties that must always hold.
func (r *road) run() {
	shape := window.Shape{
		Targets: 1, FirstTTL: max(r.first, 1), LastTTL: roadTTLs,
		Flows: max(r.flows, 1), Attempts: max(r.attempts, 1),
	}
	if r.attempts == 0 {
		shape.Attempts = 3
	}
	if r.patience == (Patience{}) {
		r.patience = Patience{5 * time.Second, 3, 10, 4}
	}
	r.w = window.New(shape)
	r.w.Open(0)
	r.w.Append(addrOf(1))
	r.set = window.NewSet(shape)
	r.set.Put(r.w)
	rows := make(chan Row, shape.TTLs())
	s := NewInteractive(InteractiveConfig{Window: r.w, Set: r.set, Patience: r.patience, GapLimit: r.gapLimit, Rows: rows})
	r.start, r.tokens = 1e18, float64(r.burst)
	r.now, r.filled = r.start, r.start
	items := make([]window.Item, 64)
	for calls := 0; ; calls++ {
		if calls > 1e6 {
			r.Fatal("does not end")
		}
		r.match()
		if r.haltAt != 0 && r.now >= r.start+int64(r.haltAt) {
			s.Halt()
		}
		n, next := s.Next(items, r.now)
		for _, item := range items[:n] {
			r.emit(item.Slot)
		}
		if next == Done {
			break
		}
		if next <= r.now {
			r.Fatalf("is to be asked again at once")
		}
		r.now = next
	}
	r.took = time.Duration(r.now - r.start)
	if r.w.Deadline() == 0 {
		r.Error("the window is open")
	}
	for row := range rows {
		if want := shape.FirstTTL + uint8(len(r.rows)); row.TTL != want {
			r.Errorf("row %d, want %d", row.TTL, want)
		}
		r.rows = append(r.rows, row)
	}
}

func (r *road) emit(slot window.Slot) {
	if r.w.Sent(slot) != 0 {
		r.Fatalf("%+v is handed out twice", slot)
	}
	if end := r.w.State(0, slot.Flow).End(); end != 0 && slot.TTL > max(end, r.first) {
		r.Fatalf("%+v above the known end %d", slot, end)
	}
	if r.gapLimit != 0 && int(slot.TTL) > r.highest(slot.Flow)+r.gapLimit {
		r.Fatalf("%+v beyond the gap limit", slot)
	}
	r.w.Stamp(slot, r.now)
	r.sent++
	distance := r.distance
	if d := r.longer[slot.Flow]; d != 0 {
		distance = d
	}
	f := probe.Facts{Probe: probe.Probe{Target: addrOf(1), Flow: slot.Flow, TTL: slot.TTL, Attempt: slot.Attempt}}
	ttl := int(slot.TTL)
	switch {
	case r.refused != 0 && ttl >= r.refused:
		ttl = r.refused
		f.Kind, f.Responder = probe.KindHostUnreach, addrOf(1000+ttl)
	case distance != 0 && ttl >= distance:
		r.toTarget++
		if !r.mayAnswer() {
			return
		}
		f.Kind, f.Responder = probe.KindPortUnreach, addrOf(1)
		f.HasQuote, f.QuotedTTL = true, slot.TTL-uint8(distance)+1
		ttl = distance
		if r.open {
			f.Kind, f.HasQuote = probe.KindUDPReply, false
		}
	case r.silent != nil && r.silent(ttl):
		return
	default:
		f.Kind, f.Responder = probe.KindTTLExceeded, addrOf(1000+ttl)
	}
	if r.lost != nil && r.lost() {
		return
	}
	rtt := ms(ttl)
	if r.rtt != nil {
		rtt = r.rtt(ttl)
	}
	f.Stamp = r.now + int64(rtt)
	heap.Push(&r.net, event{f.Stamp, 0, probe.Reply{Facts: f}, slot})
}

// highest returns the highest answered TTL of a flow, or the one below the first.
func (r *road) highest(flow uint16) int {
	s := r.w.Shape()
	for ttl := s.LastTTL; ttl >= s.FirstTTL; ttl-- {
		for a := range uint8(s.Attempts) {
			if r.w.Answered(window.Slot{Flow: flow, TTL: ttl, Attempt: a}) {
				return int(ttl)
			}
		}
	}
	return int(s.FirstTTL) - 1
}

// mayAnswer is Linux's limit.
func (r *road) mayAnswer() bool {
	if r.burst == 0 {
		return true
	}
	r.tokens = min(r.tokens+float64(r.now-r.filled)/1e9, float64(r.burst))
	r.filled = r.now
	if r.tokens < 1 {
		return false
	}
	r.tokens--
	return true
}

func (r *road) match() {
	for len(r.net) > 0 && r.net[0].at <= r.now-int64(r.lag) {
		ev := heap.Pop(&r.net).(event)
		if ev.reply.HasHop() {
			r.w.Answer(ev.slot, &ev.reply)
		}
		r.w.Learn(0, &ev.reply.Facts, nil)
	}
	r.set.SetMatched(r.now - int64(r.lag))
}

// answers counts the answered slots of a row.
func (r *road) answers(row Row) (answered, silent int) {
	for _, slot := range row.Slots {
		if r.w.Answered(slot) {
			answered++
		} else {
			silent++
		}
	}
	return answered, silent
}

// At every distance, all rows are full although the target limits its answers. The trace takes
// little more than two RTTs, or three for far targets.
func TestInteractiveDistances(t *testing.T) {
	for _, rtt := range []int{1, 10, 100, 600} {
		for distance := 1; distance <= roadTTLs; distance++ {
			r := &road{T: t, distance: distance, burst: 6, rtt: func(ttl int) time.Duration {
				return ms(rtt) * time.Duration(ttl) / time.Duration(distance)
			}}
			r.run()
			if len(r.rows) != distance {
				t.Fatalf("distance %d, RTT %d ms: %d rows", distance, rtt, len(r.rows))
			}
			for _, row := range r.rows {
				if n, silent := r.answers(row); n != 3 || silent != 0 {
					t.Errorf("distance %d, RTT %d ms: row %d has %d answers, %d silent", distance, rtt, row.TTL, n, silent)
				}
			}
			if most := max(headStart-distance+1, ahead+1, 3); r.toTarget > most {
				t.Errorf("distance %d, RTT %d ms: %d probes to the target", distance, rtt, r.toTarget)
			}
			rounds := 2 // and less than one more for each step beyond the head start
			if beyond := distance - headStart; beyond > 0 {
				rounds += (beyond + ahead - 1) / ahead
			}
			if most := time.Duration(rounds)*ms(rtt) + ms(60); r.took > most {
				t.Errorf("distance %d, RTT %d ms: took %v", distance, rtt, r.took)
			}
		}
	}
}

// A target next door is not flooded.
func TestInteractiveNear(t *testing.T) {
	r := &road{T: t, distance: 1, burst: 6, rtt: func(int) time.Duration { return 300 * time.Microsecond }}
	r.run()
	if r.toTarget > 4 || r.took > ms(10) {
		t.Errorf("%d probes in %v", r.toTarget, r.took)
	}
}

// Silent routers cost one wait altogether.
func TestInteractiveSilentRouters(t *testing.T) {
	r := &road{T: t, distance: 15, silent: func(ttl int) bool { return ttl%4 == 2 }}
	r.run()
	if len(r.rows) != 15 {
		t.Fatalf("%d rows", len(r.rows))
	}
	for _, row := range r.rows {
		want := [2]int{3, 0}
		if row.TTL%4 == 2 {
			want = [2]int{0, 3}
		}
		if n, silent := r.answers(row); [2]int{n, silent} != want {
			t.Errorf("row %d has %d answers, %d silent", row.TTL, n, silent)
		}
	}
	if r.took > ms(500) {
		t.Errorf("took %v", r.took)
	}
}

// On the same site a silent router costs a tenth of a second.
func TestInteractiveSilentNear(t *testing.T) {
	r := &road{T: t, distance: 5, silent: func(ttl int) bool { return ttl == 3 }, rtt: func(int) time.Duration { return ms(1) / 2 }}
	r.run()
	if r.took > ms(130) || len(r.rows) != 5 {
		t.Errorf("%d rows in %v", len(r.rows), r.took)
	}
}

// RTTs may vary, and the matcher may be late. No probe is given up whose answer comes.
func TestInteractiveVaryingRTTs(t *testing.T) {
	for _, lag := range []int{0, 100, 2000} {
		for seed := range uint64(50) {
			rng := rand.New(rand.NewPCG(seed, 4))
			least := time.Duration(rng.Int64N(int64(ms(100))))
			r := &road{T: t, distance: 12, lag: ms(lag), rtt: func(int) time.Duration {
				return least + time.Duration(rng.Int64N(2*int64(least)+int64(ms(18))))
			}}
			r.run()
			for _, row := range r.rows {
				if n, silent := r.answers(row); n != 3 || silent != 0 {
					t.Errorf("lag %d ms, RTTs from %v, seed %d: row %d has %d answers, %d silent", lag, least, seed, row.TTL, n, silent)
				}
			}
		}
	}
}

// A caller that asks for the whole wait gets it.
func TestInteractivePatient(t *testing.T) {
	r := &road{T: t, distance: 9, patience: Patience{Max: 2 * time.Second}, rtt: func(ttl int) time.Duration {
		if ttl == 4 {
			return 1900 * time.Millisecond
		}
		return ms(ttl)
	}}
	r.run()
	for _, row := range r.rows {
		if n, _ := r.answers(row); n != 3 {
			t.Errorf("row %d has %d answers", row.TTL, n)
		}
	}
	r = &road{T: t, distance: 9, patience: Patience{Max: 2 * time.Second}, silent: func(ttl int) bool { return ttl == 4 }}
	r.run()
	if r.took < 2*time.Second || r.took > 2500*time.Millisecond {
		t.Errorf("took %v", r.took)
	}
}

// Where nothing answers from some TTL on, waits do not add up.
func TestInteractiveDropped(t *testing.T) {
	r := &road{T: t, silent: func(ttl int) bool { return ttl > 8 }}
	r.run()
	if len(r.rows) != roadTTLs || r.took > 3500*time.Millisecond {
		t.Errorf("%d rows in %v", len(r.rows), r.took)
	}
	r = &road{T: t, patience: Patience{Max: ms(100)}, silent: func(ttl int) bool { return ttl > 8 }}
	r.run()
	if r.took > ms(500) {
		t.Errorf("with a wait of 100 ms: %v", r.took)
	}
}

// Some answers are slower than those of the first routers: a satellite link after TTL 2.
func TestInteractiveSatellite(t *testing.T) {
	r := &road{T: t, distance: 8, rtt: func(ttl int) time.Duration {
		if ttl <= 2 {
			return ms(1)
		}
		return ms(700)
	}}
	r.run()
	for _, row := range r.rows {
		if n, _ := r.answers(row); n != 3 {
			t.Errorf("row %d has %d answers", row.TTL, n)
		}
	}
	if r.took > ms(1500) {
		t.Errorf("took %v", r.took)
	}
}

// A target has no answers left. The trace shows its distance and the answers that it gives.
func TestInteractiveExhaustedTarget(t *testing.T) {
	r := &road{T: t, distance: 10, burst: 1}
	r.run()
	if len(r.rows) != 10 {
		t.Fatalf("%d rows", len(r.rows))
	}
	if n, silent := r.answers(r.rows[9]); n < 1 || n+silent != 3 {
		t.Errorf("%d answers of the target, %d silent", n, silent)
	}
	if r.toTarget > headStart-10+1+3 || r.took > 1500*time.Millisecond {
		t.Errorf("%d probes to the target in %v", r.toTarget, r.took)
	}
}

func TestInteractiveRefused(t *testing.T) {
	r := &road{T: t, refused: 6}
	r.run()
	if len(r.rows) != 6 || r.took > ms(50) {
		t.Fatalf("%d rows in %v", len(r.rows), r.took)
	}
	if n, _ := r.answers(r.rows[5]); n != 3 {
		t.Errorf("the last row has %d answers", n)
	}
}

// The first TTL lies beyond the target.
func TestInteractiveFirstTTL(t *testing.T) {
	r := &road{T: t, distance: 3, first: 5}
	r.run()
	if len(r.rows) != 1 || r.rows[0].TTL != 5 {
		t.Errorf("rows %+v", r.rows)
	}
}

// A target that answers by UDP tells that it was reached, and no TTL.
func TestInteractiveUDPReply(t *testing.T) {
	r := &road{T: t, distance: 9, open: true}
	r.run()
	if len(r.rows) < 9 || len(r.rows) > headStart+ahead || r.took > ms(600) {
		t.Errorf("%d rows in %v", len(r.rows), r.took)
	}
}

func TestInteractiveHalt(t *testing.T) {
	r := &road{T: t, distance: 12, haltAt: ms(9)}
	r.run()
	if !r.w.Halted() || len(r.rows) >= 12 || r.took > ms(20) {
		t.Errorf("halted %t, %d rows in %v", r.w.Halted(), len(r.rows), r.took)
	}
}

// Every flow has a row up to its own distance, and asks each TTL once.
func TestInteractiveFlows(t *testing.T) {
	r := &road{T: t, flows: 4, distance: 10, longer: map[uint16]int{2: 12, 3: 9}}
	r.run()
	if len(r.rows) != 12 {
		t.Fatalf("%d rows", len(r.rows))
	}
	for _, row := range r.rows {
		per := map[uint16]int{}
		for _, slot := range row.Slots {
			if r.w.Answered(slot) {
				per[slot.Flow]++
			}
		}
		for flow := range uint16(4) {
			end := 10
			if d := r.longer[flow]; d != 0 {
				end = d
			}
			want := 1
			if int(row.TTL) > end {
				want = 0
			}
			if per[flow] != want {
				t.Errorf("TTL %d, flow %d: %d answers, want %d", row.TTL, flow, per[flow], want)
			}
		}
	}
	if r.took > ms(200) {
		t.Errorf("took %v", r.took)
	}
}

// With any losses, the trace ends in time and each probe is sent once.
func TestInteractiveRandom(t *testing.T) {
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 3))
		loss, mute := rng.Float64()*rng.Float64(), rng.Float64()/2
		quiet := map[int]bool{}
		for ttl := range roadTTLs + 1 {
			quiet[ttl] = rng.Float64() < mute
		}
		r := &road{
			T: t, distance: rng.IntN(40), burst: rng.IntN(8), attempts: 1 + rng.IntN(probe.MaxAttempts),
			flows: 1 + rng.IntN(3), first: uint8(1 + rng.IntN(5)),
			lost: func() bool { return rng.Float64() < loss }, silent: func(ttl int) bool { return quiet[ttl] },
			rtt: func(int) time.Duration { return time.Duration(rng.Int64N(int64(200 * time.Millisecond))) },
		}
		if rng.IntN(6) == 0 {
			r.refused = 1 + rng.IntN(20)
		}
		if rng.IntN(4) == 0 {
			r.gapLimit = 1 + rng.IntN(12)
		}
		r.run()
		last := r.rows[len(r.rows)-1].TTL
		end := r.w.State(0, 0).End()
		if r.flows == 1 && end != 0 && last > max(end, r.first) || r.took > 20*time.Second {
			t.Errorf("seed %d: last row %d, end %d, took %v", seed, last, end, r.took)
		}
		for _, row := range r.rows {
			if n, silent := r.answers(row); n+silent == 0 || n+silent > r.flows*r.attempts {
				t.Errorf("seed %d: row %d has %d probes", seed, row.TTL, n+silent)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d: %s", seed, fmt.Sprintf("%+v", r.rows))
		}
	}
}
