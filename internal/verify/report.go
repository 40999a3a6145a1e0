package verify

import (
	"fmt"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
)

// Report is the result of a comparison. --json prints it as JSON.
type Report struct {
	Format   string    `json:"format"`
	Faults   []string  `json:"faults"` // violated hard properties; empty: OK
	Probes   Probes    `json:"probes"`
	Hops     Hops      `json:"hops"`              // of traces; without traces, of rows
	Replies  *Hops     `json:"replies,omitempty"` // of reply records in addition to traces
	Inferred *Inferred `json:"inferred,omitempty"`
	Recall   Recall    `json:"recall"`
	Whole    *Whole    `json:"whole,omitempty"`
	// Multipath is of multipath records. If there are any, traces show a part of the flows,
	// flows may share a source port, and answered probes may be repeated.
	Multipath *Multipath `json:"multipath,omitempty"`
	Ends      *Ends      `json:"ends,omitempty"`
	Sums      *Sums      `json:"sums,omitempty"`
	Paris     Paris      `json:"paris"`
	Repeats   Repeats    `json:"repeats"`
	Limits    *Limits    `json:"limits,omitempty"`
	Pace      Pace       `json:"pace"`
	BadLines  uint64     `json:"bad_lines"` // lines of the results that were skipped
	Cut       bool       `json:"cut"`       // the results end in the middle of a line

	Examples []Example `json:"examples,omitempty"` // some of the errors

	// In a log of several vantage points: VantagePoint is the name of the one that the report
	// is of. Unjudged has the numbers of probes of those without results, by name. A report of
	// several has their sums, and VantagePoints has the report of each. Its parts that cannot
	// be added are empty.
	VantagePoint  string         `json:"vantage_point,omitempty"`
	Unjudged      map[string]int `json:"unjudged,omitempty"`
	VantagePoints []*Report      `json:"vantage_points,omitempty"`
}

// Example is one case of a kind.
type Example struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// Probes is a summary of the log.
type Probes struct {
	Targets int `json:"targets"`
	// Sent is all probes that reached the simulator, Others packets that are not probes.
	Sent   uint64 `json:"sent"`
	Others uint64 `json:"others"`
	// Abandoned is the probes in Sent that were not recorded when a run was stopped, and may
	// have been sent again after it was resumed. All other counts leave them out.
	Abandoned uint64 `json:"abandoned,omitempty"`
	// Fates counts the valid probes, by netsim's names. Invalid counts those that no host would
	// accept: wrong checksums and lengths, addresses that no router forwards.
	Fates   map[string]uint64 `json:"fates"`
	Invalid map[string]uint64 `json:"invalid,omitempty"`
	// Outside is probes to addresses that the scan must not probe; -1: not checked.
	Outside int64 `json:"outside"`
	Cut     bool  `json:"cut"` // the log ends in the middle of an entry
	// Unlogged is packets that the simulator counted but the log does not contain; -1: not
	// checked.
	Unlogged int64 `json:"unlogged"`
}

// probesReport summarises the log.
func (c *checker) probesReport() Probes {
	a := c.asked
	p := Probes{Targets: len(a.dests), Others: a.others, Abandoned: c.resumes.abandoned, Cut: a.cut, Outside: -1, Unlogged: -1,
		Fates: make(map[string]uint64)}
	for i, n := range a.fates {
		f := netsim.Fate(i)
		switch {
		case n == 0:
			continue
		case f.Valid():
			p.Fates[f.String()] = n
		default:
			if p.Invalid == nil {
				p.Invalid = make(map[string]uint64)
			}
			p.Invalid[f.String()] = n
		}
		p.Sent += n
	}
	if a.targets != nil {
		p.Outside = int64(a.outsiders)
		for _, addr := range sortedAddrs(a.outside) {
			c.example("outside", "%s: %d probes", addr, a.outside[addr])
		}
	}
	if n := c.opt.counters; n != nil {
		p.Unlogged = int64(n.Simulator["received"]) - int64(a.entries)
	}
	return p
}

// faults returns the violated hard properties.
func (r *Report) faults() []string {
	faults := []string{}
	add := func(name string, n uint64) {
		if n > 0 {
			faults = append(faults, fmt.Sprintf("%s: %d", name, n))
		}
	}
	add("false hops", r.Hops.False())
	if r.Replies != nil {
		add("false replies", r.Replies.False())
	}
	if m := r.Multipath; m != nil {
		add("false nodes", m.Nodes.False())
		add("false links", m.Links.False())
		add("multipath records that are there twice", m.Again)
	} else {
		add("unstable flows", uint64(r.Paris.Unstable))
		add("retried though answered", r.Repeats.Answered)
	}
	add("flows of varying size", uint64(r.Paris.SizeVaries))
	add("targets with flows that the results do not have", uint64(r.Paris.Surplus))
	add("probes outside the targets", uint64(max(r.Probes.Outside, 0)))
	add("probed twice", r.Repeats.Identical)
	add("probed too often", r.Repeats.Excess)
	var invalid uint64
	for _, n := range r.Probes.Invalid {
		invalid += n
	}
	add("invalid probes", invalid)
	if r.Sums != nil {
		var wrong uint64
		wrong += uint64(len(r.Sums.faulty()))
		if r.Sums.Unbalanced != "" {
			wrong++
		}
		add("impossible counts in the summary", wrong)
	}
	return faults
}

// fileFaults returns the faults of the file of results itself. Results that cannot be read, or that
// are not there, prove nothing.
func (c *checker) fileFaults() (faults []string) {
	r := &c.report
	if r.BadLines > 0 {
		faults = append(faults, fmt.Sprintf("lines that cannot be read: %d", r.BadLines))
	}
	nothing := c.sums.traces == 0 && c.paths == nil && c.traces.Judged == 0 && c.replies.Judged == 0
	if nothing && (!c.ended() || c.summary != nil && c.summary.Answered > 0) {
		faults = append(faults, "no traces and no replies")
	}
	if c.tool == Masstrace && r.Ends != nil && r.Ends.Again > 0 {
		faults = append(faults, fmt.Sprintf("traces that are there twice: %d", r.Ends.Again))
	}
	if c.summaries > 1 {
		faults = append(faults, fmt.Sprintf("summaries, of which a file has one: %d", c.summaries))
	}
	return faults
}

// OK reports whether all hard properties hold. No hop may be false, and flows must be constant.
// No probe may be repeated, sent outside the targets or with a wrong checksum. The summary must
// not contradict the log or the traces.
func (r *Report) OK() bool { return len(r.Faults) == 0 }

// sortedAddrs returns the keys in order.
func sortedAddrs(m map[probe.Addr]uint64) []probe.Addr {
	return sortedKeys(m, func(a, b probe.Addr) int { return a.Netip().Compare(b.Netip()) })
}
