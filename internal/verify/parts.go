package verify

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// parts compares results with a log of one or several vantage points. Each record goes to the
// checker of its vantage point, and is compared with the probes of that one:
//
//	log ─────▶ asked of vp1, asked of vp2, …
//	results ─▶ checker of vp1, checker of vp2, … ─▶ their reports, and one of all
//
// Results of one vantage point give its report. Probes of others do not matter.
type parts struct {
	asked    []*asked
	opt      options
	cfg      netsim.Config
	tool     string
	checkers []*checker // nil: no record of that vantage point
	current  int        // of records without a source

	whole     *record.Summary // of several runs
	summaries uint64          // of that kind
	found     found           // over all vantage points
	badLines  []error
	bad       uint64
	cut       bool
}

func newParts(points []*asked, opt options, format string) *parts {
	return &parts{asked: points, opt: opt, cfg: points[0].truth.Config(), tool: toolOf(format), checkers: make([]*checker, len(points))}
}

// at returns the checker of a vantage point.
func (p *parts) at(n int) *checker {
	if p.checkers[n] == nil {
		p.checkers[n] = newChecker(p.asked[n], p.opt, p.tool)
	}
	return p.checkers[n]
}

// of returns the checker of a source address. If no vantage point has it, the log has its probes,
// if any, with those of the first one.
func (p *parts) of(source netip.Addr) *checker {
	if source.IsValid() && !source.IsUnspecified() {
		p.current, _ = p.cfg.VantagePoint(source)
	}
	return p.at(p.current)
}

// record gives a record to its checker.
func (p *parts) record(r record.Record) {
	switch r := r.(type) {
	case *record.Run:
		p.of(sourceOf(r)).record(r)
	case *record.Trace:
		if len(p.asked) > 1 {
			p.found.trace(r)
		}
		p.of(address(r.Source)).record(r)
	case *record.Multipath:
		p.of(address(r.Source)).record(r)
	case *record.Reply:
		p.of(address(r.Source)).record(r)
	case *record.Summary:
		if len(r.Merged) > 0 {
			p.whole = r
			p.summaries++
		} else {
			p.summaryOf(r).record(r)
		}
	default:
		if c := p.checkers[p.current]; c != nil {
			c.record(r)
		}
	}
}

// sourceOf returns the source address of a run.
func sourceOf(r *record.Run) netip.Addr {
	a, _ := netip.ParseAddr(cmp.Or(r.Source, r.Source6)) // not valid in files of other tools
	return a
}

// address returns an address, not valid if it is not known.
func address(a probe.Addr) netip.Addr {
	if a == (probe.Addr{}) {
		return netip.Addr{}
	}
	return a.Netip()
}

// summaryOf returns the checker of the run that a summary is of.
func (p *parts) summaryOf(s *record.Summary) *checker {
	for _, c := range p.checkers {
		if c != nil && c.run != nil && c.run.Run == s.Run {
			return c
		}
	}
	return p.at(p.current)
}

// badLine counts a line that cannot be read.
func (p *parts) badLine(err error) {
	if p.bad++; len(p.badLines) < mostExamples {
		p.badLines = append(p.badLines, err)
	}
}

// report returns the report of the only vantage point with results, or that of all.
func (p *parts) report() *Report {
	with := p.with()
	if len(with) == 0 {
		with = append(with, p.current)
	}
	if len(with) > 1 {
		return p.several(with)
	}
	c := p.at(with[0])
	if p.whole != nil {
		c.summary = p.whole
		c.summaries += p.summaries
	}
	c.report.BadLines, c.report.Cut = p.bad, p.cut
	for _, err := range p.badLines {
		c.example("bad line", "%v", err)
	}
	r := c.finish()
	if len(p.asked) > 1 {
		r.VantagePoint, r.Unjudged = pointName(with[0]), p.unjudged()
	}
	return r
}

// with returns the vantage points that have results.
func (p *parts) with() (list []int) {
	for n, c := range p.checkers {
		if c != nil {
			list = append(list, n)
		}
	}
	return list
}

// unjudged returns the number of probes of each vantage point that has no results, by name.
func (p *parts) unjudged() map[string]int {
	list := make(map[string]int)
	for n, c := range p.checkers {
		if k := len(p.asked[n].probes); c == nil && k > 0 {
			list[pointName(n)] = k
		}
	}
	return list
}

// pointName returns the name of a vantage point in the lab.
func pointName(n int) string { return fmt.Sprintf("vp%d", n+1) }

// several returns the report of several vantage points. It has the sums of their reports.
func (p *parts) several(with []int) *Report {
	all := &Report{Format: p.tool, BadLines: p.bad, Cut: p.cut, Unjudged: p.unjudged(), Faults: []string{}}
	all.Probes = Probes{Fates: map[string]uint64{}, Outside: -1, Unlogged: -1}
	targets := make(map[probe.Addr]struct{})
	var total logged
	p.forgetElsewhere(with)
	for _, n := range with {
		c := p.checkers[n]
		if p.whole != nil && c.summary == nil {
			// The traces are complete, as those of a run with a summary of its own.
			c.summed = true
		}
		r := c.finish()
		r.VantagePoint = pointName(n)
		for i := range c.asked.dests {
			targets[c.asked.dests[i].addr] = struct{}{}
		}
		all.VantagePoints = append(all.VantagePoints, r)
		all.add(r)
		if p.whole != nil {
			l := c.logged()
			total.add(&l)
		}
	}
	if p.whole != nil {
		all.Sums = total.sums(p.whole, p.opt.counters)
		if p.whole.Findings != nil && p.bad == 0 {
			all.Sums.Findings = p.found.sums(p.whole.Findings)
		}
	}
	all.Probes.Targets = len(targets)
	p.faults(all)
	return all
}

// faults adds the faults of the file, and those of the vantage points.
func (p *parts) faults(all *Report) {
	add := func(name string, n uint64) {
		if n > 0 {
			all.Faults = append(all.Faults, fmt.Sprintf("%s: %d", name, n))
		}
	}
	for _, r := range all.VantagePoints {
		for _, fault := range r.Faults {
			all.Faults = append(all.Faults, r.VantagePoint+": "+fault)
		}
	}
	if all.Sums != nil {
		wrong := all.Sums.faulty()
		for _, l := range wrong[:min(len(wrong), mostExamples)] {
			all.Examples = append(all.Examples, Example{"summary", fmt.Sprintf("%s: %d, but there are %d", l.Name, l.Said, l.Is)})
		}
		n := uint64(len(wrong))
		if all.Sums.Unbalanced != "" {
			n++
		}
		add("impossible counts in the summary", n)
	}
	add("lines that cannot be read", p.bad)
	if p.summaries > 1 {
		add("summaries, of which a file has one", p.summaries)
	}
	for _, err := range p.badLines {
		all.Examples = append(all.Examples, Example{"bad line", err.Error()})
	}
}

// add adds the counts of the report of one vantage point.
func (r *Report) add(o *Report) {
	p, q := &r.Probes, &o.Probes
	p.Sent += q.Sent
	p.Others += q.Others
	p.Abandoned += q.Abandoned
	p.Cut, p.Unlogged = q.Cut, q.Unlogged
	if q.Outside >= 0 {
		p.Outside = max(p.Outside, 0) + q.Outside
	}
	for name, n := range q.Fates {
		p.Fates[name] += n
	}
	for name, n := range q.Invalid {
		if p.Invalid == nil {
			p.Invalid = make(map[string]uint64)
		}
		p.Invalid[name] += n
	}
	r.Hops.add(&o.Hops)
	r.Recall.add(&o.Recall)
	for i, n := range o.Repeats.PerTTL {
		r.Repeats.PerTTL[i] += n
	}
	r.Repeats.Identical += o.Repeats.Identical
	r.Repeats.Excess += o.Repeats.Excess
	r.Repeats.Answered += o.Repeats.Answered
	r.Repeats.Unheard += o.Repeats.Unheard
	r.Repeats.Retries += o.Repeats.Retries
	r.Paris.Flows += o.Paris.Flows
	r.Paris.Unstable += o.Paris.Unstable
	r.Paris.SizeVaries += o.Paris.SizeVaries
	r.Paris.Surplus += o.Paris.Surplus
}

func (h *Hops) add(o *Hops) {
	h.Judged += o.Judged
	h.True += o.True
	h.Impossible += o.Impossible
	h.OtherFlow += o.OtherFlow
	h.NoProbe += o.NoProbe
	h.NoAnswer += o.NoAnswer
	h.Withheld += o.Withheld
}

func (r *Recall) add(o *Recall) {
	r.Answers += o.Answers
	r.Found += o.Found
	r.Routers += o.Routers
	r.RoutersFound += o.RoutersFound
	r.Targets += o.Targets
	r.TargetsFound += o.TargetsFound
	r.Missing.NoTrace += o.Missing.NoTrace
	r.Missing.Late += o.Missing.Late
	r.Missing.RuledOut += o.Missing.RuledOut
	r.Missing.Mangled += o.Missing.Mangled
	r.Missing.Lost += o.Missing.Lost
	r.Unreadable += o.Unreadable
	r.NoHop += o.NoHop
	r.Beyond += o.Beyond
	r.NoTrace += o.NoTrace
	r.Chance += o.Chance
	r.Share = share(r.Found, r.Answers)
	r.RouterShare, r.TargetShare = share(r.RoutersFound, r.Routers), share(r.TargetsFound, r.Targets)
}

// unjudged returns the names of the vantage points with probes and without results, in order.
func (r *Report) unjudged() []string {
	names := make([]string, 0, len(r.Unjudged))
	for name := range r.Unjudged {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return names
}
