// Package multipath finds all the paths to a target whose routers balance load, by the multipath
// detection algorithm (MDA). Search chooses the next probe to one target. Describe makes the record
// of a target from its probes and answers alone, so that a scan and its replay give the same one.
//
// The package has no clocks, goroutines or I/O. A Search and a Describer are used by one goroutine
// at a time. A Known is shared.
package multipath

import (
	"errors"
	"fmt"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Config has the options that all targets of a run share.
type Config struct {
	Confidence  float64 // of the stopping rule, in (0, 1); 0.95 is usual
	Scope       Scope   // the balancers to which Confidence refers
	MaxBranches int     // the search at a balancer stops at this width
	MaxProbes   int     // to one target; 0: no limit
	MDA         record.MDA
	Method      probe.Method // decides which fields can vary
	HashFields  bool         // vary header fields at the balancers found
	FirstTTL    uint8
	LastTTL     uint8
	Attempts    int    // of a silent (flow, TTL), 1 or 2; attempts 2 and 3 are repeats
	GapLimit    int    // silent TTLs in a row that end a path
	Known       *Known // the branches that other targets have shown; nil: a Search borrows nothing
	Borrow      bool   // for Describe: the search had a Known
	MaxFlows    int    // flows have numbers below it; at most MaxFlows

	rule  *Rule  // made by Validate
	views *views // made by Validate
}

// Limits of a Config.
const (
	MaxFlows    = 1 << flowBits
	MaxBranches = 128 // the stopping rule at 95 % takes fewer flows than MaxFlows
)

// Scope is the set of balancers to which the confidence of the stopping rule refers.
type Scope uint8

// The scopes.
const (
	PerBalancer Scope = iota // each balancer is found as a whole with this probability
	PerTrace                 // all balancers of a target are
)

// Validate checks c and makes the table of its stopping rule. Call it once, before New and
// Describe.
func (c *Config) Validate() error {
	switch {
	case !(c.Confidence > 0 && c.Confidence < 1):
		return fmt.Errorf("confidence %v is not between 0 and 1", c.Confidence)
	case c.Scope > PerTrace:
		return errors.New("unknown scope of the confidence")
	case c.MaxBranches < 1 || c.MaxBranches > MaxBranches:
		return fmt.Errorf("%d branches are not 1 to %d", c.MaxBranches, MaxBranches)
	case c.MaxProbes < 0:
		return fmt.Errorf("%d probes are fewer than none", c.MaxProbes)
	case c.FirstTTL < 1 || c.FirstTTL > c.LastTTL || c.LastTTL > probe.MaxTTL:
		return fmt.Errorf("TTLs %d to %d are not within 1 to %d", c.FirstTTL, c.LastTTL, probe.MaxTTL)
	case c.Attempts < 1 || c.Attempts > firstRepeat:
		return fmt.Errorf("%d attempts are not 1 or %d", c.Attempts, firstRepeat)
	case c.GapLimit < 1:
		return fmt.Errorf("a gap limit of %d is less than 1", c.GapLimit)
	case c.MaxFlows < 1 || c.MaxFlows > MaxFlows:
		return fmt.Errorf("%d flows are not 1 to %d", c.MaxFlows, MaxFlows)
	}
	c.rule = NewRule(c.Confidence, c.Scope, c.MaxBranches)
	c.views = &views{}
	return nil
}

// Rule returns the stopping rule of c, after Validate.
func (c *Config) Rule() *Rule { return c.rule }

// Attempts from firstRepeat on repeat a probe that was answered.
const firstRepeat = 2

// Probe identifies one probe of a target.
type Probe struct {
	Flow    uint16 // a base flow, with a variation (see Varied)
	TTL     uint8
	Attempt uint8
}

// Variation is the header field in which a probe differs from the probes of its base flow.
type Variation uint8

// The variations.
const (
	NoVariation Variation = iota
	VaryDestPort
	VaryFlowLabel
	VaryTOS
)

// A flow number is variation<<flowBits | base flow.
const flowBits = 10

// Varied returns the number of the flow that differs from the base flow in the field of v.
func Varied(base uint16, v Variation) uint16 { return base | uint16(v)<<flowBits }

// Base returns the base flow of a flow number.
func Base(flow uint16) uint16 { return flow & (MaxFlows - 1) }

// VariationOf returns the variation of a flow number.
func VariationOf(flow uint16) Variation { return Variation(flow >> flowBits) }

// Answer is the answer to a probe.
type Answer struct {
	From    probe.Addr // not zero
	Ends    bool       // from the target, or an unreachable: the path ends at this TTL
	Reached bool       // from the target
	Steers  bool       // strong enough to decide that the path ends
}

// ends reports whether the path ends with a.
func (a Answer) ends() bool { return a.Ends && a.Steers }

// Observation is a probe that was sent, and its answer.
type Observation struct {
	Probe
	Sent     int64 // ns since the Unix epoch
	Answered bool
	Answer   // if Answered
}
