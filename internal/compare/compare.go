// Package compare compares two results of the same targets: which paths changed, and which only
// took another branch of a load balancer.
//
// Two scans with other flows see other branches. So a different router is no change by itself.
// If nothing changed, the two paths of a target are two draws from the same set. Then they are
// exchangeable: each of the two could as well come from the other scan. This gives an exact test
// for a group of targets (shift.go) without a model of balancers. A change is a difference that
// the test does not explain. Silence is no difference.
package compare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/inputs"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/run"
)

// Config is the request of a comparison.
type Config struct {
	// Old and New are files of results in any format, folders of them, or patterns such as
	// x.ndjson.*; - is Stdin, which at most one may be.
	Old, New string
	Stdin    io.Reader
	By       By // how changes are put together
	// Targets is set if the result needs its Targets, 17 octets for each.
	Targets bool
}

// By is how the changes of targets are put together.
type By uint8

// The ways.
const (
	ByTarget By = iota
	ByAS        // of the target, as databases have it
	ByPrefix    // the /24 or /48 of the target
)

var byNames = []string{ByTarget: "target", ByAS: "as", ByPrefix: "prefix"}

// String returns the name of a way.
func (b By) String() string { return byNames[b] }

// MarshalText implements encoding.TextMarshaler.
func (b By) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *By) UnmarshalText(text []byte) error {
	i := slices.Index(byNames, string(text))
	if i < 0 {
		return fmt.Errorf("%q is not one of %s", text, strings.Join(byNames, ", "))
	}
	*b = By(i)
	return nil
}

// Result is the outcome of a comparison. Lists are in the order of addresses.
type Result struct {
	// Point is the vantage point of both scans; empty unless there are results for several.
	Point   string `json:"vantage_point,omitempty"`
	By      By     `json:"by"`
	OnlyOld int    `json:"only_old"` // targets that one scan alone asked: they are left out
	OnlyNew int    `json:"only_new"`

	Compared    int `json:"compared"`     // targets of both
	Same        int `json:"same"`         // without a difference
	OtherBranch int `json:"other_branch"` // a load balancer explains it, or too few targets show it
	Appeared    int `json:"appeared"`     // nothing answered in the old scan
	Vanished    int `json:"vanished"`     // nothing answered in the new scan
	NoAnswer    int `json:"no_answer"`    // nothing answered in both
	ReachedOld  int `json:"reached_old"`  // targets that were silent in the new scan
	ReachedNew  int `json:"reached_new"`

	Changes  []Change  `json:"changes"`
	Verdicts []Verdict `json:"verdicts"`
	Shifts   []Shift   `json:"rtt_shifts"`
	// Baseline is the median of the difference of all round-trip times, in ns. Shifts are beyond
	// it.
	Baseline int64 `json:"baseline_ns"`

	// New and gone interfaces and links of the targets that both scans asked. Those on changed
	// paths are listed; others may be branches that one scan did not meet.
	Interfaces Difference `json:"interfaces"`
	Links      Difference `json:"links"`
	Groups     []Group    `json:"groups,omitempty"` // of ByAS and ByPrefix

	// Targets are the targets of both scans, if they are asked for.
	Targets []Target `json:"-"`
}

// Change is a path that changed.
type Change struct {
	Target netip.Addr `json:"dst"`
	TTL    uint8      `json:"ttl"`            // of the first difference
	After  netip.Addr `json:"after,omitzero"` // the last common address; invalid without one
	Old    netip.Addr `json:"old"`            // addresses at TTL
	New    netip.Addr `json:"new"`
	// Left and Entered are the autonomous systems of one path alone, if databases have them.
	Left    []uint32 `json:"as_left,omitempty"`
	Entered []uint32 `json:"as_entered,omitempty"`
	// Prefix holds the targets that changed together, and Witnesses is their number. Chance is
	// the probability that load balancers alone make such a difference.
	Prefix    netip.Prefix `json:"prefix"`
	Witnesses int          `json:"witnesses"`
	Chance    float64      `json:"chance"`
}

// Verdict is an end of a path that changed. Silence is no end.
type Verdict struct {
	Target netip.Addr `json:"dst"`
	Old    string     `json:"old"`
	New    string     `json:"new"` // COMPLETED, LOOP, or UNREACH and the code
}

// Shift is a change of the round-trip times to the targets of a prefix, on unchanged paths.
type Shift struct {
	Prefix  netip.Prefix `json:"prefix"`
	Targets int          `json:"targets"`
	Old     int64        `json:"old_ns"` // medians
	New     int64        `json:"new_ns"`
	Chance  float64      `json:"chance"`
}

// Difference counts the interfaces or links that one scan alone saw.
type Difference struct {
	Both int `json:"both"`
	Gone int `json:"gone"`
	New  int `json:"new"`
	// ChangedGone and ChangedNew are those on changed paths.
	ChangedGone []string `json:"gone_on_changed,omitempty"`
	ChangedNew  []string `json:"new_on_changed,omitempty"`
}

// Group is the changes of the targets of an autonomous system or a prefix.
type Group struct {
	Name     string `json:"name"`
	Compared int    `json:"compared"`
	Changed  int    `json:"changed"`
}

// Changed reports whether anything changed.
func (r *Result) Changed() bool { return len(r.Changes)+len(r.Verdicts)+len(r.Shifts) > 0 }

// Run compares two files until ctx ends. If a file is damaged or cut, the results are of the
// traces that could be read, and the error is an *run.Incomplete. If one of the files has traces of
// several vantage points, there is a result for each vantage point of both. Memory grows with the
// number of traces: at most 200 octets each, and with the number of addresses and links.
func Run(ctx context.Context, c Config) (*Results, error) {
	if c.Old == "-" && c.New == "-" {
		return nil, &outfile.RefusedError{Name: "Inputs", Err: errors.New("standard input (-) is named twice")}
	}
	b := NewBuilder(c.By)
	b.targets = c.Targets
	var faults []error
	for i, path := range []string{c.Old, c.New} {
		if err := inputs.Each(ctx, inputs.Matching(path), c.Stdin, b.scans[i].add); err != nil {
			if _, ok := errors.AsType[*run.Incomplete](err); !ok {
				return nil, err
			}
			faults = append(faults, err)
		}
	}
	results, err := b.results([2]string{c.Old, c.New})
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		return results, &run.Incomplete{Err: errors.Join(faults...)}
	}
	return results, nil
}
