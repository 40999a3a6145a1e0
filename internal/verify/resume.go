package verify

import (
	"math"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// resumes describes a run of several processes. If a process ended before it recorded a target, the
// next one probed that target again. The earlier probes to it are abandoned, and no other count
// includes them.
type resumes struct {
	count     int
	from      int64  // ns; start of the process whose records are read; 0: the first process
	abandoned uint64 // probes
	// sliced is set for slices of a job of a fleet. An agent that loses a slice leaves probes
	// without records; another agent, or the same one later, probes those targets again.
	sliced bool
}

// resume notes that the records of another process begin.
func (c *checker) resume(r *record.Resume) {
	c.resumes.count++
	c.resumes.from = r.TimeUs * 1e3
}

// forget drops the probes of recorded flows that were sent before the process that wrote the record
// began.
func (c *checker) forget(flows []uint32) {
	if c.resumes.from == 0 {
		return
	}
	number := uint16(min(c.resumes.count, math.MaxUint16))
	for _, i := range flows {
		if f := &c.asked.flows[i]; f.resumed != number {
			f.resumed = number
			c.resumes.abandoned += c.asked.drop(f, c.resumes.from)
		}
	}
}

// forgetOlder drops the probes of recorded flows that were sent before the trace began, if the
// results are those of slices.
func (c *checker) forgetOlder(t *record.Trace, flows []uint32) {
	if !c.resumes.sliced || t.Start == 0 {
		return
	}
	for _, i := range flows {
		c.resumes.abandoned += c.asked.drop(&c.asked.flows[i], t.Start-clockSlack)
	}
}

// clockSlack is how much later, in ns, the log may have a probe than its record: records have
// whole microseconds.
const clockSlack = 1e6

// forgetElsewhere drops the probes of flows without a record, if the record of their target is one
// of another vantage point.
func (p *parts) forgetElsewhere(with []int) {
	for _, n := range with {
		c := p.checkers[n]
		if !c.resumes.sliced {
			continue
		}
		for f := range c.asked.each {
			if f.marks&(traced|inPaths) == 0 && p.hasElsewhere(c.asked.dests[f.dest].addr, n, with) {
				c.resumes.abandoned += c.asked.drop(f, math.MaxInt64)
			}
		}
	}
}

// hasElsewhere reports whether a vantage point other than one has a record of a target.
func (p *parts) hasElsewhere(target probe.Addr, one int, with []int) bool {
	for _, n := range with {
		if d := p.asked[n].destOf(target); n != one && d != nil && d.traces > 0 {
			return true
		}
	}
	return false
}

// forgetRest drops the probes of flows without a trace or a multipath record. They belong to a run
// that was stopped and not resumed for them.
func (c *checker) forgetRest() {
	s := c.summary
	if s == nil || s.Complete || c.sums.traces == 0 || c.resumes.count == 0 && s.Abandoned == 0 {
		return
	}
	for f := range c.asked.each {
		if f.marks&(traced|inPaths) == 0 {
			c.resumes.abandoned += c.asked.drop(f, 1<<63-1)
		}
	}
}

// drop removes the probes of f that were sent before a time, and returns how many there were.
func (a *asked) drop(f *flow, before int64) (n uint64) {
	to := f.from
	for i := f.from; i < f.to; i++ {
		s := &a.probes[i]
		if s.time >= before {
			a.probes[to] = *s
			to++
			continue
		}
		n++
		if s.copies > 0 {
			a.copies[s.answer] -= uint64(s.copies)
		}
	}
	f.to = to
	return n
}
