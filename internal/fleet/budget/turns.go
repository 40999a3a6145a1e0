package budget

import (
	"maps"
	"math"
	"slices"
	"time"
)

// Turn is for how long the agents of Turns stay the same.
const Turn = 4 * time.Second

// Classes is how many classes there are of things with a limit each. A set of classes is a uint64.
const Classes = 64

// AllClasses is the set of all classes.
const AllClasses = math.MaxUint64

// Slot is what an agent may use of a limit from the time of its request, for Life: RatePPS of each
// thing of some classes, such as prefixes, with equal times between its probes to one of them. In a class
// that the agent did not have before, it waits for as long before its first probe.
type Slot struct {
	RatePPS float64       `json:"rate_pps"`
	Classes uint64        `json:"classes"`
	Life    time.Duration `json:"life_ns"`
}

// Turns divides a limit that each thing has alone, such as the rate to a prefix. Such a limit is often
// lower than the number of agents. So all agents share it if each can have a whole number of probes
// per second; otherwise only some have it, for a class of things each, and they take turns.
//
// Law: over any second, all agents together send each thing at most its limit. With a limit below
// one, that holds for the time between two probes. Five rules give it:
//
//   - In a turn, each class has k agents, and each of them has the k-th part of the limit, in whole
//     probes per second if k is more than one.
//   - A slot ends with the turn, or after Life. The agent counts from its request, so it stops first.
//   - In a class that an agent did not have before, it waits for the time between two probes first.
//   - A turn with another k begins a second later.
//   - A hub that begins waits until the slots of an earlier hub have ended.
//
// A Turns belongs to one goroutine, and reads no clock.
type Turns struct {
	rate    float64
	began   time.Time // of the turn; before the first one, when it may begin
	index   int       // of the turn
	sharers int       // agents of a class in the turn
	members []string  // of the turn, in order
	away    int       // members that returned
	asked   map[string]bool
}

// NewTurns returns the turns of a limit, in probes per second. They do not begin before start.
func NewTurns(ratePPS float64, start time.Time) *Turns {
	return &Turns{rate: ratePPS, began: start, asked: map[string]bool{}}
}

// Grant gives an agent its slot of this turn. If it asks for the first time, it may have none before
// the next turn. Then Classes is 0.
func (t *Turns) Grant(now time.Time, agent string) Slot {
	t.asked[agent] = true
	if now.Before(t.began) {
		return Slot{Life: Life}
	}
	end := t.began.Add(Turn)
	if t.away == len(t.members) || !now.Before(end) {
		t.next(now)
		if end = t.began.Add(Turn); now.Before(t.began) {
			return Slot{Life: Life}
		}
	}
	s := Slot{Life: min(Life, end.Sub(now))}
	place := slices.Index(t.members, agent)
	if place < 0 {
		return s
	}
	n, k := len(t.members), t.sharers
	s.RatePPS = t.rate
	if k > 1 {
		s.RatePPS = math.Floor(t.rate / float64(k))
	}
	for c := range Classes {
		if ((place-c-t.index)%n+n)%n < k {
			s.Classes |= 1 << c
		}
	}
	return s
}

// next begins a turn with the agents that have asked in the last one. If their parts are other ones, it
// begins a second later: a second with parts of both kinds could have too many probes.
func (t *Turns) next(now time.Time) {
	t.members = slices.Sorted(maps.Keys(t.asked))
	t.asked = map[string]bool{}
	t.began, t.away = now, 0
	t.index++
	before := t.sharers
	if t.sharers = sharers(t.rate, len(t.members)); before != 0 && before != t.sharers {
		t.began = now.Add(time.Second)
	}
}

// Return gives back the slot of an agent that has stopped to send. Others have it in the next turn. That
// begins at once if no agent is left.
func (t *Turns) Return(agent string) {
	delete(t.asked, agent)
	if i := slices.Index(t.members, agent); i >= 0 {
		t.members[i] = "" // keeps the places of the others
		t.away++
	}
}

// IsIdle reports whether no agent uses the limit. An agent that has gone without a word counts for up
// to two turns.
func (t *Turns) IsIdle(now time.Time) bool {
	return !now.Before(t.began.Add(2*Turn)) || len(t.asked) == 0 && t.away == len(t.members)
}

// wasted is the most of a limit that whole numbers may waste.
const wasted = 0.25

// sharers returns how many of n agents share a limit at a time: as many as it has room for, if each has
// a whole number of probes per second.
func sharers(rate float64, n int) int {
	for k := min(n, int(rate)); k > 1; k-- {
		if float64(k)*math.Floor(rate/float64(k)) >= (1-wasted)*rate {
			return k
		}
	}
	return 1
}
