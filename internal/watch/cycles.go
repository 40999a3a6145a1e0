package watch

import (
	"github.com/masstrace/masstrace/internal/probe"
)

// cycles has the probes of the latest cycles, and finds the ones that an answer belongs to or that
// waited too long. Its owner has a lock.
type cycles struct {
	paths  int
	probes [mostCycles][]waiting // by path and TTL
	states [mostCycles]cycleState
	// queue has the probes that wait, in the order in which they were sent.
	queue  []place
	head   int
	ended  uint32 // cycles that are over
	latest uint32 // the cycle that began last
}

// waiting is a probe of a cycle.
type waiting struct {
	sent  int64
	state probeState
}

type probeState uint8

const (
	notSent probeState = iota
	waits
	answered
	expired
)

// cycleState is the progress of a cycle.
type cycleState struct {
	cycle uint32
	begun bool
	sent  bool // all probes were sent
	open  int  // probes that wait
}

// place is where a probe is in cycles.
type place struct {
	cycle uint32
	path  int
	ttl   uint8
}

const ttls = probe.MaxTTL + 1

func (c *cycles) init(paths int) {
	c.paths = paths
	for i := range c.probes {
		c.probes[i] = make([]waiting, paths*ttls)
	}
}

// begin makes room for the probes of a cycle. Those of the cycle whose place it takes are over.
func (c *cycles) begin(cycle uint32) {
	i := cycle % mostCycles
	c.latest = cycle
	clear(c.probes[i])
	c.states[i] = cycleState{cycle: cycle, begun: true}
}

// at returns a probe.
func (c *cycles) at(p place) *waiting { return &c.probes[p.cycle%mostCycles][p.path*ttls+int(p.ttl)] }

// cycleOf returns the number of the cycle with a number modulo mostCycles; ok is false if there is
// none.
func (c *cycles) cycleOf(number uint8) (cycle uint32, ok bool) {
	s := &c.states[number%mostCycles]
	return s.cycle, s.begun
}

// sent notes that a probe was sent.
func (c *cycles) sent(p place, now int64) {
	*c.at(p) = waiting{sent: now, state: waits}
	c.states[p.cycle%mostCycles].open++
	if c.head > 0 && len(c.queue) == cap(c.queue) {
		c.queue = c.queue[:copy(c.queue, c.queue[c.head:])]
		c.head = 0
	}
	c.queue = append(c.queue, p)
}

// allSent notes that a cycle sends no more probes.
func (c *cycles) allSent(cycle uint32) { c.states[cycle%mostCycles].sent = true }

// answer notes the answer to a probe, and returns the state before.
func (c *cycles) answer(p place) (w *waiting, before probeState) {
	w = c.at(p)
	before = w.state
	if before == waits {
		w.state = answered
		c.states[p.cycle%mostCycles].open--
	}
	return w, before
}

// expire returns the next probe that was sent before a time and was not answered; ok is false if
// there is none.
func (c *cycles) expire(before int64) (p place, sent int64, ok bool) {
	for c.head < len(c.queue) {
		p = c.queue[c.head]
		w := c.at(p)
		if w.state == waits && w.sent >= before {
			break
		}
		c.head++
		if w.state == waits {
			w.state = expired
			c.states[p.cycle%mostCycles].open--
			return p, w.sent, true
		}
	}
	if c.head == len(c.queue) {
		c.queue, c.head = c.queue[:0], 0
	}
	return p, 0, false
}

// end returns the next cycle that is over; ok is false if there is none.
func (c *cycles) end() (cycle uint32, ok bool) {
	s := &c.states[c.ended%mostCycles]
	if !s.begun || s.cycle != c.ended || !s.sent || s.open > 0 {
		return 0, false
	}
	c.ended++
	return s.cycle, true
}
