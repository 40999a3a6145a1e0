package ndjson

import (
	"errors"
	"fmt"
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

// maxExact is the first integer that not every JSON reader takes exactly.
const maxExact = 1 << 53

// Summary is the summary record: what became of every probe and of every frame.
// Counts are of packets unless they say otherwise. Balance checks that they add
// up.
type Summary struct {
	Type string `json:"type"`
	Run  string `json:"run"`
	// Merged are the runs that it is the sum of, in a file that Merge wrote; Run is
	// the first of them.
	Merged []string `json:"merged,omitempty"`

	Targets uint64 `json:"targets"`
	TTLs    uint64 `json:"ttls"`  // asked for, of each target
	Flows   uint64 `json:"flows"` // of each target

	Sent     uint64 `json:"sent"`      // probes that the kernel took, all attempts
	Answered uint64 `json:"answered"`  // probes with a reply in time
	Silent   uint64 `json:"silent"`    // probes without
	TxErrors uint64 `json:"tx_errors"` // probes that the kernel never took
	// Abandoned are probes in no other count: of windows that a stopped run left
	// to be done again from its checkpoint.
	Abandoned uint64 `json:"abandoned,omitempty"`

	SilentBy SilentBy `json:"silent_by"`
	ByTTL    []ByTTL  `json:"by_ttl,omitempty"` // where the TTLs are known; those without probes left out

	// LimitedRouters are those that limit the rate of their answers, most silent
	// probes first, at most MostLimited. Cut says that there are more.
	LimitedRouters    []LimitedRouter `json:"limited_routers,omitempty"`
	LimitedRoutersCut bool            `json:"limited_routers_cut,omitempty"`

	// The first attempt: each (target, TTL, flow) was either sent or skipped.
	FirstSent uint64  `json:"first_sent"`
	Skipped   Skipped `json:"skipped"`

	Frames // of which JSON knows nothing: its counts stand side by side with the rest

	// UDPReplies are those of the strong and weak frames that answer no single
	// probe: datagrams from a target's probed port.
	UDPReplies uint64 `json:"udp_reply"`
	// PureACKs likewise: they acknowledge an earlier probe of the flow.
	PureACKs uint64 `json:"pure_ack,omitempty"`

	// AutoRate is what --rate auto found, nil without it.
	AutoRate *AutoRate `json:"auto_rate,omitempty"`

	Drops    Drops   `json:"drops"`
	ElapsedS float64 `json:"elapsed_s"`
	Complete bool    `json:"complete"` // all was done that was asked for
	Reason   string  `json:"reason"`   // one of the Reason constants
}

// SilentBy counts silent probes by what may be the reason, each in the first that
// fits. What the kernel dropped cannot be put to probes: of Drops, at most as many
// were answered as frames were dropped.
type SilentBy struct {
	Drops       uint64 `json:"kernel_drops"` // frames were dropped while they were awaited
	RateLimited uint64 `json:"rate_limited"` // their responder limits the rate of its answers
	Unknown     uint64 `json:"unknown"`      // the network's, as far as we know
}

// Total returns the sum over all reasons.
func (s *SilentBy) Total() uint64 { return s.Drops + s.RateLimited + s.Unknown }

// ByTTL is what became of the probes with one TTL, all attempts, as Summary has it
// of all.
type ByTTL struct {
	TTL      uint8    `json:"ttl"`
	Sent     uint64   `json:"sent"`
	Answered uint64   `json:"answered"`
	Silent   uint64   `json:"silent"`
	SilentBy SilentBy `json:"silent_by"`
	Late     uint64   `json:"late"` // frames: whether their probes were answered before is not known any more
	TxErrors uint64   `json:"tx_errors"`
}

// AutoRate is how fast the network could be probed. Rates are in probes a second.
type AutoRate struct {
	RatePPS float64 `json:"rate_pps"` // the highest at which the control group answered as at low rates
	FellPPS float64 `json:"fell_pps"` // the lowest above it at which fewer answered, or this machine dropped replies; 0 for none
	Share   float64 `json:"share"`    // of answers at rate_pps, against those at low rates
	Trials  int     `json:"trials"`   // rates tried, one after another
	Falls   int     `json:"falls"`    // trials at which fewer answered
}

// Skipped counts the (target, TTL, flow) that were not probed, by reason.
type Skipped struct {
	Reached     uint64 `json:"reached"`               // beyond the target's distance
	Unreachable uint64 `json:"unreachable,omitempty"` // beyond whoever said so
	Loop        uint64 `json:"loop,omitempty"`        // routers repeat
	GapLimit    uint64 `json:"gap_limit,omitempty"`   // beyond silence
	Known       uint64 `json:"known,omitempty"`       // other traces saw that part of the path
	Limited     uint64 `json:"limited,omitempty"`     // routers there answer only so many
	Excluded    uint64 `json:"excluded"`              // the sender's own check refused the target
	Interrupted uint64 `json:"interrupted"`           // the run ended before
	TxError     uint64 `json:"tx_error"`              // the kernel never took it
}

// Total returns the sum over all reasons.
func (s *Skipped) Total() uint64 {
	return s.Reached + s.Unreachable + s.Loop + s.GapLimit + s.Known + s.Limited + s.Excluded + s.Interrupted + s.TxError
}

// Frames counts received frames: each is in exactly one count, the first that
// fits, but for Received, which has them all.
type Frames struct {
	Received   uint64   `json:"frames"`
	Malformed  uint64   `json:"malformed"` // cannot be decoded
	Unrelated  uint64   `json:"unrelated"` // answers no probe of any run like this
	Rejected   Rejected `json:"rejected"`
	Late       uint64   `json:"late"`       // its window is gone
	Duplicates uint64   `json:"duplicates"` // its probe has a reply
	Weak       uint64   `json:"weak"`
	Strong     uint64   `json:"strong"`
	// Unverified are a replay's without the key, else 0.
	Unverified uint64 `json:"unverified,omitempty"`
	// Fragments are those of Unrelated that are fragments of IP packets.
	Fragments uint64 `json:"fragments,omitempty"`
}

// Rejected counts frames that look like answers and are none, by reason.
type Rejected struct {
	Checksum uint64 `json:"checksum"` // a wrong checksum or length of its own
	Source   uint64 `json:"source"`   // quotes another source, on too little evidence
	Tag      uint64 `json:"tag"`      // no tag is valid
	Conflict uint64 `json:"conflict"` // two tags are, for two probes
	Unsent   uint64 `json:"unsent"`   // names a probe that was never sent
}

// Total returns the sum over all reasons.
func (r *Rejected) Total() uint64 {
	return r.Checksum + r.Source + r.Tag + r.Conflict + r.Unsent
}

// Drops counts what was lost before anybody looked at it.
type Drops struct {
	Kernel     uint64 `json:"kernel"`     // frames: the capture buffer was full
	Interface  uint64 `json:"interface"`  // frames: by the link or its driver
	Extensions uint64 `json:"extensions"` // extension structures of hops, for want of room
}

// sum is two counts that must be equal.
type sum struct {
	what        string
	left, right uint64
}

// Balance returns an error that names each sum which does not add up, nil if
// all do.
func (s *Summary) Balance() error {
	f := &s.Frames
	sums := []sum{
		{"sent = answered + silent", s.Sent, s.Answered + s.Silent},
		{"frames = malformed + unrelated + rejected + late + duplicates + weak + strong + unverified",
			f.Received, f.Malformed + f.Unrelated + f.Rejected.Total() + f.Late +
				f.Duplicates + f.Weak + f.Strong + f.Unverified},
		{"answered + udp_reply + pure_ack = strong + weak + unverified",
			s.Answered + s.UDPReplies + s.PureACKs, f.Strong + f.Weak + f.Unverified},
		{"targets × ttls × flows = first_sent + skipped",
			s.Targets * s.TTLs * s.Flows, s.FirstSent + s.Skipped.Total()},
		{"silent = all of silent_by", s.Silent, s.SilentBy.Total()},
	}
	if s.ByTTL != nil {
		var all ByTTL
		for i := range s.ByTTL {
			t := &s.ByTTL[i]
			what := fmt.Sprintf("at TTL %d: ", t.TTL)
			sums = append(sums,
				sum{what + "sent = answered + silent", t.Sent, t.Answered + t.Silent},
				sum{what + "silent = all of silent_by", t.Silent, t.SilentBy.Total()})
			all.add(t)
		}
		sums = append(sums,
			sum{"sent = sum of by_ttl", s.Sent, all.Sent},
			sum{"answered = sum of by_ttl", s.Answered, all.Answered},
			sum{"tx_errors = sum of by_ttl", s.TxErrors, all.TxErrors},
			sum{"silent_by.kernel_drops = sum of by_ttl", s.SilentBy.Drops, all.SilentBy.Drops},
			sum{"silent_by.rate_limited = sum of by_ttl", s.SilentBy.RateLimited, all.SilentBy.RateLimited})
		if all.Late > s.Late { // those without a TTL are only in the latter
			sums = append(sums, sum{"late ≥ sum of by_ttl", s.Late, all.Late})
		}
	}
	var errs []error
	for _, c := range sums {
		if c.left != c.right {
			errs = append(errs, fmt.Errorf("summary: %s does not hold: %d and %d", c.what, c.left, c.right))
		}
		if c.left >= maxExact || c.right >= maxExact {
			errs = append(errs, fmt.Errorf("summary: %s: %d or %d is not below 2⁵³", c.what, c.left, c.right))
		}
	}
	if s.FirstSent > s.Sent {
		errs = append(errs, fmt.Errorf("summary: first_sent %d is more than sent %d",
			s.FirstSent, s.Sent))
	}
	if s.Complete && s.Skipped.Interrupted != 0 {
		errs = append(errs, fmt.Errorf("summary: complete, yet %d interrupted", s.Skipped.Interrupted))
	}
	return errors.Join(errs...)
}
