// Package lease decides which agent works on which slice of a job.
//
// A slice is leased for a time, with an epoch. Only the result of the newest epoch is taken. A
// lease that its agent does not renew ends, and the slice goes to another agent. When no slice is
// left, an idle agent takes over the slice of an agent that needs much longer than usual.
package lease

import (
	"container/heap"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Life is how long a lease lasts that is not renewed.
const Life = 20 * time.Second

// MostHeld is how many leases an agent may have at a time, with those of results that wait for the
// hub. It bounds how many slices an agent can withhold.
const MostHeld = 16

// Bounds of a takeover.
const (
	slowFactor = 2 // a lease is slow after so many times the usual time
	mostEpochs = 4 // leases of a slice that no failure has ended
)

// Errors of Complete.
var (
	ErrStale = errors.New("the slice has a newer lease")
	ErrDone  = errors.New("the slice is done")
	ErrRange = errors.New("no such slice")
)

// Lease is a slice in the hands of an agent.
type Lease struct {
	Slice uint32
	Epoch uint64
}

// slice is the state of a slice.
type slice struct {
	epoch  uint64 // of its last lease, 0 if this table has given none
	holder uint32 // number of the agent, 0 for none
	by     uint32 // of the last lease
	leases uint8  // how many it had
	done   bool
}

// held is a lease in force.
type held struct {
	since, until time.Time
	by           uint32 // number of the agent
}

// Table has the slices of one job, or of one agent's share of it. It belongs to one goroutine and
// reads no clock. A slice without a lease in force takes 24 bytes.
type Table struct {
	slices  []slice
	held    map[uint32]held
	next    uint32 // all slices before it had a lease
	back    queue  // slices that came back
	left    int
	base    uint64 // epochs up to it are of earlier hubs
	epoch   uint64
	agents  map[string]uint32
	names   []string
	counts  []int         // leases in force, by number of the agent
	holders int           // agents with a lease
	usual   time.Duration // moving mean of the time from lease to result
	Retaken int           // takeovers and ended leases
}

// New returns a table of n slices. Its epochs are above term·2³², which must be higher in each life
// of a hub, so that they are higher than all earlier ones.
func New(n int, term uint32) *Table {
	return &Table{
		slices: make([]slice, n), held: map[uint32]held{}, left: n, base: uint64(term) << 32, epoch: uint64(term) << 32,
		agents: map[string]uint32{}, names: []string{""}, counts: []int{0},
	}
}

// SetDone marks a slice that the ledger has as done, whatever its lease.
func (t *Table) SetDone(n uint32) {
	if int(n) < len(t.slices) && !t.slices[n].done {
		t.finish(n)
	}
}

// IsDone reports whether a slice is done.
func (t *Table) IsDone(n uint32) bool { return int(n) < len(t.slices) && t.slices[n].done }

// finish ends the lease of a slice that is done.
func (t *Table) finish(n uint32) {
	t.drop(n)
	t.slices[n].done, t.slices[n].holder = true, 0
	t.left--
}

// Left returns how many slices are not done.
func (t *Table) Left() int { return t.left }

// Len returns how many slices there are.
func (t *Table) Len() int { return len(t.slices) }

// Held returns how many leases of an agent are in force.
func (t *Table) Held(agent string) int { return t.counts[t.agents[agent]] }

// Holders returns how many agents have a lease in force.
func (t *Table) Holders() int { return t.holders }

// hold notes a lease in force.
func (t *Table) hold(n uint32, h held) {
	t.drop(n)
	h.by = t.slices[n].holder
	t.held[n] = h
	if t.counts[h.by]++; t.counts[h.by] == 1 {
		t.holders++
	}
}

// drop removes a lease in force, if there is one.
func (t *Table) drop(n uint32) {
	h, ok := t.held[n]
	if !ok {
		return
	}
	delete(t.held, n)
	if t.counts[h.by]--; t.counts[h.by] == 0 {
		t.holders--
	}
}

// Grant leases a slice to an agent. ok is false if there is none for it now. A slice that never had
// a lease is left out while later, unless it is nil, reports true.
func (t *Table) Grant(now time.Time, agent string, later func(slice uint32) bool) (l Lease, ok bool) {
	t.expire(now)
	if t.Held(agent) >= MostHeld {
		return Lease{}, false
	}
	n, ok := t.pick(now, t.number(agent), later)
	if !ok {
		return Lease{}, false
	}
	t.epoch++
	s := &t.slices[n]
	s.epoch, s.holder, s.by = t.epoch, t.number(agent), t.number(agent)
	if s.leases < 255 {
		s.leases++
	}
	t.hold(n, held{since: now, until: now.Add(Life)})
	return Lease{n, t.epoch}, true
}

// pick returns a slice for an agent.
func (t *Table) pick(now time.Time, agent uint32, later func(slice uint32) bool) (n uint32, ok bool) {
	for len(t.back) > 0 {
		n = heap.Pop(&t.back).(uint32)
		if s := t.slices[n]; !s.done && s.holder == 0 {
			return n, true
		}
	}
	for n = t.next; int(n) < len(t.slices); n++ {
		s := t.slices[n]
		isNew := !s.done && s.epoch == 0
		if isNew && later != nil && later(n) {
			continue
		}
		if n == t.next {
			t.next++
		}
		if isNew {
			return n, true
		}
	}
	return t.slowest(now, agent)
}

// slowest returns the slice of another agent that has been under way for much longer than usual.
func (t *Table) slowest(now time.Time, agent uint32) (n uint32, ok bool) {
	if t.usual == 0 {
		return 0, false
	}
	late := now.Add(-slowFactor * t.usual)
	var since time.Time
	for at, h := range t.held {
		s := t.slices[at]
		if s.holder == agent || s.leases >= mostEpochs || !h.since.Before(late) {
			continue
		}
		if !ok || h.since.Before(since) || h.since.Equal(since) && at < n {
			n, ok, since = at, true, h.since
		}
	}
	if ok {
		t.Retaken++
	}
	return n, ok
}

// Renew makes a lease last for Life from now on, also one of an earlier hub, whose token the caller has
// checked. It reports whether the lease is still in force.
func (t *Table) Renew(now time.Time, agent string, l Lease) bool {
	t.expire(now)
	t.adopt(now, agent, l)
	if !t.holds(agent, l) {
		return false
	}
	h := t.held[l.Slice]
	h.until = now.Add(Life)
	t.held[l.Slice] = h
	return true
}

// adopt takes over a lease of an earlier hub, unless the slice has a newer one.
func (t *Table) adopt(now time.Time, agent string, l Lease) {
	if int(l.Slice) >= len(t.slices) || l.Epoch > t.base {
		return
	}
	s := &t.slices[l.Slice]
	if s.done || s.epoch >= l.Epoch || s.epoch > t.base || t.Held(agent) >= MostHeld {
		return
	}
	s.epoch, s.holder, s.by = l.Epoch, t.number(agent), t.number(agent)
	t.hold(l.Slice, held{since: now, until: now.Add(Life)})
}

// Release gives a slice back. It does nothing if the lease is no longer in force.
func (t *Table) Release(agent string, l Lease) {
	if t.holds(agent, l) {
		t.takeBack(l.Slice)
	}
}

// ReleaseAll gives all slices of an agent back.
func (t *Table) ReleaseAll(agent string) { t.KeepOnly(agent, nil) }

// KeepOnly gives all slices of an agent back but those of some leases.
func (t *Table) KeepOnly(agent string, keep []Lease) {
	id, ok := t.agents[agent]
	for n := range t.held {
		if ok && t.slices[n].holder == id && !slices.Contains(keep, Lease{n, t.slices[n].epoch}) {
			t.takeBack(n)
		}
	}
}

// Check returns whether the result of an agent's lease may be taken: nil, ErrStale, ErrDone or
// ErrRange. A result of an earlier hub's lease is taken if the slice has no newer lease. The table does not
// have that lease: the caller has checked its token.
func (t *Table) Check(agent string, l Lease) error {
	if int(l.Slice) >= len(t.slices) {
		return fmt.Errorf("slice %d: %w", l.Slice, ErrRange)
	}
	s := t.slices[l.Slice]
	switch {
	case s.done:
		return ErrDone
	case l.Epoch == s.epoch && t.names[s.by] == agent, s.epoch == 0 && l.Epoch <= t.base:
		return nil
	}
	return ErrStale
}

// Complete marks the slice of a lease as done. Its errors are those of Check.
func (t *Table) Complete(now time.Time, agent string, l Lease) error {
	if err := t.Check(agent, l); err != nil {
		return err
	}
	if h, ok := t.held[l.Slice]; ok {
		took := now.Sub(h.since)
		if t.usual == 0 {
			t.usual = took
		}
		t.usual += (took - t.usual) / 8
	}
	t.finish(l.Slice)
	return nil
}

// expire takes back slices whose leases have ended.
func (t *Table) expire(now time.Time) {
	for n, h := range t.held {
		if !h.until.After(now) {
			t.takeBack(n)
			t.Retaken++
		}
	}
}

// takeBack ends the lease of a slice. Its result is still taken while no newer lease exists.
func (t *Table) takeBack(n uint32) {
	t.drop(n)
	t.slices[n].holder = 0
	heap.Push(&t.back, n)
}

// holds reports whether a lease is in force.
func (t *Table) holds(agent string, l Lease) bool {
	_, ok := t.held[l.Slice]
	return ok && t.slices[l.Slice].epoch == l.Epoch && t.names[t.slices[l.Slice].holder] == agent
}

// number returns the number of an agent, from 1.
func (t *Table) number(agent string) uint32 {
	n, ok := t.agents[agent]
	if !ok {
		n = uint32(len(t.names))
		t.agents[agent], t.names, t.counts = n, append(t.names, agent), append(t.counts, 0)
	}
	return n
}

// queue is a heap of numbers, the lowest first.
type queue []uint32

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i] < q[j] }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(uint32)) }
func (q *queue) Pop() any {
	old := *q
	n := old[len(old)-1]
	*q = old[:len(old)-1]
	return n
}
