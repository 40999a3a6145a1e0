// Package budget divides the rate of a job among agents, by grants that end by themselves.
//
// Law: over any second, all agents of a job together send at most its rate. Three rules give it:
//
//   - The sum of all grants in force is at most the rate.
//   - A grant is in force here from the answer of the hub. The agent counts its time from its
//     request, so the agent stops first. No clock is compared with another.
//   - A hub that begins waits until the grants of an earlier hub have ended.
//
// An agent that hears nothing goes on until its grant ends, and then pauses.
package budget

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/masstrace/masstrace/ratelimit"
)

// Life is how long a grant is in force.
const Life = 2 * time.Second

// LeastPPS is the smallest grant that is useful: a probe a second, and a burst of one probe.
const LeastPPS = 2

// Grant is a part of the rate. An agent may use RatePPS from the time of its request, for Life.
type Grant struct {
	RatePPS float64       `json:"rate_pps"`
	Life    time.Duration `json:"life_ns"`
}

// Budget is the rate of one job. It belongs to one goroutine, and reads no clock.
type Budget struct {
	rate  float64
	start time.Time // before which it grants nothing
	held  map[string]hold
}

// hold is what an agent may use. A lower grant does not end an earlier one: both count
// until their ends.
type hold struct {
	rate  float64 // of the last grant
	until time.Time
	old   []past
}

// past is an earlier, higher grant that is still in force.
type past struct {
	rate  float64
	until time.Time
}

// New returns the budget of a job of that rate, in probes per second. A hub that has just begun
// grants nothing before start.
func New(ratePPS float64, start time.Time) *Budget {
	return &Budget{rate: ratePPS, start: start, held: map[string]hold{}}
}

// Grant gives an agent a part of the rate that it can use, and replaces its last grant. most is the
// highest rate of the agent's own, 0 for no limit; claimants is how many agents want a part. The
// rate of the grant is 0 if all of the rate is in force elsewhere.
func (b *Budget) Grant(now time.Time, agent string, most float64, claimants int) Grant {
	b.expire(now)
	if now.Before(b.start) {
		return Grant{Life: Life}
	}
	fair := b.rate / float64(max(claimants, 1))
	if fair < LeastPPS { // some agents must wait for their turns
		fair = min(LeastPPS, b.rate)
	}
	if most > 0 {
		fair = min(fair, most)
	}
	free := b.rate - b.others(agent)
	rate := max(min(fair, free), 0)
	if rate < min(LeastPPS, b.rate, cmp.Or(most, math.Inf(1))) {
		rate = 0
	}
	b.hold(now, agent, rate)
	return Grant{RatePPS: rate, Life: Life}
}

// hold notes the grant of an agent.
func (b *Budget) hold(now time.Time, agent string, rate float64) {
	h := b.held[agent]
	if h.rate > rate && h.until.After(now) {
		h.old = append(h.old, past{h.rate, h.until})
	}
	h.rate, h.until = rate, now.Add(Life)
	b.held[agent] = h
}

// Return gives back the grants of an agent that has stopped to send.
func (b *Budget) Return(agent string) { delete(b.held, agent) }

// InForce returns the sum of the grants in force, in probes per second.
func (b *Budget) InForce(now time.Time) float64 {
	b.expire(now)
	return b.others("")
}

// Of returns the grant in force of an agent, in probes per second.
func (b *Budget) Of(now time.Time, agent string) float64 {
	b.expire(now)
	return b.held[agent].most()
}

// expire removes grants that have ended.
func (b *Budget) expire(now time.Time) {
	for agent, h := range b.held {
		h.old = slices.DeleteFunc(h.old, func(p past) bool { return !p.until.After(now) })
		if !h.until.After(now) {
			h.rate = 0
		}
		b.held[agent] = h
		if h.rate == 0 && len(h.old) == 0 {
			delete(b.held, agent)
		}
	}
}

// others returns the sum of the grants of all agents but one.
func (b *Budget) others(agent string) (sum float64) {
	for _, name := range slices.Sorted(maps.Keys(b.held)) { // sums of floats depend on the order
		if name != agent {
			sum += b.held[name].most()
		}
	}
	return sum
}

// most returns the highest rate at which the agent may send now.
func (h hold) most() float64 {
	most := h.rate
	for _, p := range h.old {
		most = max(most, p.rate)
	}
	return most
}

// Pace returns the rate of a ratelimit.Bucket that keeps a grant of ratePPS over any second, also over
// one in which the grant passes from one agent to another: each may send a burst first. So the rate
// is less by two bursts.
func Pace(ratePPS float64) float64 {
	if ratePPS <= 0 {
		return 0
	}
	return max(ratePPS-2*float64(ratelimit.DefaultBurst(ratePPS)), ratePPS/4)
}
