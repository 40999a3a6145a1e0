package scan

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/verdict"
)

// mostDiagnosed is how many targets are kept for the second pass, in some 50 MB.
const mostDiagnosed = 1 << 19

// leastAttempts is how often the second pass asks at each TTL. So a lost reply decides nothing.
const leastAttempts = 2

// open is a target without a certain verdict.
type open struct {
	target probe.Addr
	first  record.Judgement // without conditions: the record of its trace has them
	seen   bool             // asked again
}

// diagnosis collects the targets without a certain verdict, and asks them again. It is a
// format.Writer that stands between the Judge and the files.
type diagnosis struct {
	format.Writer
	targets []open
	more    uint64 // further ones
	sum     record.Diagnosis
}

// Write implements format.Writer.
func (d *diagnosis) Write(r record.Record) error {
	if t, ok := r.(*record.Trace); ok && verdict.Open(t.Judged.Verdict) && t.FlowIndex == 0 && !t.CutOff && !t.Halted {
		if len(d.targets) < mostDiagnosed {
			o := open{target: t.Target, first: t.Judged}
			o.first.Conditions = nil
			d.targets = append(d.targets, o)
		} else {
			d.more++
		}
	}
	return d.Writer.Write(r)
}

// find returns the target at an address, nil if there is none. The targets are sorted.
func (d *diagnosis) find(a probe.Addr) *open {
	i, ok := slices.BinarySearchFunc(d.targets, a, func(o open, a probe.Addr) int { return bytes.Compare(o.target[:], a[:]) })
	if !ok {
		return nil
	}
	return &d.targets[i]
}

// list returns the targets that are still open, as lines.
func (d *diagnosis) list() (text []byte, n int) {
	for i := range d.targets {
		if o := &d.targets[i]; verdict.Open(o.first.Verdict) {
			text = append(o.target.Netip().AppendTo(text), '\n')
			n++
		}
	}
	return text, n
}

// diagnose asks the open targets again, with one method after another. Each method is a scan of its
// own, whose traces go to the files of this one.
func (s *scan) diagnose(ctx, interrupted context.Context) (*record.Diagnosis, error) {
	d := s.diagnosis
	begun := s.time.Now()
	slices.SortFunc(d.targets, func(a, b open) int { return bytes.Compare(a.target[:], b.target[:]) })
	asked := verdict.AskedOf(s.cfg.Method, s.cfg.DstPort)
	var failure error
	for _, next := range verdict.Asks(asked, s.cfg.Ports) {
		text, n := d.list()
		if n == 0 || interrupted.Err() != nil || failure != nil {
			break
		}
		s.observe.Event(observe.Noticef("diagnosis: %d targets are asked again with %s", n, next))
		if name := next.Asked.String(); !slices.Contains(d.sum.Methods, name) {
			d.sum.Methods = append(d.sum.Methods, name)
		}
		failure = Run(ctx, interrupted, s.again(asked, next, text))
	}
	d.settle()
	d.sum.ElapsedS = float64(s.time.Now()-begun) / 1e9
	return &d.sum, failure
}

// settle counts the final verdicts.
func (d *diagnosis) settle() {
	d.sum.Verdicts = map[string]uint64{}
	d.sum.NotAsked = d.more
	for i := range d.targets {
		if o := &d.targets[i]; o.seen {
			d.sum.Targets++
			d.sum.Verdicts[o.first.Verdict.String()]++
		} else {
			d.sum.NotAsked++
		}
	}
}

// again returns the request of a scan of some targets with another method.
func (s *scan) again(asked record.Asked, next verdict.Ask, targets []byte) Config {
	c := *s.cfg
	c.Method, c.DstPort = next.Method, next.Port
	if next.AtEnd {
		c.MinTTL = c.MaxTTL
	}
	c.Targets, c.Stdin = []string{"-"}, bytes.NewReader(targets)
	c.Column, c.FromResults, c.Where, c.HostRule, c.MaxTargets = "", nil, nil, "", 0
	c.Shard, c.Shards = 0, 1
	c.Seed, c.Key, c.Flows = s.plan.Seed+" "+next.String(), "", 1 // other flows, of the same seed
	c.Attempts = max(c.Attempts, leastAttempts)
	if auto := s.auto.Record(); auto != nil {
		c.AutoRate, c.RatePPS = false, cmp.Or(auto.RatePPS, c.RatePPS)
	}
	c.Output, c.ReplyOutput, c.MetaOutput, c.Capture, c.Databases = "", "", "", "", nil
	c.Annotate, c.Diagnose, c.Opened, c.Reread, c.Inspect = nil, false, nil, nil, nil
	c.Observer = warnings{s.observe}
	c.judge = s.judge
	c.Sinks = []format.Writer{&asking{diagnosis: s.diagnosis, asked: asked}}
	return c
}

// asking is a format.Writer that adds the traces of one method to the verdicts, and writes them.
type asking struct {
	*diagnosis
	asked record.Asked
}

// Write implements format.Writer.
func (a *asking) Write(r record.Record) error {
	switch r := r.(type) {
	case *record.Trace:
		o := a.find(r.Target)
		if o == nil {
			return nil
		}
		r.Judged = verdict.Further(o.first, a.asked, r)
		o.seen, o.first = true, r.Judged
		o.first.Conditions = nil
		a.sum.Traces++
		return a.Writer.Write(r)
	case *record.Reply:
		return a.Writer.Write(r)
	case *record.Summary:
		a.sum.Sent += r.Sent
		a.sum.Answered += r.Answered
		a.sum.Silent += r.Silent
	}
	return nil
}

// warnings are the events of a part of a run that are about the machine.
type warnings struct{ observe.Observer }

// Event implements observe.Observer.
func (w warnings) Event(e observe.Event) {
	switch e.(type) {
	case observe.Began, observe.Finished, observe.Notice:
	default:
		w.Observer.Event(e)
	}
}

// mayDiagnose refuses a diagnosis that would not be right.
func (c *Config) mayDiagnose() error {
	switch {
	case !c.Diagnose:
		return nil
	case c.Checkpoint != "" || c.Resume != "":
		return plan.Refuse("Diagnose", "a diagnosis needs the whole scan in one process: it cannot be combined with a checkpoint")
	case c.Capture != "":
		return plan.Refuse("Diagnose", "a capture has one method: it cannot be combined with a diagnosis")
	case slices.Contains(c.Exclude, "-"):
		return plan.Refuse("Diagnose", "exclusions are read again for the diagnosis: give them as a file, not as standard input")
	case c.Strategy.Strategy == plan.Multipath:
		return plan.Refuse("Diagnose", "it cannot be combined with strategy %s", plan.Multipath)
	case !c.Records.Has(record.Traces):
		return plan.Refuse("Diagnose", "a diagnosis needs traces among the records")
	}
	return nil
}

// finishDiagnosis runs the second pass, and adds it to the summary.
func (s *scan) finishDiagnosis(ctx, interrupted context.Context, sum *record.Summary) error {
	if s.diagnosis == nil || !sum.Complete || s.recorder.Err != nil {
		return nil
	}
	s.session.Close() // each method has one of its own
	s.session = nil
	var failure error
	sum.Diagnosis, failure = s.diagnose(ctx, interrupted)
	sum.Findings = s.found.Findings()
	if failure != nil {
		sum.Complete, sum.Reason = false, record.ReasonSignal
		if part := new(run.Incomplete); errors.As(failure, &part) && part.Reason != "" {
			sum.Reason = part.Reason
		}
	}
	return run.Balanced(sum)
}
