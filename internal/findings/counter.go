// Package findings counts the findings of a run while its traces are written. These are the ends of
// traces, the distinct interfaces and links, and the lengths of paths.
package findings

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/axiomhq/hyperloglog"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// precision is the number of bits that choose a register of a sketch: 2¹⁴ registers of one octet.
// The standard error is 1.04/√2¹⁴ = 0.8 %. Below some 5,000 distinct values a sketch holds hashes
// of 25 bits instead. Its count is then exact, except for collisions: one in 2,500 values.
const precision = 14

// Counter counts the findings of traces. Its memory is about 32 KiB for any number of traces, and
// at most 256 KiB more for the interfaces of one trace. Its
// JSON continues the count in another process. A nil Counter counts nothing. A Counter belongs to
// one goroutine at a time.
type Counter struct {
	traces, reached uint64
	verdicts        [record.NumVerdicts]uint64   // by verdict
	conditions      [record.NumConditions]uint64 // traces with a condition of that kind
	ends            [record.StopHalted + 1]uint64
	paths           [probe.MaxTTL + 1]uint64 // by length in TTLs
	interfaces      *hyperloglog.Sketch
	links           *hyperloglog.Sketch

	// Scratch: the interfaces of a trace by TTL, and a link.
	at   [256][]probe.Addr
	link [2 * len(probe.Addr{})]byte
}

// New returns an empty Counter.
func New() *Counter {
	c := new(Counter)
	c.interfaces, _ = hyperloglog.NewSketch(precision, true) // fails for no valid precision
	c.links, _ = hyperloglog.NewSketch(precision, true)
	return c
}

// Add counts a closed trace.
func (c *Counter) Add(t *record.Trace) {
	if c == nil {
		return
	}
	c.traces++
	if t.Reached {
		c.reached++
	}
	if int(t.StopReason) < len(c.ends) {
		c.ends[t.StopReason]++
	}
	c.judged(&t.Judged)
	if t.StopReason == record.StopCompleted && int(t.End) < len(c.paths) {
		c.paths[t.End]++
	}
	last := 0 // the highest TTL
	for i := range t.Hops {
		h := &t.Hops[i]
		if h.Responder == t.Target {
			continue
		}
		c.interfaces.Insert(h.Responder[:])
		last = max(last, int(h.TTL))
		if at := &c.at[h.TTL]; len(*at) < mostLinked && !slices.Contains(*at, h.Responder) {
			*at = append(*at, h.Responder)
		}
	}
	for ttl := range last {
		c.addLinks(c.at[ttl], c.at[ttl+1])
		c.at[ttl] = c.at[ttl][:0]
	}
	c.at[last] = c.at[last][:0]
}

// judged counts the verdict of a trace, and each kind of its conditions once.
func (c *Counter) judged(v *record.Judgement) {
	c.verdicts[v.Verdict]++
	var seen [record.NumConditions]bool
	for i := range v.Conditions {
		if kind := v.Conditions[i].Kind; !seen[kind] {
			seen[kind] = true
			c.conditions[kind]++
		}
	}
}

// mostLinked is how many interfaces at one TTL of a trace count for links. Load balancers have at
// most as many next hops. So the time of a trace grows with its hops, even in a hostile file.
const mostLinked = 64

// addLinks counts the links between the interfaces at two adjacent TTLs.
func (c *Counter) addLinks(near, far []probe.Addr) {
	for i := range near {
		n := copy(c.link[:], near[i][:])
		for j := range far {
			if near[i] != far[j] {
				copy(c.link[n:], far[j][:])
				c.links.Insert(c.link[:])
			}
		}
	}
}

// Findings returns the findings so far; nil of a nil Counter.
func (c *Counter) Findings() *record.Findings {
	if c == nil {
		return nil
	}
	f := &record.Findings{
		Traces: c.traces, Reached: c.reached, Ends: map[string]uint64{},
		Interfaces: c.interfaces.Estimate(), Links: c.links.Estimate(),
	}
	for reason, n := range c.ends {
		if n > 0 {
			f.Ends[record.StopReason(reason).String()] = n
		}
	}
	c.verdictsOf(f)
	f.MedianPath, f.LongestPath = record.PathLengths(c.paths[:])
	return f
}

// verdictsOf fills in the verdicts. If some traces are not judged, there are none.
func (c *Counter) verdictsOf(f *record.Findings) {
	if c.verdicts[record.NotJudged] > 0 || c.traces == 0 {
		return
	}
	f.Verdicts = map[string]uint64{}
	for v, n := range c.verdicts {
		if n > 0 {
			f.Verdicts[record.Verdict(v).String()] = n
		}
	}
	for k, n := range c.conditions {
		if n > 0 {
			if f.Conditions == nil {
				f.Conditions = map[string]uint64{}
			}
			f.Conditions[record.ConditionKind(k).String()] = n
		}
	}
}

// saved is the JSON of a Counter.
type saved struct {
	Traces     uint64   `json:"traces"`
	Reached    uint64   `json:"reached"`
	Ends       []uint64 `json:"ends"`
	Paths      []uint64 `json:"paths"`
	Verdicts   []uint64 `json:"verdicts"` // absent in checkpoints of earlier versions
	Conditions []uint64 `json:"conditions"`
	Interfaces []byte   `json:"interfaces"`
	Links      []byte   `json:"links"`
}

// MarshalJSON implements json.Marshaler.
func (c *Counter) MarshalJSON() ([]byte, error) {
	s := saved{Traces: c.traces, Reached: c.reached, Ends: c.ends[:], Paths: c.paths[:], Verdicts: c.verdicts[:], Conditions: c.conditions[:]}
	var err error
	if s.Interfaces, err = c.interfaces.MarshalBinary(); err != nil {
		return nil, err
	}
	if s.Links, err = c.links.MarshalBinary(); err != nil {
		return nil, err
	}
	return json.Marshal(s)
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Counter) UnmarshalJSON(text []byte) error {
	var s saved
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	*c = *New()
	if len(s.Ends) != len(c.ends) || len(s.Paths) != len(c.paths) {
		return fmt.Errorf("findings: %d ends and %d paths, not %d and %d", len(s.Ends), len(s.Paths), len(c.ends), len(c.paths))
	}
	c.traces, c.reached = s.Traces, s.Reached
	copy(c.ends[:], s.Ends)
	copy(c.paths[:], s.Paths)
	if len(s.Verdicts) == len(c.verdicts) && len(s.Conditions) == len(c.conditions) {
		copy(c.verdicts[:], s.Verdicts)
		copy(c.conditions[:], s.Conditions)
	} else {
		c.verdicts[record.NotJudged] = s.Traces
	}
	if err := c.interfaces.UnmarshalBinary(s.Interfaces); err != nil {
		return fmt.Errorf("findings: interfaces: %w", err)
	}
	if err := c.links.UnmarshalBinary(s.Links); err != nil {
		return fmt.Errorf("findings: links: %w", err)
	}
	return nil
}
