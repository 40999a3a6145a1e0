package traceroute

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/format"
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
	"github.com/masstrace/masstrace/receiver"
	"github.com/masstrace/masstrace/sender"
)

// tracer traces one host.
type tracer struct {
	*batch
	cfg     *Config // of the batch, or with another method
	host    string
	target  probe.Addr
	out     io.Writer
	traces  format.Writer // nil for rows
	session *session.Session
	// newSleeper makes the sleeper of the sender, on its goroutine.
	newSleeper func() sender.Sleeper

	set       *window.Set
	schedule  sender.Source
	rows      chan schedule.Row // nil with Config.Multipath
	retired   chan *window.Window
	window    *window.Window
	replies   receiver.Sink
	resets    *sender.Resets // nil if the kernel sends them
	receiver  *receiver.Receiver
	sender    *sender.Sender
	assembler *trace.Assembler
	answered  bool
	judged    judgements
}

func newTracer(b *batch, cfg *Config, host string, addr netip.Addr, out io.Writer) *tracer {
	t := &tracer{batch: b, cfg: cfg, host: host, target: probe.AddrFrom(addr), out: out, newSleeper: b.newSleeper}
	if cfg.Traces != nil {
		t.traces = cfg.Traces(out)
	}
	return t
}

// captureRing is room for replies that wait to be read, in bytes: for some hundred, which are more
// than all replies of most traces. The kernel takes its time to clear more.
const captureRing = 1 << 20

// severalRing is the same for each of several traces, which share a lower rate.
const severalRing = 256 << 10

// open finds the way to the target and opens everything.
func (t *tracer) open(ctx context.Context, addr netip.Addr) error {
	if err := link.MayCapture(); err != nil {
		return err
	}
	c := session.Config{Interface: t.cfg.Interface, ReceiveBuffer: captureRing, Immediate: true, Queue: true, Target: t.target}
	if t.cfg.several() {
		c.ReceiveBuffer = severalRing
	}
	if t.cfg.Source.IsValid() {
		c.Sources = []netip.Addr{t.cfg.Source}
	}
	paths, err := session.FindTo(ctx, addr, c)
	if err != nil {
		return err
	}
	if paths.ForeignSource {
		t.warnForeign(paths.Source)
	}
	shape := t.shape()
	t.session, err = session.Open(paths, codec.Config{
		Method: t.cfg.Method, Seed: plan.SeedOf(plan.RandomHex(16)), Key: plan.SeedOf(plan.RandomHex(16)),
		DstPort: t.cfg.DstPort, TOS: t.cfg.TOS, Flows: shape.Flows,
		MinTTL: t.cfg.FirstTTL, MaxTTL: t.cfg.MaxTTL, Attempts: uint8(shape.Attempts),
	}, c)
	return err
}

// build makes the stages around the one window.
func (t *tracer) build() (err error) {
	shape := t.shape()
	t.window, t.set = window.New(shape), window.NewSet(shape)
	t.set.Sealed6 = t.cfg.Method.HasSeal6()
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
	t.schedule = t.newSchedule(shape)
	t.sender = sender.New(sender.Config{
		Codec: s.Codec, Source: t.schedule, Port: s.Ports[0], Allowed: only(t.target), Shape: shape,
		Bucket: t.bucket.Share(),
		Clock:  t.time.Clock, Epoch: t.time.Epoch, Up: s.Up, Gone: s.Gone, Resets: t.resets,
	})
	source4, source6 := s.Paths.Sources()
	t.assembler = trace.NewAssembler(trace.AssemblerConfig{
		Method: t.cfg.Method, Source4: source4, Source6: source6,
		Size4: s.Codec.Size(true), Size6: s.Codec.Size(false),
		DstPort: t.cfg.DstPort, TOS: t.cfg.TOS, Wait: t.cfg.Patience.Max, Flows: s.Codec, GapLimit: t.cfg.GapLimit,
		Multipath: t.cfg.Multipath,
	})
	return nil
}

// shape returns the shape of the one window.
func (t *tracer) shape() window.Shape {
	s := window.Shape{
		Targets: 1, FirstTTL: t.cfg.FirstTTL, LastTTL: t.cfg.MaxTTL,
		Flows: t.cfg.Flows, Attempts: t.cfg.Attempts,
	}
	if t.cfg.Multipath != nil {
		s = schedule.MultipathShape(s, t.cfg.Multipath)
	}
	s.ExtensionOctets = s.TTLs() * s.Flows * s.Attempts * extensionRoom
	return s
}

// newSchedule returns the schedule of the one window.
func (t *tracer) newSchedule(shape window.Shape) sender.Source {
	if t.cfg.Multipath != nil {
		ready := make(chan *window.Window, 1)
		ready <- t.window
		close(ready)
		return schedule.NewMultipath(schedule.Config{
			Shape: shape, Wait: min(t.cfg.Patience.Max, multipathWait), Ready: ready, Set: t.set,
		}, t.cfg.Multipath)
	}
	t.rows = make(chan schedule.Row, shape.TTLs())
	return schedule.NewInteractive(schedule.InteractiveConfig{
		Window: t.window, Set: t.set, Patience: t.cfg.Patience, GapLimit: t.cfg.GapLimit, Rows: t.rows,
	})
}

// multipathWait is the longest time to wait for late answers to the last probes, if all paths to a
// host are searched.
const multipathWait = time.Second

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
	t.cfg.Observer.Event(observe.Began{})
	defer r.StopWhen(interrupted, run.ErrInterrupted, func() {})()
	r.Go("send", func() error {
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
	r.Go("watch link", func() error { return t.session.Watch(r.Lasting(), t.cfg.Observer, r.Stop) })
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
	if errors.Is(err, run.ErrKilled) || errors.Is(err, sender.ErrRefused) || errors.Is(err, sender.ErrStuck) {
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
