package agent

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/lease"
	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/fleet/policy"
	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/intake"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/target"
)

// works traces slices, one after another, until ctx ends.
func (a *Agent) works(ctx context.Context) {
	for ctx.Err() == nil {
		wait := a.workOnce(ctx)
		if wait > 0 && !a.rest(ctx, wait) {
			return
		}
	}
}

// rest waits, or until there is work. It returns false when ctx ends.
func (a *Agent) rest(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	work := a.work
	if wait > a.cfg.Timing.Idle {
		work = nil // after a failure
	}
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-work:
	}
	return true
}

// mostStored is how many finished slices may wait for the hub. Then no other begins, so that a hub
// that takes nothing does not fill the disk.
const mostStored = lease.MostHeld

// workOnce asks for a slice and traces it. It returns how long to wait then.
func (a *Agent) workOnce(ctx context.Context) time.Duration {
	if !a.cfg.Policy.Open(time.Now()) {
		return a.cfg.Timing.Idle
	}
	a.mu.Lock()
	q := &talk.Ask{SentNS: a.sentNS(), Holds: a.holds(), Instance: a.instance}
	full := len(a.stored) >= mostStored
	a.mu.Unlock()
	if full {
		return a.cfg.Timing.Idle // the upload reports why
	}
	var w talk.Work
	if _, err := a.conn.Ask(ctx, talk.VerbAsk, q, nil, &w); err != nil || w.Job == nil {
		return a.cfg.Timing.Idle // the connection reports its own trouble
	}
	if err := w.Job.CheckNames(); err != nil { // they are parts of file names
		a.report("the hub sends a wrong job: " + err.Error())
		return a.cfg.Timing.Wrong
	}
	config, reason, err := a.prepare(ctx, &w)
	switch {
	case reason != "":
		a.refuse(ctx, &w, reason)
		return 0
	case err != nil:
		a.release(ctx, &w, err)
		return a.cfg.Timing.Wrong
	}
	if err := a.trace(ctx, &w, config); err != nil {
		a.release(ctx, &w, err)
		return a.cfg.Timing.Wrong
	}
	return 0
}

// prepare gets the lists of a job and asks the policy. reason is why the owner does not allow it.
func (a *Agent) prepare(ctx context.Context, w *talk.Work) (c plan.Config, reason string, err error) {
	if reason = a.cfg.Policy.Refusal(w.Job); reason != "" {
		return c, reason, nil
	}
	if c, err = w.Job.Spec.Options.Config(); err != nil {
		return c, "", err
	}
	digest := w.Job.Spec.ListFor(a.cfg.Creds.Name)
	if _, err = a.fetchList(ctx, digest); err != nil {
		return c, "", err
	}
	c.Targets = []string{a.path("lists", digest)}
	if w.Job.Spec.Exclude != "" {
		if _, err = a.fetchList(ctx, w.Job.Spec.Exclude); err != nil {
			return c, "", err
		}
		c.Exclude = []string{a.path("lists", w.Job.Spec.Exclude)}
	}
	if a.exclusionsDigest() != w.Exclude {
		a.fetchExclude(ctx, w.Exclude)
		if a.exclusionsDigest() != w.Exclude {
			return c, "", fmt.Errorf("the exclusions of the hub are not here")
		}
	}
	c.Shard, c.Shards, c.Key = uint64(w.Lease.Slice), uint64(w.Slices), w.Key
	reason, err = a.targetRefusal(w, &c)
	return c, reason, err
}

func (a *Agent) exclusionsDigest() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.exclude.digest
}

// targetRefusal asks the policy about the targets of a job.
func (a *Agent) targetRefusal(w *talk.Work, c *plan.Config) (string, error) {
	if a.cfg.Policy.Forbidden.IsEmpty() {
		return "", nil
	}
	lists, err := intake.Read(context.Background(), intake.Config{Args: c.Targets})
	if err != nil {
		return "", err
	}
	lines := lists.Lines
	excluded, err := c.Excluded()
	if err != nil {
		return "", err
	}
	all := lines.Count(0, 0, excluded)
	allowed := lines.Count(0, 0, excluded, a.cfg.Policy.Forbidden)
	forbidden, _ := all.Minus(allowed)
	total, _ := all.Minus(target.Count{})
	return policy.TargetRefusal(w.Job.Spec.Mode, forbidden, total), nil
}

// refuse tells the submitter why the owner does not allow a job.
func (a *Agent) refuse(ctx context.Context, w *talk.Work, reason string) {
	a.mu.Lock()
	sent := a.sentNS()
	news := a.refused[w.Job.ID] == ""
	a.refused[w.Job.ID] = reason
	a.mu.Unlock()
	if news {
		a.cfg.Event(fmt.Sprintf("job %s of %s is refused: %s", w.Job.Spec.Name, w.Job.Submitter, reason))
	}
	if _, err := a.conn.Ask(ctx, talk.VerbRefuse, &talk.Refuse{SentNS: sent, Job: w.Job.ID, Reason: reason}, nil, &struct{}{}); err != nil {
		pause(ctx, a.cfg.Timing.Idle) // the hub will offer the job again
	}
}

// release gives a slice back that could not be traced.
func (a *Agent) release(ctx context.Context, w *talk.Work, cause error) {
	reason := cause.Error()
	if cause == errLost || cause == errCanceled {
		reason = ""
	} else {
		a.report(fmt.Sprintf("slice %d of job %s: %s", w.Lease.Slice, w.Job.Spec.Name, reason))
	}
	// If the hub does not hear it, the lease ends by itself.
	_, _ = a.conn.Ask(ctx, talk.VerbRelease, &talk.Release{Job: w.Job.ID, Lease: w.Lease, Reason: reason}, nil, &struct{}{})
}

// trace traces a slice and stores its records.
func (a *Agent) trace(ctx context.Context, w *talk.Work, config plan.Config) error {
	name := fileName(w.Job.ID, w.Lease)
	output := a.path("running", name+dataEnding)
	defer os.Remove(output) // unless it was stored
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &running{
		job: w.Job, lease: w.Lease, token: w.Token, cancel: cancel, begun: a.cfg.Now(),
		pace: make(chan float64, 1), more: make(chan target.Set, 1),
	}
	a.mu.Lock()
	a.running = r
	since := a.exclude.set.Union(a.cfg.Policy.Forbidden)
	before, _ := a.clock.best(a.cfg.Now())
	a.mu.Unlock()
	nudge(a.kick) // for a grant
	others := a.others(ctx, w)
	result, err := a.cfg.Prober.Probe(ctx, &Task{
		Job: w.Job, Config: config, Output: output,
		Vantage: record.Vantage{
			Name: a.cfg.Creds.Name, Location: w.Location, AS: w.AS, ClockOffsetNS: before.offset, ClockErrorNS: before.err,
		},
		Pace: r.pace, Since: since, More: r.more,
		Others: others,
		Limits: func(l Limits) {
			a.mu.Lock()
			r.limits = l
			a.mu.Unlock()
			nudge(a.kick) // for its parts
		},
		Excluded: func() { a.applied(a.exclusionsDigest()) },
		Progress: func(sent, answered uint64, share float64) {
			a.mu.Lock()
			defer a.mu.Unlock()
			r.sent, r.answered, r.share = sent, answered, share
		},
	})
	a.mu.Lock()
	a.running = nil
	clock, _ := a.clock.best(a.cfg.Now())
	a.mu.Unlock()
	nudge(a.kick) // gives the grant back
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != nil {
		return err
	}
	if others != nil {
		a.audit(w, result.Audit)
	}
	a.noteDone(w.Job, result.Sent)
	return a.keep(name, output, &talk.Commit{Job: w.Job.ID, Token: w.Token, Entry: ledger.Entry{
		Unit: w.Job.Spec.Unit(a.cfg.Creds.Name, w.Lease.Slice), By: a.cfg.Creds.Name, Epoch: w.Lease.Epoch,
		Targets: result.Targets, Sent: result.Sent, Answered: result.Answered,
		BeganNS: r.begun.UnixNano() - clock.offset, OffsetNS: clock.offset, ErrorNS: clock.err,
	}})
}

// fileName names the files of a slice.
func fileName(id string, l lease.Lease) string {
	return fmt.Sprintf("%s.%06d.%x", id, l.Slice, l.Epoch)
}
