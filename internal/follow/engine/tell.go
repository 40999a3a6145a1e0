package engine

import (
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// describe keeps the hops of a target that differ, and the bounds of the time, before the new path is
// applied. last is the highest TTL of the new path.
func (e *Engine) describe(j *job, last uint8) {
	j.notBefore, j.notAfter = e.bounds(j)
	from := j.diff.TTL
	if j.diff.CommonTTL != 0 {
		from = j.diff.CommonTTL
	}
	to := min(j.asked, last)
	oldTo := e.paths.states[j.target].Last
	if rest := int(to) - j.shift; j.end == 0 && rest > 0 && rest < int(oldTo) {
		oldTo = uint8(rest)
	}
	for t := from; t <= oldTo; t++ {
		j.before = append(j.before, e.node(t, e.paths.hop(j.target, t)))
	}
	for t := from; t <= to; t++ {
		j.after = append(j.after, e.node(t, e.after(j, t)))
	}
}

// node returns a hop for a record.
func (e *Engine) node(ttl uint8, hop id) record.Node {
	return record.Node{TTL: ttl, Addr: e.paths.names.addrs[hop]}
}

// tell tells an event.
func (e *Engine) tell(ev *event, now int64) {
	ev.told = true
	ev.kind, ev.unlikely = judged(ev.judge())
	c := e.recordOf(ev, ev.root, now)
	c.NotBefore, c.NotAfter = ev.notBefore, ev.notAfter
	c.Affected, c.Probes = len(ev.affected), ev.probes
	for _, t := range ev.affected[1:min(len(ev.affected), mostListed)] {
		c.Targets = append(c.Targets, e.targets[t])
	}
	for _, t := range ev.affected {
		if j := e.paths.states[t].job; j != nil {
			j.told = true
		}
	}
	e.tellRecord(c)
	ev.number = c.Number
}

// judged keeps the probability of a kind as that of its opposite.
func judged(k record.ChangeKind, right float64) (record.ChangeKind, float64) { return k, 1 - right }

// tellLate tells that a target belongs to an event that was told.
func (e *Engine) tellLate(ev *event, j *job, now int64) {
	c := e.recordOf(ev, j, now)
	c.NotBefore, c.NotAfter, c.Affected, c.Probes = j.notBefore, j.notAfter, 1, j.probes
	e.Counts.Affected++
	e.cfg.Changed(c)
}

// recordOf returns the record of an event as a target shows it.
func (e *Engine) recordOf(ev *event, j *job, now int64) *record.PathChange {
	target := e.targets[j.target]
	return &record.PathChange{
		Number: ev.number, Kind: ev.kind, Time: now, Confidence: 1 - ev.unlikely, Target: target,
		TTL: j.diff.TTL, Old: e.paths.names.addrs[j.diff.Before], New: e.paths.names.addrs[j.diff.After],
		Before: j.before, After: j.after, Reached: e.paths.states[j.target].Reached,
		Targets: []probe.Addr{target}, Flows: j.flow,
	}
}
