package record

import (
	"errors"
	"fmt"

	"github.com/masstrace/masstrace/internal/account"
)

// Reasons why a run ended.
const (
	ReasonDone       = "done"
	ReasonSignal     = "signal"
	ReasonDisk       = "disk"
	ReasonLink       = "link"
	ReasonMaxRuntime = "max-runtime"
	ReasonShards     = "shards"  // of merged files: one of them is missing
	ReasonList       = "list"    // of a list of probes: a line is wrong
	ReasonCapture    = "capture" // of a replay: the capture is not whole
)

// Summary has the counts of a run. Counts are of packets unless their comments name
// something else. The tags are the names that the fields have in records.
type Summary struct {
	Run string `json:"run"`
	// Merged are the runs that the summary is the sum of, in a file that a merge wrote;
	// Run is the first of them.
	Merged []string `json:"merged,omitempty"`

	// Findings are nil if no traces were written.
	Findings *Findings `json:"findings,omitempty"`

	account.Account

	// LeftOut are the addresses of the lists that were never targets, nil if there are none.
	LeftOut *LeftOut `json:"left_out,omitempty"`

	// Diagnosis is the second pass over the targets without a certain verdict, nil if there is none.
	Diagnosis *Diagnosis `json:"diagnosis,omitempty"`

	// AutoRate is the rate that was found, nil where the rate was given.
	AutoRate *AutoRate `json:"auto_rate,omitempty"`

	ElapsedS float64 `json:"elapsed_s"`
	Complete bool    `json:"complete"` // the whole run is done
	Reason   string  `json:"reason"`   // one of the Reason constants
}

// AutoRate is how fast the network could be probed. Rates are in probes a second.
type AutoRate struct {
	RatePPS float64 `json:"rate_pps"` // the highest with the share of answers of low rates
	FellPPS float64 `json:"fell_pps"` // the lowest higher one with fewer answers; 0: none
	Share   float64 `json:"share"`    // of answers at rate_pps, against those at low rates
	Trials  int     `json:"trials"`   // rates tried, one after another
	Falls   int     `json:"falls"`    // trials at which fewer answered
}

// Balance returns an error that names each sum which does not hold, nil if all do.
func (s *Summary) Balance() error {
	err := errors.Join(s.Account.Balance(), s.Findings.Balance(), s.Diagnosis.Balance())
	if s.Complete && s.Skipped.Interrupted != 0 {
		err = errors.Join(err, fmt.Errorf("summary: complete, yet %d interrupted", s.Skipped.Interrupted))
	}
	return err
}

// Add adds the account and the time of another part of the run: one that was recorded
// before a checkpoint, or another shard's. How and why the run ended stays as s has it. So do
// findings, which do not add up: another part may have the same interfaces.
func (s *Summary) Add(o *Summary) {
	s.Account.Add(&o.Account)
	s.Diagnosis = s.Diagnosis.plus(o.Diagnosis)
	s.ElapsedS += o.ElapsedS
}
