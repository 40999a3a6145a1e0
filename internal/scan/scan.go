package scan

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/masstrace/masstrace/internal/autorate"
	"github.com/masstrace/masstrace/internal/capture"
	"github.com/masstrace/masstrace/internal/checkpoint"
	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/findings"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/recorder"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/session"
	"github.com/masstrace/masstrace/internal/verdict"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/matcher"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/receiver"
	"github.com/masstrace/masstrace/sender"
)

// Run traces every target of c. When interrupted ends, it stops sending, waits for replies
// and writes all records. When ctx ends, it ends at once, with whole records. A
// *plan.ConfigError or *plan.DifferError is that the scan makes no sense, *run.Incomplete
// that it began and did not finish; other errors come from the system.
func Run(ctx, interrupted context.Context, c Config) error {
	s, err := newScan(interrupted, &c)
	if err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	defer func() { s.session.Close() }() // a diagnosis closes it earlier
	return s.run(ctx, interrupted)
}

// scan is one run of Run.
type scan struct {
	cfg     *Config
	plan    *plan.Plan
	time    session.Timeline
	first   uint64             // number of the window to begin with
	keeper  *checkpoint.Keeper // nil if no checkpoint is wanted
	guard   *guard
	observe observe.Observer
	// newSleeper makes the sleeper of a sender, on the sender's thread.
	newSleeper func(spin time.Duration) sender.Sleeper

	session *session.Session
	capture *capture.Capture // nil if no capture is wanted
	files   *fileset.Files   // nil if only sinks take the records
	writer  format.Writer
	judge   *verdict.Judge
	// diagnosis is nil if none is wanted.
	diagnosis *diagnosis
	found     *findings.Counter // nil if no traces are written

	stages
	supervisor *run.Run
	began      int64  // on the time line, as ended
	ended      int64  // when all was recorded
	taken      uint64 // windows that were opened
}

// newScan makes the plan, and refuses a wrong request. ctx ends look-ups of names.
func newScan(ctx context.Context, c *Config) (*scan, error) {
	c.withDefaults()
	if err := errors.Join(c.CheckFiles(), c.mayDiagnose()); err != nil {
		return nil, err
	}
	c.Packing, c.Format = outfile.Packing(c.Output), c.paths().Other()
	c.ReplyPacking, c.MetaPacking = fileset.Packing(c.ReplyOutput), fileset.Packing(c.MetaOutput)
	k, err := checkpoint.Open(checkpoint.Config{
		Checkpoint: c.Checkpoint, Resume: c.Resume, Output: c.paths(), Capture: c.Capture, Existing: c.Existing,
	})
	if err != nil {
		return nil, err
	}
	if k.Resumes() {
		seed, key := k.Identity()
		if c.Seed == "" {
			c.Seed = seed
		}
		if c.Key == "" {
			c.Key = key
		}
	}
	p, err := plan.New(ctx, &c.Config, k.Began())
	if err != nil {
		return nil, err
	}
	if c.Director != nil {
		p.ExcludedSince = p.ExcludedSince.Union(c.Director.Since)
	}
	if err := k.Agree(p); err != nil {
		return nil, err
	}
	t, err := session.NewTimeline()
	if err != nil {
		return nil, err
	}
	p.Name(time.Now(), k.Began(), c.Tool, c.Argv)
	found := findings.CounterFor(p.Records)
	if k.Resumes() {
		found = k.Findings()
	}
	return &scan{
		cfg: c, found: found, plan: p, time: t, first: k.FirstWindow(), keeper: k, guard: newGuard(p), observe: c.Observer,
		newSleeper: func(spin time.Duration) sender.Sleeper { return ratelimit.NewSleeper(t.Clock, spin) },
	}, nil
}

// open finds the way out and opens everything. After an error, it closes all resources that
// it opened.
func (s *scan) open(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			s.session.Close()
			err = link.Permission(errors.Join(err, s.discard()))
		}
	}()
	if err := link.MayCapture(); err != nil {
		return err
	}
	paths, err := session.Find(ctx, s.plan, s.cfg.Link, s.cfg.Warn)
	if err != nil {
		return err
	}
	s.plan.Source4, s.plan.Source6, s.plan.Link = paths.Source4, paths.Source6, paths.Name
	if err := s.keeper.SameSource(&s.plan.Params); err != nil {
		return err
	}
	if s.session, err = session.Open(paths, s.plan.CodecConfig(), s.cfg.Link); err != nil {
		return err
	}
	s.plan.Avoid, s.plan.IO = s.session.Avoid, s.session.IO
	s.noteXDP()
	if err := s.openFiles(); err != nil {
		return err
	}
	return s.cfg.Opened()
}

// openFiles opens the capture and the output.
func (s *scan) openFiles() (err error) {
	if s.cfg.Capture != "" {
		if s.capture, err = capture.Create(capture.Config{
			Path: s.cfg.Capture, Existing: s.cfg.Existing, Key: s.cfg.Key, LinkType: s.session.Live.LinkType(), Senders: len(s.session.Ports),
			Head4: s.session.Paths.Head(true), Head6: s.session.Paths.Head(false),
		}, s.plan.Params, s.plan.Include, s.plan.Exclude); err != nil {
			return err
		}
	}
	if text := s.cfg.paths().Lacks(s.plan.Records); text != "" {
		s.observe.Event(observe.Notice(text))
	}
	s.files, err = s.keeper.OpenOutput(s.cfg.paths(), func() (*fileset.Files, error) {
		return fileset.Create(s.cfg.paths(), s.cfg.Stdout, s.cfg.Existing)
	})
	return err
}

func (s *scan) noteXDP() {
	switch s.session.IO {
	case session.XDPCopy:
		s.observe.Event(observe.Noticef("%s: AF_XDP, the kernel copies frames", s.plan.Link))
	case session.XDPZeroCopy:
		s.observe.Event(observe.Noticef("%s: AF_XDP, the driver reads frames itself (zero copy; never tested on hardware)", s.plan.Link))
	}
}

// run starts every goroutine of the scan, waits for them, and sums up.
func (s *scan) run(ctx, interrupted context.Context) error {
	r := run.New(ctx)
	defer r.Close()
	s.supervisor = r
	announce := func() { s.observe.Event(observe.Stopping{Cause: r.Cause(), Leaves: s.keeper != nil}) }
	if err := s.build(); err != nil {
		return err
	}
	s.began = s.time.Now()
	if err := errors.Join(s.writeHead(), s.keeper.Begin(s.plan, s.cfg.Key, s.files, s.found)); err != nil {
		return run.OutputFailed(err)
	}
	s.observe.Event(observe.Began{})
	defer r.StopWhen(interrupted, run.ErrInterrupted, announce)()
	defer r.StopAfter(s.cfg.MaxRuntime, run.ErrMaxRuntime, announce)()
	s.start(r)
	err := r.Wait()
	switch held := new(run.HeldError); {
	case errors.As(err, &held): // these stages block their files
		return s.incomplete(fmt.Errorf("%w: the output has no summary", err))
	case errors.Is(err, run.ErrKilled):
		return s.incomplete(errors.Join(fmt.Errorf("%w: the output has no summary", err), s.abandon()))
	case err != nil:
		return s.broken(err)
	}
	return s.sumUp(ctx, interrupted)
}

// start starts the stages.
func (s *scan) start(r *run.Run) {
	opened := make(chan uint64, 1)
	r.Go("open windows", func() error {
		s.taken = s.openWindows(r.Sending())
		opened <- s.taken
		return nil
	})
	for i, one := range s.senders {
		r.Go("send", func() error {
			defer s.capture.SentAll()
			return s.send(r, i, one)
		})
	}
	r.Go("receive", func() error { return s.receive(r) })
	r.Go("write capture", func() error {
		if s.capture.Run(r.Failed()) != nil { // Close returns the error
			r.Stop(run.ErrOutput)
		}
		return nil
	})
	r.Go("watch link", func() error { return s.session.Watch(r.Lasting(), s.observe, r.Stop) })
	r.Go("report progress", func() error { s.progress(r.Lasting()); return nil })
	r.Go("follow the director", func() error { s.follow(r.Lasting()); return nil })
	r.Go("read exclusions", func() error { s.reread(r.Lasting()); return nil })
	r.Go("write records", func() error {
		if s.recorder.Run(r.Failed(), s.retired, s.free, opened) {
			s.ended = s.time.Now()
			r.Finish()
		}
		return nil
	})
}

// send runs a sender on a thread of its own, until everything is recorded if it has resets
// to send.
func (s *scan) send(r *run.Run, i int, one *sender.Sender) error {
	s.keeper.Wait(r.Sending(), s.cfg.Wait)
	// Not unlocked: the thread's timer slack is not for others, and ends with it.
	runtime.LockOSThread()
	spare := runtime.NumCPU() - len(s.senders) + 1
	err := one.Run(r.Failed(), r.Sending(), s.newSleeper(ratelimit.SpinFor(s.plan.RatePPS, spare)))
	if errors.Is(err, sender.ErrGone) {
		r.Stop(err)
		return nil
	}
	if err == nil {
		one.Linger(r.Lasting())
	}
	return err
}

// errCaptureEnded means that the source of frames ended during the run.
var errCaptureEnded = errors.New("the capture of frames ended unexpectedly")

// receive runs the receiver. The capture of its frames gets an end note only if the run
// came to its end.
func (s *scan) receive(r *run.Run) error {
	err := s.receiver.Run(r.Lasting(), s.replies)
	if err == nil && r.Lasting().Err() == nil {
		err = errCaptureEnded
	}
	var end *capture.End
	if err == nil && r.Failed().Err() == nil {
		drops, _, _ := s.session.Live.Drops() // an unknown count is 0
		end = &capture.End{
			Windows: s.taken, KernelDrops: drops, Cause: run.ReasonOf(r.Cause()), ElapsedS: float64(s.ended-s.began) / 1e9,
			AutoRate: s.auto.Record(),
		}
	}
	s.capture.ReceivedAll(s.time.Now(), end)
	return err
}

// broken ends a run in which a stage failed: with the records that it has, and without a
// summary.
func (s *scan) broken(err error) error {
	return &run.Incomplete{Err: errors.Join(err, s.abandon())}
}

// abandon closes the files of a run that has no summary.
func (s *scan) abandon() error {
	return errors.Join(s.writer.Flush(), s.closeFiles())
}

// discard removes the files that a run which did not begin has made.
func (s *scan) discard() error {
	if s.keeper.Resumes() {
		return s.files.Close()
	}
	return errors.Join(s.files.Discard(), s.capture.Discard())
}

// closeFiles closes the output and the capture.
func (s *scan) closeFiles() error {
	return errors.Join(s.files.Close(), s.capture.Close())
}

// incomplete returns the error of a run that can be continued if it has a checkpoint.
func (s *scan) incomplete(err error) error {
	return &run.Incomplete{Err: err, Checkpoint: s.keeper.Path()}
}

// stopped returns the error of a run whose summary gives a reason.
func (s *scan) stopped(reason string) error {
	return &run.Incomplete{Err: fmt.Errorf("not complete: %s", reason), Reason: reason, Checkpoint: s.keeper.Path()}
}

// stages are the parts of a run.
type stages struct {
	set        *window.Set
	free       chan *window.Window
	retired    chan *window.Window
	ready      []chan *window.Window // one for each sender
	schedules  []schedule.Schedule   // one for each sender
	senders    []*sender.Sender
	receiver   *receiver.Receiver
	replies    receiver.Sink
	matcher    *matcher.Matcher
	recorder   *recorder.Recorder
	bucket     *ratelimit.Shared
	askedPPS   atomic.Uint64        // bits of the rate of bucket
	auto       *autorate.Control    // nil if the rate is given
	politeness *schedule.Politeness // nil if nothing is held back
}
