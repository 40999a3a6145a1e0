// Package verify compares a file of results with the truth of the simulated Internet on which
// they were measured. It also compares them with the log of its probes. It reads the formats of
// masstrace, scamper, yarrp and caracal.
//
//	log ──▶ asked (every probe, by target, flow and TTL) ─┐
//	results ──▶ claims: one for each hop ──▶ checker ─────┴─▶ Report
//
// It uses three sources: the results contain the claims of a tool; the log contains the responder
// of each probe; netsim.Truth computes the possible answers. A hop is true if the log has its
// answer. Otherwise the truth decides in which way it is false.
//
// The log must be of one run, and of nothing else. In a log of several vantage points, there may
// be one run for each: the results of each are compared with its own probes (parts.go). Probes of
// other programs count as probes of the run. Probes with TTLs above probe.MaxTTL, which no trace
// uses, are an exception: kernels send such packets by themselves.
//
// The log is held in memory: 40 octets for each probe, and about 200 for each flow. The time
// grows with the sizes of log and results alone, for any content: see mostProbes and mostPicked.
// The results are streamed.
package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/intake"
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/target"
)

// Config selects the files to compare.
type Config struct {
	Results string // a file, or "-" for Stdin
	// More are the other files of the run, if it wrote several. If the log has several vantage
	// points, they may also be files of runs from others.
	More     []string
	Log      string // a file written by masstrace lab --log
	Counters string // a file written by masstrace lab --counters; empty for none
	// Targets and Exclude are files, "-", or addresses, prefixes and ranges, the same as for
	// the scan. Without Targets, destinations are not checked.
	Targets, Exclude []string
	AllowReserved    bool // whether the scan was allowed special-purpose addresses
	Stdin            io.Reader
}

// ErrLists is wrapped by errors about Targets and Exclude.
var ErrLists = errors.New("bad list")

// Run compares the files. An error means that a file could not be read or has another format.
// Errors in the results are in the report. When ctx ends, Run soon returns its error. A blocked
// read of Stdin delays that: the reader must end by itself.
func Run(ctx context.Context, c Config) (*Report, error) {
	check := options{}
	if len(c.Targets) > 0 {
		set, err := allowed(ctx, &c)
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
	sets, err := c.sets()
	if err != nil {
		return nil, err
	}
	defer closeAll(sets)
	points, err := readLog(ctx, log, sizeOf(log), check.targets)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", c.Log, err)
	}
	if len(sets) > 1 && len(points) == 1 {
		return nil, fmt.Errorf("%s and %s are results of several runs, but the log has one vantage point", sets[0].name, sets[1].name)
	}
	report, err := compare(ctx, sets, points, check)
	if err != nil && ctx.Err() == nil {
		err = &run.Incomplete{Err: err}
	}
	return report, err
}

// results are the open files of one run.
type results struct {
	name string
	*format.File
}

// sets opens the results: the files of one run, or of one run from each vantage point.
func (c *Config) sets() (list []results, err error) {
	paths := append([]string{c.Results}, c.More...)
	groups := []*fileset.Set{{Lead: c.Results, Others: c.More}}
	if len(paths) > 1 && !slices.Contains(paths, "-") {
		if some, orphans, err := fileset.GroupSome(paths); err == nil && len(orphans) == 0 && len(some) > 1 {
			groups = some
		}
	}
	for _, g := range groups {
		f, err := fileset.Open(append([]string{g.Lead}, g.Others...), c.Stdin)
		if err != nil {
			closeAll(list)
			return nil, err
		}
		list = append(list, results{g.Lead, f})
	}
	return list, nil
}

func closeAll(list []results) {
	for _, f := range list {
		f.Close()
	}
}

// sizeOf returns the size of a file in octets, 0 of a pipe.
func sizeOf(f *os.File) int64 {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}

// allowed returns the addresses that the scan was allowed to probe.
func allowed(ctx context.Context, c *Config) (target.Set, error) {
	include, err := intake.Read(ctx, intake.Config{Args: c.Targets, Stdin: c.Stdin})
	if err != nil {
		return target.Set{}, fmt.Errorf("%w of targets: %w", ErrLists, err)
	}
	exclude, err := intake.Read(ctx, intake.Config{Args: c.Exclude, Stdin: c.Stdin})
	if err != nil {
		return target.Set{}, fmt.Errorf("%w of exclusions: %w", ErrLists, err)
	}
	set := include.Set().Minus(exclude.Set())
	if !c.AllowReserved {
		set = set.Minus(target.ReservedSet())
	}
	return set, nil
}

// counters is the content of a file written by masstrace lab --counters.
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

// options are the optional inputs of a comparison.
type options struct {
	targets  *target.Set // nil: any address
	counters *counters   // nil: not available
}

// checker compares the results of one vantage point with its part of the log.
type checker struct {
	asked *asked
	truth *netsim.Truth
	opt   options

	tool    string
	run     *record.Run
	summary *record.Summary
	// summaries counts the summary records of the file.
	summaries uint64
	summed    bool  // there is a summary of this run and others
	waitNS    int64 // how long the run waits for replies; 0: not known
	resumes   resumes

	traces, replies tally
	inferred        Inferred
	ends            Ends
	limits          Limits
	sums            traceSums
	found           found
	paths           *Multipath // nil without multipath records
	judgedPaths     map[probe.Addr]bool
	report          Report
	examples        map[string]int

	flows []uint32     // scratch
	hops  []netsim.Hop // scratch
}

func newChecker(a *asked, opt options, tool string) *checker {
	c := &checker{asked: a, truth: a.truth, opt: opt, tool: tool, examples: make(map[string]int)}
	c.traces.mark, c.replies.mark = inTraces, inReplies
	return c
}

// compare reads the results and makes the report. points has the parts of the log.
func compare(ctx context.Context, sets []results, points []*asked, opt options) (*Report, error) {
	p := newParts(points, opt, sets[0].Name())
	for _, in := range sets {
		if err := p.read(ctx, in.File); err != nil {
			return nil, fmt.Errorf("read %s: %w", in.name, err)
		}
	}
	report := p.report()
	return report, ctx.Err() // if ctx ended, not all flows were visited
}

// finish adds the parts of the report that need all records.
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
	r.Multipath = c.multipathReport()
	r.Faults = append(r.faults(), c.fileFaults()...)
	c.groupExamples()
	return r
}

// mostExamples is how many examples of a kind there are.
const mostExamples = 5

// lacks reports whether there are few examples of a kind.
func (c *checker) lacks(kind string) bool { return c.examples[kind] < mostExamples }

// example adds an example, if there are few of its kind.
func (c *checker) example(kind, text string, args ...any) {
	if c.examples[kind]++; c.examples[kind] <= mostExamples {
		c.report.Examples = append(c.report.Examples, Example{kind, fmt.Sprintf(text, args...)})
	}
}

// groupExamples puts examples of the same kind next to each other.
func (c *checker) groupExamples() {
	first := make(map[string]int)
	for i, e := range c.report.Examples {
		if _, ok := first[e.Kind]; !ok {
			first[e.Kind] = i
		}
	}
	slices.SortStableFunc(c.report.Examples, func(a, b Example) int { return first[a.Kind] - first[b.Kind] })
}
