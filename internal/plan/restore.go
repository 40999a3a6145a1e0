package plan

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/target"
	"github.com/masstrace/masstrace/internal/window"
)

// Validate refuses parameters that no run can have. So a number in a file cannot make a
// replay use much memory, which only the listed targets decide.
func (p *Params) Validate() error {
	s := p.Shape
	switch {
	case s.FirstTTL < 1 || s.LastTTL > probe.MaxTTL || s.FirstTTL > s.LastTTL:
		return fmt.Errorf("TTLs %d to %d are not within 1 to %d, in order", s.FirstTTL, s.LastTTL, probe.MaxTTL)
	case s.Attempts < 1 || s.Attempts > probe.MaxAttempts:
		return fmt.Errorf("%d attempts are not within 1 to %d", s.Attempts, probe.MaxAttempts)
	case s.Flows < 1 || s.Flows > math.MaxInt16:
		return fmt.Errorf("%d flows are not within 1 to %d", s.Flows, math.MaxInt16)
	case s.Targets < 1 || s.Targets > math.MaxInt32/s.TTLs()/s.Flows:
		return fmt.Errorf("a window cannot have %d targets", s.Targets)
	case s.OnDemand < 0 || s.OnDemand > window.MaxOnDemand || s.IsOnDemand() && s.Flows > probe.BaseFlows:
		return fmt.Errorf("windows cannot have %d slots of %d flows per target", s.OnDemand, s.Flows)
	case s.Targets > math.MaxInt32/max(s.OnDemand, 1):
		return fmt.Errorf("a window cannot have %d targets with %d slots each", s.Targets, s.OnDemand)
	case !s.IsCut():
		return fmt.Errorf("windows cannot grow from %d targets to %d", s.First, s.Targets)
	case s.Unlinked < 0 || s.Unlinked > Unlinked(s) || s.ExtensionOctets < 0 || s.ExtensionOctets > MaxExtensionOctets(s):
		return errors.New("the stated memory of the windows is too large")
	}
	return nil
}

// Restore works out the plan of a run that began elsewhere, from its parameters and its
// lists.
func Restore(v Params, method probe.Method, key [16]byte, include *target.Lines, exclude target.Set) (*Plan, error) {
	if err := v.Validate(); err != nil {
		return nil, err
	}
	if include.Digest() != v.TargetsSHA256 {
		return nil, errors.New("the target list differs from that of the run")
	}
	v.Strategy.Strategy = cmp.Or(v.Strategy.Strategy, Exhaustive)
	strategy, err := withDefaults(v.Strategy)
	if err != nil {
		return nil, err
	}
	v.Strategy = strategy
	p := &Plan{Params: v, ProbeMethod: method, Seed128: SeedOf(v.Seed), Key: key, Include: include, Exclude: exclude}
	if err := p.setMultipath(); err != nil {
		return nil, err
	}
	if err := p.Index(); err != nil {
		return nil, err
	}
	s := &p.Shape
	if uint64(s.Targets) > p.Order.Len() {
		s.Targets, s.First = int(p.Order.Len()), 0
	}
	s.ExtensionOctets, s.Unlinked = min(s.ExtensionOctets, MaxExtensionOctets(*s)), min(s.Unlinked, Unlinked(*s))
	p.CountWindows()
	return p, nil
}
