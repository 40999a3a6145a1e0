package record

import (
	"errors"
	"fmt"
)

// Findings are the results of a run in numbers. The counts are of the traces that were written.
type Findings struct {
	Traces  uint64            `json:"traces"`
	Reached uint64            `json:"reached"` // traces whose target answered
	Ends    map[string]uint64 `json:"ends"`    // traces by stop reason
	// Verdicts are the traces by verdict, and Conditions those by condition. They are nil if the
	// traces are not judged.
	Verdicts   map[string]uint64 `json:"verdicts,omitempty"`
	Conditions map[string]uint64 `json:"conditions,omitempty"`
	// Interfaces are the distinct addresses of hops, without those of targets in their own
	// traces. Links are the distinct pairs of them at adjacent TTLs of a trace. Both are
	// estimates, with a standard error of 0.8 %.
	Interfaces uint64 `json:"interfaces"`
	Links      uint64 `json:"links"`
	// MedianPath and LongestPath are of the traces that end at their targets, in TTLs; 0 if
	// there are none.
	MedianPath  int `json:"median_path,omitempty"`
	LongestPath int `json:"longest_path,omitempty"`
}

// PathLengths returns the median and the longest of some paths, where counts has the number of
// paths of each length. The median of an even number is the lower of the two in the middle.
func PathLengths(counts []uint64) (median, longest int) {
	var all, seen uint64
	for _, n := range counts {
		all += n
	}
	median = -1
	for length, n := range counts {
		if n == 0 {
			continue
		}
		longest = length
		if seen += n; median < 0 && 2*seen >= all {
			median = length
		}
	}
	return max(median, 0), longest
}

// Balance returns an error that names each condition which does not hold, nil if all do.
func (f *Findings) Balance() error {
	if f == nil {
		return nil
	}
	var errs []error
	var ends uint64
	for _, n := range f.Ends {
		ends += n
	}
	if ends != f.Traces {
		errs = append(errs, fmt.Errorf("summary: findings: traces = all of ends does not hold: %d and %d", f.Traces, ends))
	}
	if f.Verdicts != nil {
		var judged uint64
		for _, n := range f.Verdicts {
			judged += n
		}
		if judged != f.Traces {
			errs = append(errs, fmt.Errorf("summary: findings: traces = all of verdicts does not hold: %d and %d", f.Traces, judged))
		}
	}
	if completed := f.Ends[StopCompleted.String()]; completed > f.Reached || f.Reached > f.Traces {
		errs = append(errs, fmt.Errorf("summary: findings: completed ≤ reached ≤ traces does not hold: %d, %d and %d",
			completed, f.Reached, f.Traces))
	}
	if f.MedianPath > f.LongestPath {
		errs = append(errs, fmt.Errorf("summary: findings: median_path %d is more than longest_path %d", f.MedianPath, f.LongestPath))
	}
	return errors.Join(errs...)
}
