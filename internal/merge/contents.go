package merge

import (
	"errors"
	"fmt"
	"hash/maphash"
	"net/netip"

	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/probe"
)

// contents counts the traces and replies of a file, and compares the counts with those of the
// summary. So it finds lines that are missing, that are there twice, or that are of another run.
type contents struct {
	path string
	run  string    // of all records
	seen *traceSet // of all files

	open           *traceName // a trace whose trace-ext comes next
	traces, firsts uint64     // firsts are the replies that answer a probe first
	replies        uint64
	sent, answered uint64 // by the trace-ext records
	// multipaths are records of several paths, with so many probes: their traces have some of
	// these.
	multipaths, probes uint64
	summed             bool // the summary was read

	scan scan
}

// traceName names a trace of a run.
type traceName struct {
	Dst    netip.Addr `json:"dst"`
	UserID uint16     `json:"userid"`
}

// extLine and replyLine are the fields of a record that are compared.
type extLine struct {
	traceName
	Run     string `json:"run"`
	Reached bool   `json:"reached"`
	Loss    loss   `json:"loss"`
	Verdict string `json:"verdict"`

	Conditions []condition `json:"conditions"`
}

type condition struct {
	Condition string `json:"condition"`
}

type loss struct {
	Sent     uint64 `json:"sent"`
	Answered uint64 `json:"answered"`
}

// multipathLine has likewise the fields of a multipath record.
type multipathLine struct {
	Run    string     `json:"run"`
	Dst    netip.Addr `json:"dst"`
	Probes uint64     `json:"probes"`
}

type replyLine struct {
	Run  string `json:"run"`
	Kind string `json:"kind"`
	Dup  int    `json:"dup"`
	Late bool   `json:"late"`

	Superseded bool `json:"superseded"`
	Withheld   bool `json:"withheld"`
}

// take takes a line.
func (c *contents) take(typ string, line []byte) error {
	if c.open != nil && typ != ndjson.TypeTraceExt {
		return fmt.Errorf("%w: the trace of %v has no trace-ext record", ErrContents, c.open.Dst)
	}
	switch typ {
	case ndjson.TypeTrace:
		return c.trace(line)
	case ndjson.TypeTraceExt:
		return c.ext(line)
	case ndjson.TypeMultipath:
		return c.multipath(line)
	case ndjson.TypeReply:
		return c.reply(line)
	case ndjson.TypeSummary:
		if c.summed {
			return fmt.Errorf("%w: a second summary", ErrContents)
		}
		c.summed = true
	}
	return nil
}

func (c *contents) trace(line []byte) error {
	c.open = new(traceName)
	if err := c.scan.trace(line, c.open); err != nil {
		return fmt.Errorf("trace record: %w", err)
	}
	c.traces++
	if !c.seen.addTrace(c.open) && c.seen.twice == nil {
		c.seen.twice = fmt.Errorf("%s: %w: the trace of %v over flow %d is there twice", c.path, ErrContents, c.open.Dst, c.open.UserID)
	}
	return nil
}

func (c *contents) ext(line []byte) error {
	var ext extLine
	if err := c.scan.ext(line, &ext); err != nil {
		return fmt.Errorf("trace-ext record: %w", err)
	}
	switch {
	case c.open == nil || *c.open != ext.traceName:
		return fmt.Errorf("%w: a trace-ext record of %v without its trace", ErrContents, ext.Dst)
	case !c.sameRun(ext.Run):
		return fmt.Errorf("%w: a trace-ext record of run %q", ErrContents, ext.Run)
	}
	c.open = nil
	c.sent, c.answered = c.sent+ext.Loss.Sent, c.answered+ext.Loss.Answered
	return nil
}

// sameRun reports whether a record is of the run of those before.
func (c *contents) sameRun(run string) bool {
	if c.records() <= 1 && c.run == "" {
		c.run = run
	}
	return c.run == run
}

// records returns the number of data records.
func (c *contents) records() uint64 { return c.traces + c.multipaths + c.replies }

func (c *contents) multipath(line []byte) error {
	var m multipathLine
	if err := c.scan.multipath(line, &m); err != nil {
		return fmt.Errorf("multipath record: %w", err)
	}
	c.multipaths, c.probes = c.multipaths+1, c.probes+m.Probes
	if !c.sameRun(m.Run) {
		return fmt.Errorf("%w: a multipath record of run %q", ErrContents, m.Run)
	}
	if !c.seen.addMultipath(m.Dst) && c.seen.twice == nil {
		c.seen.twice = fmt.Errorf("%s: %w: the multipath record of %v is there twice", c.path, ErrContents, m.Dst)
	}
	return nil
}

func (c *contents) reply(line []byte) error {
	var r replyLine
	if err := c.scan.reply(line, &r); err != nil {
		return fmt.Errorf("reply record: %w", err)
	}
	c.replies++
	if !c.sameRun(r.Run) {
		return fmt.Errorf("%w: a reply record of run %q", ErrContents, r.Run)
	}
	if r.Dup == 0 && !r.Late && !r.Superseded && !r.Withheld && r.Kind != probe.KindUDPReply.String() && r.Kind != probe.KindPureACK.String() {
		c.firsts++
	}
	return nil
}

// ErrContents is wrapped by errors about lines that do not agree with each other.
var ErrContents = errors.New("the records do not agree")

// check compares the counts with those of the summary of a run, which has traces, replies, or
// both. The traces of multipath records show each link, and not each probe.
func (c *contents) check(run string, sent, answered uint64) error {
	switch {
	case c.records() > 0 && c.run != run:
		return fmt.Errorf("%w: records of run %q in the file of run %q", ErrContents, c.run, run)
	case c.open != nil:
		return fmt.Errorf("%w: the trace of %v has no trace-ext record", ErrContents, c.open.Dst)
	case c.multipaths > 0 && c.probes != sent:
		return fmt.Errorf("%w: the multipath records have %d probes, and the summary has %d: lines are missing or there twice",
			ErrContents, c.probes, sent)
	case c.multipaths == 0 && c.traces > 0 && (c.sent != sent || c.answered != answered):
		return fmt.Errorf("%w: the traces have %d probes and %d answers, and the summary has %d and %d: lines are missing or there twice",
			ErrContents, c.sent, c.answered, sent, answered)
	case c.replies > 0 && c.firsts != answered, c.records() == 0 && answered > 0:
		return fmt.Errorf("%w: %d probes have a reply record, and %d were answered: lines are missing or there twice", ErrContents, c.firsts, answered)
	}
	return nil
}

// traceSet is a set of traces and multipath records, by a hash of 64 bits. It has 8 octets for
// each place. A full set stays as it is: later traces are compared with those in it, and not with
// each other.
type traceSet struct {
	seed   maphash.Seed
	places []uint64 // 0 is empty
	n      int
	twice  error // about the first trace that is there twice
}

// mostPlaces is the size of the largest set, 128 MiB.
const mostPlaces = 1 << 24

func newTraceSet() *traceSet {
	return &traceSet{seed: maphash.MakeSeed(), places: make([]uint64, 1<<10)}
}

// addTrace adds a trace, and reports whether it is new.
func (s *traceSet) addTrace(t *traceName) bool {
	at := t.Dst.As16()
	return s.add(append(at[:], byte(t.UserID>>8), byte(t.UserID)))
}

// addMultipath adds likewise the multipath record of a target.
func (s *traceSet) addMultipath(dst netip.Addr) bool {
	at := dst.As16()
	return s.add(at[:])
}

// add adds a name, and reports whether it is new.
func (s *traceSet) add(name []byte) bool {
	hash := max(maphash.Bytes(s.seed, name), 1)
	place := s.find(hash)
	if *place == hash {
		return false
	}
	if 4*s.n >= 3*len(s.places) {
		if len(s.places) == mostPlaces {
			return true
		}
		s.grow()
		place = s.find(hash)
	}
	*place = hash
	s.n++
	return true
}

// find returns the place of a hash, or the place where it goes.
func (s *traceSet) find(hash uint64) *uint64 {
	for i := hash; ; i++ {
		if p := &s.places[i%uint64(len(s.places))]; *p == 0 || *p == hash {
			return p
		}
	}
}

func (s *traceSet) grow() {
	old := s.places
	s.places = make([]uint64, 2*len(old))
	for _, hash := range old {
		if hash != 0 {
			*s.find(hash) = hash
		}
	}
}
