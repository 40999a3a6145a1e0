package traceroute

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/session"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/matcher"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/receiver"
	"github.com/masstrace/masstrace/sender"
)

// Run traces the hosts one after another, and reports whether all of them answered. When
// interrupted ends, it stops where it is; when ctx ends, it leaves at once. A host that
// cannot be traced does not keep the others from being. Errors are as those of a scan.
func Run(ctx, interrupted context.Context, c Config) (answered bool, err error) {
	if c.Observer == nil {
		c.Observer = observe.Nobody{}
	}
	if c.Opened == nil {
		c.Opened = func() error { return nil }
	}
	answered = true
	var failures HostErrors
	for _, host := range c.Hosts {
		reached, failed := traceHost(ctx, interrupted, &c, host)
		answered = answered && reached
		if failed != nil {
			failures = append(failures, failed)
		}
		if interrupted.Err() != nil || ctx.Err() != nil || errors.Is(failed, link.ErrPermission) {
			answered = false
			break
		}
	}
	if len(failures) == 0 {
		return answered, nil
	}
	return answered, failures
}

// HostErrors are the errors of several hosts, at least one. The first one decides the exit
// status.
type HostErrors []error

// Error implements error.
func (e HostErrors) Error() string { return errors.Join(e...).Error() }

// Unwrap returns the first.
func (e HostErrors) Unwrap() error { return e[0] }

// tracer is one run of Run to one host.
type tracer struct {
	cfg     *Config
	host    string
	target  probe.Addr
	time    session.Timeline
	session *session.Session
	names   *names // nil without names
	// newSleeper makes the sleeper of the sender, on its thread.
	newSleeper func() sender.Sleeper

	set       *window.Set
	schedule  *schedule.Interactive
	rows      chan schedule.Row
	retired   chan *window.Window
	window    *window.Window
	replies   receiver.Sink
	resets    *sender.Resets // nil if the kernel sends them
	receiver  *receiver.Receiver
	sender    *sender.Sender
	assembler *trace.Assembler
	answered  bool
}

func traceHost(ctx, interrupted context.Context, c *Config, host string) (answered bool, err error) {
	lookUp, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(interrupted, cancel)()
	addr, err := resolve(lookUp, c, host)
	if err != nil {
		return false, err
	}
	t, err := newTracer(c, host, addr)
	if err != nil {
		return false, err
	}
	err = t.open(lookUp, addr)
	defer func() { t.session.Close() }()
	if err != nil {
		return false, link.Permission(err)
	}
	if err := t.build(); err != nil {
		return false, err
	}
	err = t.run(ctx, interrupted)
	return t.answered, err
}

func newTracer(c *Config, host string, addr netip.Addr) (*tracer, error) {
	t := &tracer{cfg: c, host: host, target: probe.AddrFrom(addr)}
	var err error
	t.time, err = session.NewTimeline()
	t.newSleeper = func() sender.Sleeper { return ratelimit.NewSleeper(t.time.Clock, 0) }
	return t, err
}

// captureRing is room for some hundred replies, of which there are some thousand a second
// at most, in bytes. The kernel takes its time to clear more.
const captureRing = 1 << 20

// open finds the way to the target and opens everything.
func (t *tracer) open(ctx context.Context, addr netip.Addr) error {
	if err := link.MayCapture(); err != nil {
		return err
	}
	c := session.Config{Interface: t.cfg.Interface, ReceiveBuffer: captureRing, Immediate: true, Queue: true}
	if t.cfg.Source.IsValid() {
		c.Sources = []netip.Addr{t.cfg.Source}
	}
	paths, err := session.FindTo(ctx, addr, c)
	if err != nil {
		return err
	}
	if paths.ForeignSource {
		t.cfg.Observer.Event(observe.Warning(fmt.Sprintf("warning: %s is not an address of this machine; replies arrive only if they are routed here", paths.Source)))
	}
	t.session, err = session.Open(paths, codec.Config{
		Method: t.cfg.Method, Seed: plan.SeedOf(plan.RandomHex(16)), Key: plan.SeedOf(plan.RandomHex(16)),
		DstPort: t.cfg.DstPort, TOS: t.cfg.TOS, Flows: t.cfg.Flows,
		MinTTL: t.cfg.FirstTTL, MaxTTL: t.cfg.MaxTTL, Attempts: uint8(t.cfg.Attempts),
	}, c)
	if err != nil {
		return err
	}
	return t.cfg.Opened()
}

// build makes the stages around the one window.
func (t *tracer) build() (err error) {
	shape := window.Shape{
		Targets: 1, FirstTTL: t.cfg.FirstTTL, LastTTL: t.cfg.MaxTTL,
		Flows: t.cfg.Flows, Attempts: t.cfg.Attempts,
	}
	shape.ExtensionOctets = shape.TTLs() * shape.Flows * shape.Attempts * extensionRoom
	t.window, t.set = window.New(shape), window.NewSet(shape)
	t.window.Open(0)
	t.window.Append(t.target)
	t.set.Put(t.window)
	t.retired = make(chan *window.Window, window.Live)
	s := t.session
	if t.receiver, err = receiver.New(s.Live, s.Codec, t.time); err != nil {
		return err
	}
	matched := matcher.New(matcher.Config{Index: only(t.target), Set: t.set, Retired: t.retired, Heard: &t.receiver.Heard})
	t.replies, t.resets = s.Paths.Refuse(t.cfg.Method, matched)
	t.rows = make(chan schedule.Row, shape.TTLs())
	t.schedule = schedule.NewInteractive(schedule.InteractiveConfig{
		Window: t.window, Set: t.set, Patience: t.cfg.Patience, Rows: t.rows,
	})
	t.sender = sender.New(sender.Config{
		Codec: s.Codec, Source: t.schedule, Port: s.Ports[0], Allowed: only(t.target), Shape: shape,
		Bucket: ratelimit.NewShared(ratelimit.Config{}, t.time.Clock.Now()).Share(), // no rate
		Clock:  t.time.Clock, Epoch: t.time.Epoch, Up: s.Up, Gone: s.Gone, Resets: t.resets,
	})
	source4, source6 := s.Paths.Sources()
	t.assembler = trace.NewAssembler(trace.AssemblerConfig{
		Method: t.cfg.Method, Source4: source4, Source6: source6,
		Size4: s.Codec.Size(true), Size6: s.Codec.Size(false),
		DstPort: t.cfg.DstPort, TOS: t.cfg.TOS, Wait: t.cfg.Patience.Max, Flows: s.Codec,
	})
	return nil
}

// extensionRoom is for the extension structure of one reply, in bytes: a deep label stack
// and an interface.
const extensionRoom = 128

// only is the order of a single target.
type only probe.Addr

// PositionOf implements matcher.IndexOf.
func (o only) PositionOf(a probe.Addr) (position uint64, ok bool) { return 0, a == probe.Addr(o) }

// Change implements sender.Allowed.
func (only) Change() uint64 { return 0 }

// Contains implements sender.Allowed.
func (o only) Contains(a probe.Addr) bool { return a == probe.Addr(o) }

// run starts every goroutine of the trace and waits for them.
func (t *tracer) run(ctx, interrupted context.Context) error {
	r := run.New(ctx)
	defer r.Close()
	if !t.cfg.Numeric && t.cfg.Traces == nil {
		t.names = newNames(r.Lasting())
	}
	t.cfg.Observer.Event(observe.Began{})
	defer r.StopWhen(interrupted, run.ErrInterrupted, func() {})()
	r.Go("send", func() error {
		runtime.LockOSThread() // ends with its goroutine
		err := t.sender.Run(r.Failed(), r.Sending(), t.newSleeper())
		if err == nil {
			t.sender.Linger(r.Lasting())
		}
		return err
	})
	r.Go("receive", func() error {
		err := t.receiver.Run(r.Lasting(), t)
		if err == nil && r.Lasting().Err() == nil {
			err = errors.New("the capture of frames ended unexpectedly")
		}
		return err
	})
	r.Go("watch link", func() error { return t.session.Monitor.Run(r.Lasting(), func(link.State) {}) })
	r.Go("write", func() error {
		err := t.write(r.Failed())
		if t.resets != nil {
			pause(r.Sending(), halfOpenWait)
		}
		if err == nil {
			r.Finish()
		}
		return err
	})
	err := r.Wait()
	r.Close() // ends all look-ups
	if t.names != nil {
		t.names.wait()
	}
	if errors.Is(err, run.ErrKilled) || errors.Is(err, sender.ErrRefused) {
		return &run.Incomplete{Err: err}
	}
	return err
}

// halfOpenWait is for SYNs to which no answer was waited for any more, so that the
// connections that they open do not stay half open.
const halfOpenWait = 500 * time.Millisecond

// pause waits for a time, or for the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// Replies implements receiver.Sink: the name of a router is looked up as soon as it
// answers.
func (t *tracer) Replies(batch []probe.Reply, upTo int64) {
	t.replies.Replies(batch, upTo)
	if t.names == nil {
		return
	}
	for i := range batch {
		if batch[i].Valid != probe.Garbled {
			t.names.want(batch[i].Source())
		}
	}
}
