package verify

import (
	"math"

	"github.com/masstrace/masstrace/internal/record"
)

// resumes describes a run of several processes. If a process ended before it recorded a target, the
// next one probed that target again. The earlier probes to it are abandoned, and no other count
// includes them.
type resumes struct {
	count     int
	from      int64  // ns; start of the process whose records are read; 0: the first process
	abandoned uint64 // probes
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

// forgetRest drops the probes of flows without a trace or a multipath record. They belong to a run that was stopped and
// not resumed for them.
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
