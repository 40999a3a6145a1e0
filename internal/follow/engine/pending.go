package engine

import (
	"slices"

	"github.com/masstrace/masstrace/internal/record"
)

// An event is told when its neighbours were asked. The paths of its targets are known as changed
// before. So an event that was not told is part of what is saved: another process tells it, with what
// was known then.

// Finish tells the events that were not told. No probe is asked after it.
func (e *Engine) Finish(now int64) {
	e.tellPending()
	for _, ev := range e.events {
		if ev.told {
			continue
		}
		if c := e.pendingOf(ev, now); c != nil {
			ev.told = true
			e.tellRecord(c)
		}
	}
}

// Open returns how many inquiries have not decided yet whether there is a change that was not told.
func (e *Engine) Open() (n uint64) {
	for t := range e.paths.states {
		if j := e.paths.states[t].job; j != nil && j.phase != tracing && !j.told {
			n++
		}
	}
	return n
}

// pending returns a record of each event that was not told, without a number.
func (e *Engine) pending(now int64) (list []record.PathChange) {
	list = slices.Clone(e.untold)
	for _, ev := range e.events {
		if ev.told {
			continue
		}
		if c := e.pendingOf(ev, now); c != nil {
			list = append(list, *c)
		}
	}
	return list
}

// pendingOf returns the record of an event with the targets whose new paths are known: the others
// are found again. It returns nil if there are none.
func (e *Engine) pendingOf(ev *event, now int64) *record.PathChange {
	c := e.recordOf(ev, ev.root, now)
	c.Targets = nil
	for _, t := range ev.affected {
		if e.paths.states[t].job == nil {
			c.Targets = append(c.Targets, e.targets[t])
		}
	}
	if len(c.Targets) == 0 {
		return nil
	}
	if c.Kind, c.Confidence = record.UnclearChange, 0.5; ev.classified {
		c.Kind, c.Confidence = ev.judge()
	}
	c.Target, c.Affected, c.Targets = c.Targets[0], len(c.Targets), c.Targets[:min(len(c.Targets), mostListed)]
	c.NotBefore, c.NotAfter, c.Probes = ev.notBefore, ev.notAfter, ev.probes
	return c
}

// half returns the targets whose change was told before their new paths are known.
func (e *Engine) half() (list []uint32) {
	for t := range e.paths.states {
		if j := e.paths.states[t].job; j != nil && j.told {
			list = append(list, uint32(t))
		}
	}
	return list
}

// retrace forgets the path to a target, which is traced anew: nothing is told of it.
func (e *Engine) retrace(target uint32) {
	p, s := e.paths, &e.paths.states[target]
	if !s.Traced {
		return
	}
	p.remember(target)
	for t := range uint8(ttls) {
		if p.hops[t] != nil {
			p.set(target, t, unasked)
		}
	}
	s.End, s.Last, s.Reached, s.Traced, s.Unstable = 0, 0, false, false, 0
	e.Counts.Traced--
}

// tellPending tells the events that another process did not tell.
func (e *Engine) tellPending() {
	list := e.untold
	e.untold = nil
	for i := range list {
		e.tellRecord(&list[i])
	}
}

// tellRecord tells an event of which only the record is known.
func (e *Engine) tellRecord(c *record.PathChange) {
	e.numbers++
	c.Number = e.numbers
	e.Counts.tell(c)
	e.cfg.Changed(c)
}

// tell counts an event.
func (n *Counts) tell(c *record.PathChange) {
	n.Changes++
	n.Affected += uint64(c.Affected)
	switch c.Kind {
	case record.RouteChange:
		n.Routes++
	case record.BalancerChange:
		n.Balancers++
	default:
		n.Unclear++
	}
}
