package engine

import (
	"math"
	"slices"

	"github.com/masstrace/masstrace/internal/change"
	"github.com/masstrace/masstrace/internal/record"
)

// event is a change at one place: its root is the target whose paths were examined, the affected have
// the same first difference.
type event struct {
	number     uint64
	root       *job
	diff       change.Difference[id]
	kind       record.ChangeKind
	unlikely   float64 // probability that another flow still had the old hop, unseen
	deadline   int64
	classified bool
	told       bool

	affected            []uint32
	notBefore, notAfter int64
	probes              int
	sides               [2]side
	running             int // inquiries about neighbours that are not confirmed
}

// side is the neighbours of the root in one direction of the order of addresses.
type side struct {
	next     int // target to look at, -1 or past the end when there is none
	step     int
	places   int // neighbours that were asked
	open     int // on their way
	stays    int // in a row, the latest ones
	nearest  int // place of the nearest that stays, 0 without one
	farthest int // place of the farthest that moved
	moved    int
	stayed   int
	inNet    bool // a neighbour in the same /24 or /48 stays
	done     bool
}

const (
	// staysRoute and staysBalancer are how many neighbours in a row must be as before so that no
	// farther ones are asked.
	staysRoute, staysBalancer = 3, 6
	// mostPlaces is how many neighbours are asked on a side, mostLooked how many targets are looked
	// at to find them, and mostOpen how many are on their way.
	mostPlaces, mostLooked, mostOpen = 4096, 1 << 16, 8
	// remembered is how long a later target may belong to an event, in ns.
	remembered = int64(120e9)
	mostEvents = 256
)

// newEvent begins an event whose root is j.
func (e *Engine) newEvent(j *job, now int64) *event {
	ev := &event{root: j, diff: j.diff, deadline: now + 3*mostWait, notAfter: math.MaxInt64}
	ev.sides[0] = side{next: int(j.target) - 1, step: -1}
	ev.sides[1] = side{next: int(j.target) + 1, step: 1}
	j.confirmed = true
	ev.join(e, j)
	if len(e.events) >= mostEvents {
		if first := e.events[0]; first.classified && !first.told {
			e.tell(first, now)
		}
		e.events = e.events[1:]
	}
	e.events = append(e.events, ev)
	return ev
}

// recent returns the event that a difference belongs to, nil without one.
func (e *Engine) recent(d change.Difference[id], now int64) *event {
	for i := len(e.events) - 1; i >= 0; i-- {
		ev := e.events[i]
		if ev.diff.TTL == d.TTL && ev.diff.Before == d.Before && ev.diff.After == d.After && now-ev.notAfter < remembered {
			return ev
		}
	}
	return nil
}

// expire tells events whose neighbours take too long, and forgets old ones.
func (e *Engine) expire(now int64) {
	for len(e.events) > 0 {
		ev := e.events[0]
		if !ev.told && now < ev.deadline || ev.told && now-ev.deadline < remembered {
			break
		}
		if ev.classified && !ev.told {
			e.tell(ev, now)
		}
		if now-ev.deadline < remembered {
			break
		}
		e.events[0] = nil
		e.events = e.events[1:]
	}
	for _, ev := range e.events {
		if ev.classified && !ev.told && now >= ev.deadline {
			e.tell(ev, now)
		}
	}
}

// join adds a target to the affected.
func (ev *event) join(e *Engine, j *job) {
	if j.spread {
		ev.running--
		j.side.moved++
		j.side.stays = 0
		j.side.farthest = max(j.side.farthest, j.place)
	}
	ev.affected = append(ev.affected, j.target)
	from, to := e.bounds(j)
	if from, to = max(from, ev.notBefore), min(to, ev.notAfter); from <= to {
		ev.notBefore, ev.notAfter = from, to
	}
}

// overlaps reports whether a target may have changed at the time of the event.
func (ev *event) overlaps(e *Engine, j *job) bool {
	from, to := e.bounds(j)
	return max(from, ev.notBefore) <= min(to, ev.notAfter)
}

// leave takes a neighbour for a change of its own.
func (ev *event) leave(j *job) {
	if j.spread {
		ev.running--
	}
	j.event, j.spread, j.side = nil, false, nil
}

// bounds returns when the path of a target was last as before, and first as after.
func (e *Engine) bounds(j *job) (from, to int64) {
	to = j.first[j.ttl]
	for t := j.low; t <= j.asked; t++ {
		known := e.paths.hop(j.target, t)
		if j.got[t] < firstID || known < firstID || j.got[t] == known || j.first[t] == 0 {
			continue
		}
		from, to = max(from, e.paths.seenAt(j.target, t)), min(to, j.first[t])
	}
	return min(from, to), to
}

// dropped notes that a neighbour is as before after all.
func (ev *event) dropped(j *job) {
	if !j.spread || j.confirmed {
		return
	}
	ev.running--
	ev.stay(j.side, j.place)
}

// ended notes that the inquiry about an affected target is over.
func (ev *event) ended(j *job) { ev.probes += j.probes }

func (ev *event) stay(s *side, place int) {
	s.stays++
	s.stayed++
	if s.nearest == 0 || place < s.nearest {
		s.nearest = place
	}
}

// abandon forgets an event whose root did not change.
func (e *Engine) abandon(ev *event) {
	ev.told, ev.classified = true, true
	ev.diff = change.Difference[id]{}
}

// classify notes what the flows of the root have shown.
func (ev *event) classify(j *job) {
	ev.classified = true
	ev.probes += j.probes
	if j.oldSeen {
		ev.kind, ev.unlikely = record.BalancerChange, change.Chance(j.repeated)
		return
	}
	ev.kind = record.RouteChange
	branches := len(j.others)
	if !slices.Contains(j.others, j.diff.After) {
		branches++
	}
	ev.unlikely = math.Pow(float64(branches)/float64(branches+1), float64(j.flowsGot))
	if j.diff.Before < firstID {
		ev.unlikely = 0 // the path ends elsewhere: no balancer does that
	}
}

// spread begins to ask the neighbours.
func (e *Engine) spread(ev *event, now int64) {
	ev.deadline = now + mostWait
	e.advance(ev, now)
}

// advance asks further neighbours, and tells the event when there are none.
func (e *Engine) advance(ev *event, now int64) {
	if ev.told || !ev.classified {
		return
	}
	open := ev.running
	for i := range ev.sides {
		s := &ev.sides[i]
		for !s.done && s.open < mostOpen {
			e.askNeighbour(ev, s)
		}
		open += s.open
	}
	if open == 0 {
		e.tell(ev, now)
	}
}

// askNeighbour asks the next neighbour on a side, or closes it.
func (e *Engine) askNeighbour(ev *event, s *side) {
	most := staysRoute
	if ev.kind == record.BalancerChange {
		most = staysBalancer
	}
	root := e.targets[ev.root.target]
	for looked := 0; ; looked++ {
		if s.next < 0 || s.next >= len(e.targets) || looked == mostLooked || s.places == mostPlaces || s.stays >= most ||
			e.targets[s.next].Is4() != root.Is4() {
			s.done = true
			return
		}
		target := uint32(s.next)
		s.next += s.step
		st := &e.paths.states[target]
		if !e.isNeighbour(ev, target) || st.job != nil || st.flying > 0 || !e.paths.isStable(target, ev.diff.TTL) {
			continue
		}
		s.places++
		s.open++
		e.urgent.push(Ask{Target: target, TTL: ev.diff.TTL, event: ev})
		return
	}
}

// isNeighbour reports whether a target had the hop that changed, or at a balancer any branch of it.
func (e *Engine) isNeighbour(ev *event, target uint32) bool {
	hop := e.paths.hop(target, ev.diff.TTL)
	if ev.kind == record.BalancerChange && ev.diff.Common != 0 {
		return hop >= firstID && e.paths.hop(target, ev.diff.CommonTTL) == ev.diff.Common
	}
	return hop == ev.diff.Before && hop >= firstID
}

// sideOf returns the side of a neighbour.
func (ev *event) sideOf(target uint32) *side {
	if target < ev.root.target {
		return &ev.sides[0]
	}
	return &ev.sides[1]
}

// unheard notes that a neighbour did not answer.
func (ev *event) unheard(a Ask) { ev.sideOf(a.Target).open-- }

// neighbourAnswered takes the answer of a neighbour.
func (e *Engine) neighbourAnswered(a Ask, from id, r *Answer, now int64) {
	ev := a.event
	s := ev.sideOf(a.Target)
	s.open--
	ev.probes++
	place := s.places // answers come in another order at most by mostOpen
	switch st := &e.paths.states[a.Target]; {
	case st.job != nil:
	case e.isTooWeak(a, r) && e.paths.differs(a.Target, a.TTL, from, r.End):
		e.Counts.Weak++
	case e.paths.differs(a.Target, a.TTL, from, r.End):
		owner := ev
		if ev.told {
			owner = nil
		}
		if owner != nil {
			ev.running++
		}
		e.inquireNear(a, from, r, owner, s, place, now)
	default:
		if e.paths.hop(a.Target, a.TTL) == from {
			e.paths.verify(a.Target, a.TTL, r)
		}
		ev.stay(s, place)
		s.inNet = s.inNet || e.sameNet(a.Target, ev.root.target)
	}
	e.advance(ev, now)
}

// inquireNear begins an inquiry about a neighbour.
func (e *Engine) inquireNear(a Ask, from id, r *Answer, ev *event, s *side, place int, now int64) {
	e.inquireWith(&job{target: a.Target, ttl: a.TTL, event: ev, spread: ev != nil, side: s, place: place}, from, r, now)
}

// sameNet reports whether two targets are in the same /24 or /48.
func (e *Engine) sameNet(a, b uint32) bool {
	x, y := e.targets[a], e.targets[b]
	if x.Is4() != y.Is4() {
		return false
	}
	if x.Is4() {
		return [15]byte(x[:15]) == [15]byte(y[:15])
	}
	return [6]byte(x[:6]) == [6]byte(y[:6])
}

// byPacket is the probability that a balancer which seems to have remapped shares its load packet by
// packet, with shares so unequal that the answers have not shown it.
const byPacket = 0.02

// judge decides the kind of a change, and the probability that it is right. A route moves neighbours
// together: those that are nearest. A balancer by destination moves some here and some there.
func (ev *event) judge() (record.ChangeKind, float64) {
	if ev.kind == record.BalancerChange {
		return ev.kind, 1 - max(ev.unlikely, byPacket)
	}
	moved, stayed, mixed := 0, 0, false
	for i := range ev.sides {
		s := &ev.sides[i]
		moved, stayed = moved+s.moved, stayed+s.stayed
		mixed = mixed || s.inNet || s.nearest != 0 && s.farthest > s.nearest+mostOpen
	}
	moved = max(moved, len(ev.affected)-1)
	switch {
	case ev.diff.Before < firstID:
		return record.RouteChange, 0.9
	case mixed:
		return record.BalancerChange, 1 - max(change.Chance(1+min(moved+stayed, 20)), byPacket)
	case moved == 0:
		return record.UnclearChange, 0.5
	}
	return record.RouteChange, (1 - change.Chance(moved)) * (1 - ev.unlikely)
}
