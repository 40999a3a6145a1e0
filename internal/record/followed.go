package record

import (
	"errors"
	"fmt"
)

// Followed has the counts of a measurement that follows paths, over all processes that took part. The
// tags are the names that the fields have in records.
type Followed struct {
	Run     string `json:"run"`
	Targets uint64 `json:"targets"`
	Traced  uint64 `json:"traced"` // targets whose path is known

	Probes  FollowedProbes  `json:"probe_counts"`
	Changes FollowedChanges `json:"changes"`
	Doubts  FollowedDoubts  `json:"doubts"`
	Silence FollowedSilence `json:"silence"`
	// OnChange is nil if changes were handed to nothing.
	OnChange *FollowedCalls `json:"on_change,omitempty"`

	ElapsedS float64 `json:"elapsed_s"` // of this process
	Reason   string  `json:"reason"`    // one of the Reason constants
}

// FollowedProbes counts probes by purpose, and by fate.
type FollowedProbes struct {
	First   uint64 `json:"first"`   // of first traces
	Routine uint64 `json:"routine"` // that look for changes
	Inquiry uint64 `json:"inquiry"` // that examine one

	Unsent    uint64 `json:"unsent"` // did not leave
	Answered  uint64 `json:"answered"`
	Silent    uint64 `json:"silent"`
	Waiting   uint64 `json:"waiting"`   // when the run ended
	Forgotten uint64 `json:"forgotten"` // by a process that was killed
}

// FollowedChanges counts events by kind, and the paths that they changed.
type FollowedChanges struct {
	All      uint64 `json:"all"`
	Route    uint64 `json:"route"`
	Balancer uint64 `json:"balancer"`
	Unclear  uint64 `json:"unclear"`
	Paths    uint64 `json:"paths"`
}

// FollowedDoubts counts answers that differed from the known path, and those of them that were no
// change.
type FollowedDoubts struct {
	All        uint64 `json:"all"`
	Alternated uint64 `json:"alternated"` // a balancer alternates by packet
	Faded      uint64 `json:"faded"`      // nothing answered any more
	Outlived   uint64 `json:"outlived"`   // the path changed again before its hops were known
	Open       uint64 `json:"open"`       // nothing was decided when the run ended
	// Weak are further answers that differed: they have one tag, and decide nothing.
	Weak uint64 `json:"weak"`
}

// FollowedSilence counts probes of routine that a known hop did not answer, by cause.
type FollowedSilence struct {
	Limited uint64 `json:"limited"` // the router leaves many unanswered
	Lost    uint64 `json:"lost"`
	Ours    uint64 `json:"ours"` // this machine dropped frames meanwhile
}

// FollowedCalls counts the changes that this process handed to a command or a URL.
type FollowedCalls struct {
	Done    uint64 `json:"done"`
	Failed  uint64 `json:"failed"`
	Dropped uint64 `json:"dropped"` // too many waited
	Left    uint64 `json:"left"`    // waited at the end
}

// Balance returns an error that names each sum which does not hold, nil if all do.
func (f *Followed) Balance() error {
	p, c, d := &f.Probes, &f.Changes, &f.Doubts
	var err error
	check := func(holds bool, law string) {
		if !holds {
			err = errors.Join(err, fmt.Errorf("follow-summary: not %s", law))
		}
	}
	check(p.First+p.Routine+p.Inquiry == p.Unsent+p.Answered+p.Silent+p.Waiting+p.Forgotten,
		"first + routine + inquiry = unsent + answered + silent + waiting + forgotten")
	check(c.All == c.Route+c.Balancer+c.Unclear, "all = route + balancer + unclear")
	check(c.Paths >= c.All, "paths ≥ all")
	check(d.All >= d.Alternated+d.Faded+d.Outlived+d.Open, "doubts.all ≥ alternated + faded + outlived + open")
	check(p.Silent >= f.Silence.Limited+f.Silence.Lost+f.Silence.Ours, "silent ≥ limited + lost + ours")
	check(f.Traced <= f.Targets, "traced ≤ targets")
	return err
}
