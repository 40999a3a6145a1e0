package follow

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/masstrace/masstrace/internal/follow/engine"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/session"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/receiver"
	"github.com/masstrace/masstrace/sender"
)

// follower is a run of the program.
type follower struct {
	cfg     *Config
	plan    *plan.Plan
	time    session.Timeline
	session *session.Session
	keys    *keys
	receive *receiver.Receiver
	index   map[probe.Addr]uint32
	file    *outfile.File
	hook    *hook
	run     *run.Run
	restore *state // nil for a new measurement

	mu       sync.Mutex
	engine   *engine.Engine
	writer   *ndjson.Writer
	air      flights
	held     []engine.Ask // asked too often of late
	patience sender.Patience
	sent     uint64
	answered uint64
	drops    uint64 // of the kernel, as last read
	dropped  int64  // when it last grew
	failure  error  // of the output
	began    int64  // ns since the Unix epoch
}

// Run follows the targets of c until interrupted ends, ctx ends or the time is over. An interrupt
// is a usual end: the error is then that of the interrupt.
func Run(ctx, interrupted context.Context, c Config) error {
	if c.Observer == nil {
		c.Observer = observe.Nobody{}
	}
	f, err := newFollower(interrupted, &c)
	if err != nil {
		return err
	}
	if err := f.open(ctx); err != nil {
		f.session.Close()
		return link.Permission(err)
	}
	defer f.session.Close()
	return f.follow(ctx, interrupted)
}

// newFollower makes the plan, and reads the state.
func newFollower(ctx context.Context, c *Config) (*follower, error) {
	if err := c.CheckFiles(); err != nil {
		return nil, err
	}
	f := &follower{cfg: c}
	var err error
	if f.restore, err = readState(c.State); err != nil {
		return nil, err
	}
	if f.restore != nil { // targets, flows and order are those of before
		c.Plan.Seed = f.restore.Seed
	}
	c.Plan.Flows, c.Plan.Attempts, c.Plan.Records = engine.MostFlows, probe.MaxAttempts, record.Traces
	if f.plan, err = plan.New(ctx, &c.Plan, plan.Began{}); err != nil {
		return nil, err
	}
	n := f.plan.Order.Len()
	if n > engine.MostTargets {
		return nil, plan.Refuse("Targets", "%d targets are more than %d", n, engine.MostTargets)
	}
	f.plan.Name(time.Now(), plan.Began{}, c.Tool, c.Argv)
	if f.time, err = session.NewTimeline(); err != nil {
		return nil, err
	}
	list := make([]probe.Addr, 0, n)
	for i := range n {
		list = append(list, f.plan.Order.At(i))
	}
	slices.SortFunc(list, func(a, b probe.Addr) int { return slices.Compare(a[:], b[:]) })
	list = slices.Compact(list)
	f.index = make(map[probe.Addr]uint32, len(list))
	for i, t := range list {
		f.index[t] = uint32(i)
	}
	f.engine = engine.New(engine.Config{
		MinTTL: c.Plan.MinTTL, MaxTTL: c.Plan.MaxTTL, Flows: engine.MostFlows, GapLimit: engine.DefaultGap, Changed: f.changed,
	}, list, f.time.Now())
	f.air.init()
	f.began = f.time.Now()
	if f.restore == nil {
		return f, nil
	}
	f.plan.Run = f.restore.Run
	if err := f.engine.Load(f.restore.Engine); err != nil {
		return nil, plan.Refuse("State", "%s: %v", c.State, err)
	}
	return f, nil
}

// open finds the way out and opens everything.
func (f *follower) open(ctx context.Context) error {
	if err := link.MayCapture(); err != nil {
		return err
	}
	warn := func(text string) { f.cfg.Observer.Event(observe.Warning(text)) }
	paths, err := session.Find(ctx, f.plan, f.cfg.Link, warn)
	if err != nil {
		return err
	}
	f.plan.Source4, f.plan.Source6, f.plan.Link = paths.Source4, paths.Source6, paths.Name
	cfg := f.plan.CodecConfig()
	if f.session, err = session.Open(paths, cfg, f.cfg.Link); err != nil {
		return err
	}
	f.plan.Avoid, f.plan.IO = f.session.Avoid, f.session.IO
	cfg = f.plan.CodecConfig()
	if _, resets := paths.Refuse(f.cfg.Plan.Method, f); resets != nil {
		return plan.Refuse("Sources", "TCP SYN needs a source address of this machine: its kernel must reset the connections that targets accept")
	}
	f.keys = newKeys(f.session.Codec, cfg, f.time.Now())
	if f.receive, err = receiver.New(f.session.Live, f.keys, f.time); err != nil {
		return err
	}
	if f.restore != nil && f.cfg.Output != "-" && f.restore.HasMark {
		f.file, err = outfile.Reopen(f.cfg.Output, f.restore.Mark)
	} else {
		f.file, err = outfile.Open(f.cfg.Output, f.cfg.Stdout, f.cfg.Existing)
	}
	if err != nil {
		return err
	}
	f.writer = ndjson.NewWriter(f.file, ndjson.Config{Run: f.plan.Run, Hostname: f.plan.Hostname})
	f.hook = newHook(f.cfg.OnChange, warn)
	if f.cfg.Opened == nil {
		return nil
	}
	return f.cfg.Opened()
}

// follow runs the stages.
func (f *follower) follow(ctx, interrupted context.Context) error {
	r := run.New(ctx)
	defer r.Close()
	f.run = r
	if err := f.begin(); err != nil {
		return run.OutputFailed(errors.Join(err, f.file.Close()))
	}
	if f.cfg.Following != nil {
		f.cfg.Following(f.states())
	}
	f.cfg.Observer.Event(observe.Began{})
	defer r.StopWhen(interrupted, run.ErrInterrupted, r.Finish)()
	defer r.StopAfter(f.cfg.MaxRuntime, run.ErrMaxRuntime, r.Finish)()
	r.Go("send", func() error { return f.send(r) })
	r.Go("receive", func() error {
		err := f.receive.Run(r.Lasting(), f)
		if err == nil && r.Lasting().Err() == nil {
			err = errors.New("the capture of frames ended unexpectedly")
		}
		return err
	})
	r.Go("watch link", func() error { return f.session.Watch(r.Lasting(), f.cfg.Observer, r.Stop) })
	r.Go("keep state", func() error { f.keep(r.Lasting()); return nil })
	r.Go("tell changes", func() error { f.hook.run(r.Lasting(), r.Failed()); return nil })
	err := r.Wait()
	return f.end(ctx, err, r.Cause())
}

// begin writes the first records, and the first state.
func (f *follower) begin() error {
	start := &record.CycleStart{Cycle: record.Cycle{Hostname: f.plan.Hostname, Time: time.Now().Unix()}}
	if err := errors.Join(f.writer.Write(start), f.writer.Write(f.plan.Record()), f.writer.Flush()); err != nil {
		return err
	}
	s, err := f.state() // from now on the same command goes on after a kill
	if err != nil {
		return err
	}
	return s.save(f.cfg.State)
}

// end writes the last records, and the state.
func (f *follower) end(ctx context.Context, err, cause error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failure == nil && err == nil {
		for _, a := range f.held {
			f.engine.Unsent(a, f.time.Now())
		}
		f.engine.Finish(f.time.Now())
		f.hook.drain(ctx)
		f.snapshot()
		followed := f.followed(cause)
		f.check(errors.Join(f.writer.Write(followed), followed.Balance()))
		stop := &record.CycleStop{Cycle: record.Cycle{Hostname: f.plan.Hostname, Time: time.Now().Unix()}}
		f.check(errors.Join(f.writer.Write(stop), f.writer.Flush()))
		s, err := f.state()
		f.check(errors.Join(err, s.save(f.cfg.State)))
	}
	f.check(f.file.Close())
	f.hook.report()
	f.cfg.Observer.Event(observe.Notice(f.summary()))
	switch {
	case err != nil:
		return &run.Incomplete{Err: err}
	case f.failure != nil:
		return run.OutputFailed(f.failure)
	case errors.Is(cause, run.ErrMaxRuntime):
		return nil
	case cause != nil:
		return &run.Incomplete{Err: cause, Reason: run.ReasonOf(cause)}
	}
	return nil
}

// changed takes a change from the engine.
func (f *follower) changed(c *record.PathChange) {
	c.Method = f.cfg.Plan.Method
	c.Source = f.session.Codec.Source(c.Target.Is4())
	f.check(errors.Join(f.writer.Write(c), f.writer.Flush()))
	f.hook.put(ndjson.NewChangeLine(f.plan.Run, c))
}

// check keeps the first error of the output, and ends the run.
func (f *follower) check(err error) {
	if err != nil && f.failure == nil {
		f.failure = err
		f.run.Stop(run.ErrOutput)
		f.run.Finish()
	}
}

var _ receiver.Sink = (*follower)(nil)

// newBucket returns the limiter of the budget.
func (f *follower) newBucket() *ratelimit.Bucket {
	return ratelimit.New(ratelimit.Config{RatePPS: f.plan.RatePPS, Burst: f.plan.Burst}, f.time.Clock.Now())
}
