// Package verify compares a file of results with the simulated Internet in which they were
// measured, and with the log of its probes. It reads results of masstrace, scamper, yarrp
// and caracal.
//
//	log ──▶ asked (every probe, by target, flow and TTL) ─┐
//	results ──▶ claims: one for each hop ──▶ checker ─────┴─▶ Report
//
// There are three witnesses. The results have the claims of a prober, and the log has every
// probe and its answer. netsim.Truth has all possible answers. A hop is true if the log has
// its answer. If not, the truth gives the kind of fault.
//
// The log must be of one run only, because probes of other programs count for the run. Only
// probes with a TTL above probe.MaxTTL do not count: kernels send them by themselves.
//
// The log is kept in memory, 40 octets a probe; results stream by.
package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/target"
)

// Config names the files to compare.
type Config struct {
	Results  string // a file, or "-" for Stdin
	Log      string // a file, by masstrace lab --log
	Counters string // a file, by masstrace lab --counters; empty for none
	// Targets and Exclude are files, "-", or addresses, prefixes and ranges, as
	// the scan had them. Without Targets no destination is checked.
	Targets, Exclude []string
	AllowReserved    bool // the scan was allowed special-purpose addresses
	Stdin            io.Reader
}

// ErrLists is wrapped by errors about Targets and Exclude.
var ErrLists = errors.New("bad list")

// Run compares. An error means that a file could not be read, or has the wrong format. The
// faults of the results are in the report. When ctx ends, Run returns its error soon, but
// for a read of Stdin that is held up: its reader must end by itself.
func Run(ctx context.Context, c Config) (*Report, error) {
	check := options{}
	if len(c.Targets) > 0 {
		set, err := allowed(&c)
		if err != nil {
			return nil, err
		}
		check.targets = &set
	}
	if c.Counters != "" {
		var err error
		if check.counters, err = readCounters(c.Counters); err != nil {
			return nil, err
		}
	}
	log, err := os.Open(c.Log)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	defer log.Close()
	results, err := all.Open(c.Results, c.Stdin)
	if err != nil {
		return nil, err
	}
	defer results.Close()
	ask, err := readLog(ctx, log, check.targets)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", c.Log, err)
	}
	report, err := compare(ctx, results, ask, check)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", c.Results, err)
	}
	return report, nil
}

// allowed returns the addresses that the scan was allowed to probe.
func allowed(c *Config) (target.Set, error) {
	include, err := target.ParseArgs(c.Targets, c.Stdin)
	if err != nil {
		return target.Set{}, fmt.Errorf("%w of targets: %w", ErrLists, err)
	}
	exclude, err := target.ParseArgs(c.Exclude, c.Stdin)
	if err != nil {
		return target.Set{}, fmt.Errorf("%w of exclusions: %w", ErrLists, err)
	}
	set := include.Set().Minus(exclude.Set())
	if !c.AllowReserved {
		set = set.Minus(target.ReservedSet())
	}
	return set, nil
}

// counters is the output of masstrace lab --counters.
type counters struct {
	Simulator map[string]uint64 `json:"simulator"`
	LostIn    uint64            `json:"lost_in"`
	LostDelay uint64            `json:"lost_delay"`
	LostOut   uint64            `json:"lost_out"`
}

func readCounters(path string) (*counters, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read counters: %w", err)
	}
	c := new(counters)
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("read counters %s: %w", path, err)
	}
	return c, nil
}

// options are further data of a comparison besides results and log.
type options struct {
	targets  *target.Set // nil: any
	counters *counters   // nil: not known
}

// checker compares one file of results with the log.
type checker struct {
	asked *asked
	truth *netsim.Truth
	opt   options

	tool    string
	run     *record.Run
	summary *record.Summary
	waitNS  int64 // how long the run waits for replies; 0: not known
	resumes resumes

	traces, replies tally
	inferred        Inferred
	ends            Ends
	limits          Limits
	sums            traceSums
	report          Report
	examples        map[string]int

	flows []uint32     // scratch
	hops  []netsim.Hop // scratch
}

// compare reads the results and makes the report.
func compare(ctx context.Context, results *format.File, ask *asked, opt options) (*Report, error) {
	c := &checker{asked: ask, truth: ask.truth, opt: opt, examples: make(map[string]int)}
	c.traces.mark, c.replies.mark = inTraces, inReplies
	if err := c.read(ctx, results); err != nil {
		return nil, err
	}
	report := c.finish()
	return report, ctx.Err() // the flows were not walked through to the end then
}

// finish computes the parts of the report that need all results.
func (c *checker) finish() *Report {
	r := &c.report
	r.Format = c.tool
	c.forgetRest()
	r.Probes = c.probesReport()
	rows := &c.traces
	if c.traces.Judged == 0 && c.sums.traces == 0 {
		rows = &c.replies
	} else if c.replies.Judged > 0 {
		r.Replies = c.replies.report()
	}
	r.Hops = *rows.report()
	r.Recall = c.recall(rows.mark)
	r.Whole = c.whole()
	if c.inferred.Hops > 0 {
		r.Inferred = &c.inferred
	}
	if c.ends.Traces+c.ends.Halted > 0 {
		r.Ends = &c.ends
	}
	r.Limits = c.limitsReport()
	r.Paris = c.paris()
	r.Repeats = c.repeats()
	r.Pace = c.asked.pace
	if c.run != nil {
		r.Pace.AskedPPS = c.run.RatePPS
	}
	r.Sums = c.sumsReport()
	r.Faults = r.faults()
	c.groupExamples()
	return r
}

// example keeps a line about one of the first of a kind.
func (c *checker) example(kind, text string, args ...any) {
	const most = 5
	if c.examples[kind]++; c.examples[kind] <= most {
		c.report.Examples = append(c.report.Examples, Example{kind, fmt.Sprintf(text, args...)})
	}
}

// groupExamples puts those of a kind side by side.
func (c *checker) groupExamples() {
	first := make(map[string]int)
	for i, e := range c.report.Examples {
		if _, ok := first[e.Kind]; !ok {
			first[e.Kind] = i
		}
	}
	slices.SortStableFunc(c.report.Examples, func(a, b Example) int { return first[a.Kind] - first[b.Kind] })
}
