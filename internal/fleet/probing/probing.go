// Package probing traces the slices of an agent: each is a scan of one shard.
package probing

import (
	"context"
	"errors"
	"sync"

	"github.com/masstrace/masstrace/internal/fleet/agent"
	"github.com/masstrace/masstrace/internal/fleet/known"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/scan"
	"github.com/masstrace/masstrace/internal/session"
)

// Prober implements agent.Prober by scans. One slice is traced at a time.
type Prober struct {
	Link session.Config
	// Config has the settings of this machine: sources, senders and memory.
	Config plan.Config
	Tool   string
	Argv   []string
	// Opened gives up privileges, but those that the next slice needs.
	Opened func() error

	mu      sync.Mutex
	job     string        // whose strategy has learned
	learned *plan.Learned // of that job
}

// Probe implements agent.Prober.
func (p *Prober) Probe(ctx context.Context, t *agent.Task) (agent.Result, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.job != t.Job.ID {
		p.job, p.learned = t.Job.ID, plan.NewLearned()
		p.learned.Shared = t.Job.Shares()
	}
	c := t.Config
	c.Learned, c.Sources, c.Senders = p.learned, p.Config.Sources, p.Config.Senders
	if p.Config.Memory > 0 {
		c.Memory = min(c.Memory, p.Config.Memory)
	}
	p.learned.Others = t.Others
	w := &watcher{task: t}
	err := scan.Run(ctx, ctx, scan.Config{
		Config: c, Link: p.Link, Output: t.Output, Existing: outfile.Overwrite, Opened: p.Opened, Observer: w, Vantage: &t.Vantage,
		Sinks:    w.sinks(),
		Director: &scan.Director{Pace: t.Pace, Since: t.Since, More: t.More, Excluded: t.Excluded, Limits: func(l *scan.Limits) { t.Limits(l) }},
		Tool:     p.Tool, Argv: p.Argv,
	})
	if err == nil && !w.finished {
		err = errors.New("the scan of a slice has no summary")
	}
	w.result.Audit = w.audit
	return w.result, err
}

// watcher is the observer of a scan.
type watcher struct {
	task     *agent.Task
	result   agent.Result
	finished bool
	audit    known.Audit
}

// sinks returns a writer that compares the traces with the paths of another agent, if there are any.
func (w *watcher) sinks() []format.Writer {
	if w.task.Others == nil {
		return nil
	}
	return []format.Writer{w}
}

// Write implements format.Writer.
func (w *watcher) Write(r record.Record) error {
	if t, ok := r.(*record.Trace); ok {
		w.audit.Add(t, w.task.Others)
	}
	return nil
}

// Flush implements format.Writer.
func (w *watcher) Flush() error { return nil }

// Progress implements observe.Observer.
func (w *watcher) Progress(p observe.Progress) { w.task.Progress(p.Sent, p.Answered, p.Share) }

// Event implements observe.Observer.
func (w *watcher) Event(e observe.Event) {
	if f, ok := e.(observe.Finished); ok {
		w.result = agent.Result{Targets: f.Summary.Targets, Sent: f.Summary.Sent, Answered: f.Summary.Answered}
		w.finished = true
	}
}
