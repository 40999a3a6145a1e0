package multipath

import "github.com/masstrace/masstrace/internal/probe"

// Step is what a Search needs next.
type Step uint8

// The steps.
const (
	Send  Step = iota // send the probe
	Await             // the answers of probes under way decide
	Done              // all is found
)

// Search chooses the probes to one target. Several may be under way at once. New makes one, Begin
// starts it anew.
type Search struct{ cfg *Config }

// New returns a Search that needs Begin. cfg is validated and does not change.
func New(cfg *Config) *Search { return &Search{cfg: cfg} }

// Begin starts the search for a target and keeps the memory of the last one. random varies the
// choices that may differ between targets.
func (s *Search) Begin(target probe.Addr, random uint64) {}

// Next returns the next probe with Send. With Await, call it again after Answer, Silence or
// Refuse. Done is final, except that a late answer may ask for more.
func (s *Search) Next() (Probe, Step) { return Probe{}, Done }

// Answer takes the answer of a probe. A late answer after Silence counts, and so does a better one
// in place of an earlier one.
func (s *Search) Answer(p Probe, a Answer) {}

// Silence ends the wait for the answer of a probe. limited is set if the router is known to limit
// its answers.
func (s *Search) Silence(p Probe, limited bool) {}

// Refuse takes back a probe that was not sent and never will be.
func (s *Search) Refuse(p Probe) {}

// Halt ends the search: Next returns Done from now on.
func (s *Search) Halt() {}

// Probes returns how many probes Next has returned, without those refused.
func (s *Search) Probes() int { return 0 }

// Repeats returns how many of Probes repeated an answered one.
func (s *Search) Repeats() int { return 0 }
