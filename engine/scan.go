package engine

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/matcher"
	"github.com/masstrace/masstrace/output"
	"github.com/masstrace/masstrace/receiver"
	"github.com/masstrace/masstrace/sender"
)

// Scan traces every target of c. When interrupted ends it stops sending, waits
// for replies and writes what it has; when ctx ends it leaves at once, with
// whole records. Errors have a Class.
func Scan(ctx, interrupted context.Context, c Config) error {
	if c.Probes != "" {
		return scanLines(ctx, interrupted, c)
	}
	s, err := newScan(&c)
	if err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	defer s.close()
	return s.run(ctx, interrupted)
}

// scan is one run of Scan.
type scan struct {
	session

	cfg   *Config
	plan  *plan
	time  timeline
	start time.Time
	id    string
	first uint64 // number of the window to begin with
	began int64  // on the time line, as ended
	ended int64  // when all was recorded

	set    *window.Set
	sink   *output.Sink
	writer *output.Writer
	copy   *copier // nil if no capture is wanted
	keeper *keeper // nil if no checkpoint is wanted
	guard  *guard

	schedules []schedule.Schedule // one for each sender
	senders   []*sender.Sender
	receiver  *receiver.Receiver
	matcher   *matcher.Matcher
	console   *console
	auto      *autoRate         // nil if the rate is given
	manners   *schedule.Manners // nil if nothing is held back

	halt  context.CancelCauseFunc // stops the sending, with the reason
	stop  context.Context
	taken uint64 // windows that were opened
}

// newScan works out the plan: everything that can be wrong with what was asked.
func newScan(c *Config) (*scan, error) {
	k, err := openKeeper(c)
	if err != nil {
		return nil, err
	}
	if c.Seed == "" {
		if c.Shards > 1 {
			return nil, usage("--shard needs --seed: all shards must share one")
		}
		c.Seed = randomHex(8)
	}
	if c.Key == "" {
		c.Key = randomHex(16)
	}
	p, err := newPlan(c, k)
	if err != nil {
		return nil, err
	}
	if err := k.agree(c, p); err != nil {
		return nil, err
	}
	t, err := newTimeline()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	return &scan{
		cfg: c, plan: p, time: t, start: start, id: k.runID(start), first: k.firstWindow(),
		console: newConsole(c), keeper: k, guard: newGuard(p),
	}, nil
}

// open finds the way out and opens everything. What was opened before an error
// is closed again.
func (s *scan) open(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			s.close()
			err = environment(link.Permission(err))
		}
	}()
	if err := link.MayCapture(); err != nil {
		return err
	}
	if s.paths, err = findPaths(ctx, s.cfg, s.plan); err != nil {
		return err
	}
	if err := s.keeper.sameSource(s.paths); err != nil {
		return err
	}
	session := sessionConfig{
		codec: s.plan.codecConfig(s.cfg), ports: s.cfg.ports(),
		capture: receiver.LiveConfig{RingOctets: s.cfg.ReceiveBuffer},
	}
	session.codec.Avoid = s.keeper.avoid()
	if err = s.session.open(session); err != nil {
		return err
	}
	switch s.io {
	case xdpCopy:
		s.console.say("%s: AF_XDP, the kernel copies frames", s.paths.Name)
	case xdpZeroCopy:
		s.console.say("%s: AF_XDP, the driver reads frames itself (zero copy, which was never tried on hardware)", s.paths.Name)
	}
	if s.cfg.Capture != "" {
		comment, err := s.parameters().comment()
		if err != nil {
			return err
		}
		notes, err := s.plan.notes()
		if err != nil {
			return err
		}
		if s.copy, err = s.openCopy(s.cfg, comment, notes); err != nil {
			return err
		}
	}
	if s.sink, err = s.keeper.openSink(s.cfg); err != nil {
		return err
	}
	return s.cfg.Privileges.renounce(s.cfg.filesLater())
}

// Reasons to stop sending before everything is sent.
var (
	errInterrupted = errors.New("interrupted")
	errMaxRuntime  = errors.New("--max-runtime is over")
	errDisk        = errors.New("output failed")
)

// run starts every goroutine of the scan, waits for them, and sums up.
func (s *scan) run(ctx, interrupted context.Context) error {
	s.stop, s.halt = context.WithCancelCause(ctx)
	defer s.halt(nil)
	defer context.AfterFunc(interrupted, func() { s.giveUp(errInterrupted, "; once more to leave at once") })()
	if s.cfg.MaxRuntime > 0 {
		defer time.AfterFunc(s.cfg.MaxRuntime, func() { s.giveUp(errMaxRuntime, "") }).Stop()
	}
	p, err := s.build()
	if err != nil {
		return err
	}
	s.began = s.time.Now()
	if err := errors.Join(s.writeHead(), s.beginCheckpoint()); err != nil {
		return outputFailed(err)
	}

	g, failed := errgroup.WithContext(ctx)
	// over ends what goes on until all windows are recorded.
	over, finish := context.WithCancel(failed)
	defer finish()
	opened := make(chan uint64, 1)
	g.Go(func() error {
		s.taken = p.opener.run(s.stop, s.first, s.plan.windows)
		opened <- s.taken
		return nil
	})
	for i := range s.senders {
		g.Go(func() error {
			defer s.copy.sentAll()
			return s.send(s.senders[i], failed, over)
		})
	}
	g.Go(func() error {
		defer func() { s.copy.receivedAll(failed, s.time.Now(), s.endOfCopy) }()
		return s.receiver.Run(over, p.replies)
	})
	g.Go(func() error {
		if err := s.copy.run(); err != nil {
			s.halt(errDisk)
		}
		return nil
	})
	g.Go(func() error { return s.monitor.Run(over, s.linkChanged) })
	g.Go(func() error { return s.report(over) })
	g.Go(func() error { return s.reread(over) })
	g.Go(func() error {
		defer finish()
		p.recorder.run(failed, opened)
		s.ended = s.time.Now()
		return nil
	})
	err = g.Wait()
	switch {
	case ctx.Err() != nil:
		return &Error{Partial, errors.New("left at once: the output has no summary" + s.keeper.hint())}
	case err != nil:
		return s.broken(err)
	}
	return s.sumUp(&p.recorder)
}

// giveUp stops the sending and says so; hint is what else the user may want to
// know.
func (s *scan) giveUp(cause error, hint string) {
	s.halt(cause)
	s.console.say("%v: no more probes are sent, replies are waited for%s", cause, hint)
}

// broken ends a run in which a stage failed: with the records that it has, and
// without a summary.
func (s *scan) broken(err error) error {
	return &Error{Partial, errors.Join(err, s.writer.Flush(), s.sink.Close(), s.copy.close())}
}

// pipeline is what build makes besides the stages that scan holds.
type pipeline struct {
	recorder
	opener  opener
	replies receiver.Sink
}

// build makes the stages and the windows that go round between them.
func (s *scan) build() (*pipeline, error) {
	shape := s.plan.shape
	s.set = window.NewSet(shape)
	free := make(chan *window.Window, window.Live)
	retired := make(chan *window.Window, window.Live)
	for range min(s.plan.windows-s.first, window.Live) {
		free <- window.New(shape)
	}
	source4, source6 := s.paths.sources()
	s.manners = schedule.NewManners(schedule.MannersConfig{
		PerHopRate: s.cfg.PerHopRate, PrefixRate: s.cfg.PrefixRate, RatePPS: s.plan.ratePPS, Wait: s.cfg.Wait,
	})
	s.matcher = matcher.New(matcher.Config{
		Index: s.plan.order.Finder(), Set: s.set, Retired: retired, Over: s.over(), Next: s.first,
		Known: s.plan.stopSet(), Watch: s.watch(),
	})
	var err error
	if s.receiver, err = receiver.New(s.live, s.codec, s.time); err != nil {
		return nil, environment(err)
	}
	s.copy.attach(s.receiver)
	faults := faults{set: &s.set.Faults, copy: s.copy}
	s.receiver.Watch(faults, s.live)
	s.writer = output.NewWriter(s.sink, output.Config{
		Records: s.cfg.Records, Run: s.id, Hostname: hostname(),
	})
	p := &pipeline{
		recorder: recorder{
			writer: s.writer, retired: retired, free: free,
			failed: func(error) { s.halt(errDisk) }, done: s.first,
			assembler: trace.NewAssembler(trace.AssemblerConfig{
				Method: s.cfg.Method, Source4: source4, Source6: source6,
				Size4: s.codec.Size(true), Size6: s.codec.Size(false),
				DstPort: s.cfg.DstPort, TOS: s.cfg.TOS, Wait: s.cfg.Wait, Flows: s.codec,
				Faults: &s.set.Faults, GapLimit: s.plan.GapLimit, Backward: s.plan.backward(), Tree: s.plan.tree(),
			}),
		},
		opener: opener{order: s.plan.order, shape: shape, set: s.set, free: free},
	}
	p.keep = s.keep(&p.recorder)
	var resets *sender.Resets
	p.replies, resets = s.paths.refuse(s.cfg.Method, s.matcher)
	p.opener.ready = s.addSenders(resets, faults)
	return p, nil
}

func (s *scan) linkChanged(state link.State) {
	switch state {
	case link.Up:
		s.console.say("%s: %s: the run goes on", s.paths.Name, state)
	case link.Gone:
		s.halt(sender.ErrGone) // the opener must end for the sender to
		s.console.say("%s: %s: no more probes are sent", s.paths.Name, state)
	default:
		s.console.say("%s: %s: the run waits until it is back", s.paths.Name, state)
	}
}

// runID names a run: when it began, and something random.
func runID(start time.Time) string {
	return start.UTC().Format("20060102T150405Z") + "-" + randomHex(4)
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}
