package budget

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// user is an agent that probes each thing as often as its slots allow.
type user struct {
	name         string
	works        bool
	asked, reply time.Duration
	waits        bool
	next, slot   Slot
	until        time.Duration
	last         map[int]time.Duration // of the probes to each thing
	since        [Classes]time.Duration
}

// step asks for slots, and returns the things that are probed now. Answers take up to 300 ms, and some are
// lost.
func (u *user) step(rng *rand.Rand, now time.Duration, hub *Turns, epoch time.Time) (probed []int) {
	if u.works && !u.waits && rng.IntN(40) == 0 {
		u.next, u.asked, u.reply, u.waits = hub.Grant(epoch.Add(now), u.name), now, now+time.Duration(rng.IntN(300))*time.Millisecond, true
	}
	if now >= u.until {
		u.slot = Slot{}
	}
	if u.waits && now >= u.reply {
		u.waits = false
		if until := u.asked + u.next.Life; rng.IntN(10) > 0 && now < until {
			for c := range Classes {
				if u.slot.Classes>>c&1 == 0 || u.slot.RatePPS != u.next.RatePPS {
					u.since[c] = now
				}
			}
			u.slot, u.until = u.next, until
		}
	}
	if !u.works {
		return nil
	}
	for thing := range 3 {
		c := thing * 17
		if u.slot.Classes>>c&1 == 0 {
			continue
		}
		gap := time.Duration(float64(time.Second) / u.slot.RatePPS)
		if last, ok := u.last[thing]; (!ok || now-last >= gap) && now-u.since[c] >= gap {
			u.last[thing] = now
			probed = append(probed, thing)
		}
	}
	return probed
}

// The law: over any second, all agents together probe each thing at most as often as its limit allows, while
// agents come and go. And the limit is used: all agents that work get probes.
func TestTurnsOverEverySecond(t *testing.T) {
	for seed := range uint64(80) {
		rng := rand.New(rand.NewPCG(seed, 5))
		rate := []float64{0.5, 1, 3, 7, 10, 40}[seed%6]
		epoch := time.Unix(1e9, 0)
		hub := NewTurns(rate, epoch)
		agents := make([]*user, 1+rng.IntN(7))
		sent := make([]int, len(agents))
		for i := range agents {
			agents[i] = &user{name: fmt.Sprint("agent", i), works: rng.IntN(3) > 0, last: map[int]time.Duration{}}
		}
		const tick = 10 * time.Millisecond
		span := time.Duration(max(1, 1/rate) * float64(time.Second))
		var times [3][]time.Duration
		for now := time.Duration(0); now < 60*time.Second; now += tick {
			for i, u := range agents {
				if now < 30*time.Second && rng.IntN(500) == 0 {
					if u.works = !u.works; !u.works && !u.waits {
						hub.Return(u.name)
						u.slot = Slot{}
					}
				}
				u.works = u.works || now > 30*time.Second
				for _, thing := range u.step(rng, now, hub, epoch) {
					times[thing] = append(times[thing], now)
					if now > 30*time.Second {
						sent[i]++
					}
				}
			}
		}
		for thing, list := range times {
			for i, at := range list {
				n := 0
				for n+i < len(list) && list[n+i] < at+span {
					n++
				}
				if float64(n) > max(rate, 1) {
					t.Fatalf("seed %d: %d probes to thing %d in the %v from %v on, with a limit of %v", seed, n, thing, span, at, rate)
				}
			}
		}
		for i, n := range sent {
			if n == 0 {
				t.Errorf("seed %d: agent %d of %d probes nothing, with a limit of %v", seed, i, len(agents), rate)
			}
		}
	}
}

// An agent alone has all of the limit, several divide it, and a part that comes back is divided anew.
func TestTurnsDivide(t *testing.T) {
	now := time.Unix(1e9, 0)
	b := NewTurns(10, now.Add(Life))
	if s := b.Grant(now, "a"); s.Classes != 0 {
		t.Errorf("while slots of an earlier hub are in force: %+v", s)
	}
	now = now.Add(Life)
	if s := b.Grant(now, "a"); s.RatePPS != 10 || s.Classes != AllClasses {
		t.Errorf("alone: %+v", s)
	}
	if s := b.Grant(now, "b"); s.Classes != 0 {
		t.Errorf("in the turn of another: %+v", s)
	}
	now = now.Add(Turn)
	b.Grant(now, "a")
	now = now.Add(time.Second)
	for _, name := range []string{"a", "b"} {
		if s := b.Grant(now, name); s.RatePPS != 5 || s.Classes != AllClasses {
			t.Errorf("%s of two: %+v", name, s)
		}
	}
	b.Return("a")
	b.Return("b")
	if !b.IsIdle(now) {
		t.Error("in use after all came back")
	}
	if b.Grant(now, "b"); b.IsIdle(now) {
		t.Error("idle while an agent asks")
	}
	now = now.Add(time.Second)
	if s := b.Grant(now, "b"); s.RatePPS != 10 {
		t.Errorf("after the others have gone: %+v", s)
	}
}

// Few probes a second are not divided: agents take turns, and each class has one of them.
func TestTurnsTake(t *testing.T) {
	now := time.Unix(1e9, 0)
	b := NewTurns(1, now)
	names := []string{"a", "b", "c"}
	had := map[string]uint64{}
	for range 7 {
		all := uint64(0)
		for _, name := range names {
			s := b.Grant(now, name)
			if all&s.Classes != 0 || s.Classes != 0 && s.RatePPS != 1 {
				t.Fatalf("%s has %+v, and others have %x", name, s, all)
			}
			all |= s.Classes
			had[name] |= s.Classes
		}
		if all != AllClasses {
			t.Fatalf("classes %x are in use", all)
		}
		now = now.Add(Turn)
	}
	for _, name := range names {
		if had[name] != AllClasses {
			t.Errorf("%s had %x", name, had[name])
		}
	}
}
