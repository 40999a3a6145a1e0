package record

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Diagnosis is a second pass over the targets that gave no certain verdict. Its traces follow those
// of the scan in the same file; the last trace of a target has the final verdict. Its probes are in
// no other count of the summary, but its traces are in the findings.
type Diagnosis struct {
	Targets uint64 `json:"targets"` // that were asked again
	// NotAsked are further targets without a certain verdict: above a limit, excluded, or left when
	// the run was stopped.
	NotAsked uint64 `json:"not_asked"`
	Traces   uint64 `json:"traces"`
	Sent     uint64 `json:"sent"`     // probes
	Answered uint64 `json:"answered"` // probes with a reply in time
	Silent   uint64 `json:"silent"`
	// Methods are the methods that were asked, in their order.
	Methods []string `json:"methods"`
	// Verdicts are the final verdicts of Targets.
	Verdicts map[string]uint64 `json:"verdicts,omitempty"`
	ElapsedS float64           `json:"elapsed_s"`
}

// Balance returns an error that names each condition which does not hold, nil if all do.
func (d *Diagnosis) Balance() error {
	if d == nil {
		return nil
	}
	var errs []error
	if d.Sent != d.Answered+d.Silent {
		errs = append(errs, fmt.Errorf("summary: diagnosis: sent = answered + silent does not hold: %d, %d and %d", d.Sent, d.Answered, d.Silent))
	}
	var judged uint64
	for _, n := range d.Verdicts {
		judged += n
	}
	if judged != d.Targets {
		errs = append(errs, fmt.Errorf("summary: diagnosis: targets = all of verdicts does not hold: %d and %d", d.Targets, judged))
	}
	return errors.Join(errs...)
}

// plus returns the sum of two diagnoses, nil if both are.
func (d *Diagnosis) plus(o *Diagnosis) *Diagnosis {
	if o == nil {
		return d
	}
	sum := Diagnosis{Methods: slices.Clone(o.Methods), Verdicts: maps.Clone(o.Verdicts)}
	sum.add(o)
	if d != nil {
		sum.add(d)
		for _, m := range d.Methods {
			if !slices.Contains(sum.Methods, m) {
				sum.Methods = append(sum.Methods, m)
			}
		}
		for v, n := range d.Verdicts {
			sum.Verdicts[v] += n
		}
	}
	return &sum
}

// add adds the numbers of o.
func (d *Diagnosis) add(o *Diagnosis) {
	d.Targets += o.Targets
	d.NotAsked += o.NotAsked
	d.Traces += o.Traces
	d.Sent += o.Sent
	d.Answered += o.Answered
	d.Silent += o.Silent
	d.ElapsedS += o.ElapsedS
}
