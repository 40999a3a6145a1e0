package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/format/traceroute"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/matcher"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/receiver"
	"github.com/masstrace/masstrace/sender"
)

// TraceConfig is a trace for a person, as it was asked for.
type TraceConfig struct {
	Hosts  []string // names and addresses
	Family Family

	Method           probe.Method
	FirstTTL, MaxTTL uint8
	Attempts         int
	Flows            int
	DstPort          uint16
	TOS              uint8
	Patience         Patience

	Interface string
	Source    netip.Addr // invalid: the route's

	Numeric bool // no names
	JSON    bool // trace records instead of text

	Privileges Privileges // once everything is open
	Streams
}

// Patience says how long a trace waits for replies.
type Patience = schedule.Patience

// Family says which addresses of a name are traced to.
type Family string

// The families, as package net calls them.
const (
	AnyFamily Family = "ip"
	IPv4      Family = "ip4"
	IPv6      Family = "ip6"
)

// Trace traces the hosts one after another, and reports whether all of them
// answered. When interrupted ends it stops where it is; when ctx ends it leaves
// at once. A host that cannot be traced does not keep the others from being.
// Errors have a Class.
func Trace(ctx, interrupted context.Context, c TraceConfig) (answered bool, err error) {
	answered = true
	for _, host := range c.Hosts {
		reached, failed := traceHost(ctx, interrupted, &c, host)
		answered = answered && reached
		if failed != nil {
			err = joinClassed(err, failed)
		}
		if interrupted.Err() != nil || ctx.Err() != nil || errors.Is(failed, link.ErrPermission) {
			return false, err
		}
	}
	return answered, err
}

// joinClassed joins two errors; the class of the first one stays.
func joinClassed(first, second error) error {
	if first == nil {
		return second
	}
	return &Error{ClassOf(first), errors.Join(first, second)}
}

// tracer is one run of Trace to one host.
type tracer struct {
	session
	cfg    *TraceConfig
	host   string
	target probe.Addr
	time   timeline
	names  *names // nil if they are not asked for

	set       *window.Set
	rounds    *schedule.Rounds
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

func traceHost(ctx, interrupted context.Context, c *TraceConfig, host string) (answered bool, err error) {
	lookUp, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(interrupted, cancel)()
	addr, err := resolve(lookUp, c, host)
	if err != nil {
		return false, environment(err)
	}
	t := &tracer{cfg: c, host: host, target: probe.AddrFrom(addr)}
	if t.time, err = newTimeline(); err != nil {
		return false, err
	}
	defer t.close()
	if err := t.open(lookUp, addr); err != nil {
		return false, environment(link.Permission(err))
	}
	if err := t.build(); err != nil {
		return false, environment(err)
	}
	err = t.run(ctx, interrupted)
	return t.answered, err
}

// captureRing is room for some hundred replies, of which there are some thousand a
// second at most. The kernel takes its time to clear more.
const captureRing = 1 << 20

// open finds the way to the target and opens everything. What was opened before
// an error is left to close.
func (t *tracer) open(ctx context.Context, addr netip.Addr) error {
	if err := link.MayCapture(); err != nil {
		return err
	}
	path, err := link.Find(ctx, link.Request{
		Destination: addr, Interface: t.cfg.Interface, Source: t.cfg.Source,
	})
	if err != nil {
		return err
	}
	if path.ForeignSource {
		fmt.Fprintf(t.cfg.Stderr, "masstrace: %s is no address of this machine: answers are seen if they are routed here\n", path.Source)
	}
	t.paths = new(paths)
	t.paths.add(path, t.target.Is4())
	cfg := codec.Config{
		Method: t.cfg.Method, Seed: seedOf(randomHex(16)), Key: seedOf(randomHex(16)),
		DstPort: t.cfg.DstPort, TOS: t.cfg.TOS, Flows: t.cfg.Flows,
		MinTTL: t.cfg.FirstTTL, MaxTTL: t.cfg.MaxTTL, Attempts: uint8(t.cfg.Attempts),
	}
	err = t.session.open(sessionConfig{
		codec:   cfg,
		capture: receiver.LiveConfig{RingOctets: captureRing, Immediate: true},
	})
	if err != nil {
		return err
	}
	return t.cfg.Privileges.renounce(link.Of(unix.CAP_NET_RAW)) // for the next host
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
	matched := matcher.New(matcher.Config{Index: only(t.target), Set: t.set, Retired: t.retired})
	t.replies, t.resets = t.paths.refuse(t.cfg.Method, matched)
	if t.receiver, err = receiver.New(t.live, t.codec, t.time); err != nil {
		return err
	}
	t.rows = make(chan schedule.Row, shape.TTLs())
	t.rounds = schedule.NewRounds(schedule.RoundsConfig{
		Window: t.window, Set: t.set, Patience: t.cfg.Patience, Rows: t.rows,
	})
	t.sender = sender.New(sender.Config{
		Codec: t.codec, Source: t.rounds, Port: t.ports[0], Allowed: only(t.target), Shape: shape,
		Bucket: ratelimit.NewShared(ratelimit.Config{}, t.time.clock.Now()).Share(), // the schedule paces
		Clock:  t.time.clock, Epoch: t.time.epoch,
		Up:   func() bool { return t.monitor.State() == link.Up },
		Gone: func() bool { return t.monitor.State() == link.Gone },

		Resets: t.resets,
	})
	source4, source6 := t.paths.sources()
	t.assembler = trace.NewAssembler(trace.AssemblerConfig{
		Method: t.cfg.Method, Source4: source4, Source6: source6,
		Size4: t.codec.Size(true), Size6: t.codec.Size(false),
		DstPort: t.cfg.DstPort, TOS: t.cfg.TOS, Wait: t.cfg.Patience.Max, Flows: t.codec,
	})
	return nil
}

// extensionRoom is for the extension octets of one reply: a deep label stack and
// an interface.
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
	g, failed := errgroup.WithContext(ctx)
	// over ends what goes on until everything is written.
	over, finish := context.WithCancel(failed)
	defer finish()
	if !t.cfg.Numeric && !t.cfg.JSON {
		t.names = newNames(over)
	}
	stop, halt := context.WithCancel(interrupted)
	defer halt()
	g.Go(func() error {
		runtime.LockOSThread() // ends with its goroutine, as in scan.send
		err := t.sender.Run(failed, stop, ratelimit.NewSleeper(t.time.clock, 0))
		if err == nil {
			t.sender.Linger(over)
		}
		return err
	})
	g.Go(func() error { return t.receiver.Run(over, t) })
	g.Go(func() error { return t.monitor.Run(over, func(link.State) {}) })
	g.Go(func() error {
		defer finish()
		err := t.write(failed)
		if t.resets != nil {
			pause(stop, halfOpenWait)
		}
		return err
	})
	err := g.Wait()
	if t.names != nil {
		t.names.wait()
	}
	switch {
	case ctx.Err() != nil:
		return &Error{Partial, errors.New("left at once")}
	case err != nil:
		return environment(link.Permission(err))
	}
	return nil
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

// Replies implements receiver.Sink: names are looked up as soon as somebody
// answers.
func (t *tracer) Replies(batch []probe.Reply, upTo int64) {
	t.replies.Replies(batch, upTo)
	if t.names == nil {
		return
	}
	for i := range batch {
		if batch[i].Valid != probe.Garbled {
			t.names.want(batch[i].Responder.Netip())
		}
	}
}

// write writes rows as they become final, and in the end what the closed window
// says.
func (t *tracer) write(ctx context.Context) error {
	route := &traceroute.Writer{Out: t.cfg.Stdout, Flows: t.cfg.Flows, Width: t.width()}
	if err := t.writeRows(ctx, route); err != nil {
		return outputFailed(err)
	}
	var w *window.Window
	select {
	case w = <-t.retired:
	case <-ctx.Done():
		return nil
	}
	writer := ndjson.NewWriter(t.cfg.Stdout, ndjson.Config{Hostname: hostname(), Bare: true})
	distance := false
	err := t.assembler.Traces(w, func(tr *record.Trace) error {
		t.answered = t.answered || tr.Reached
		distance = distance || tr.StopReason == record.StopCompleted
		if !t.cfg.JSON {
			return nil
		}
		return writer.Write(tr)
	})
	if err == nil && t.answered && !distance && !t.cfg.JSON {
		err = route.Touched(t.target.Netip(), t.cfg.Method)
	}
	if err := errors.Join(err, writer.Flush()); err != nil {
		return outputFailed(err)
	}
	return nil
}

func (t *tracer) writeRows(ctx context.Context, route *traceroute.Writer) error {
	if t.names != nil {
		route.Name = t.names.of
	}
	if t.cfg.JSON {
		for range t.rows { // nobody reads them
		}
		return nil
	}
	err := route.Head(t.host, t.target.Netip(), t.cfg.MaxTTL, t.codec.Size(t.target.Is4()))
	for err == nil {
		select {
		case row, more := <-t.rows:
			if !more {
				return route.Tail()
			}
			err = route.Row(t.row(row))
		case <-ctx.Done():
			return nil
		}
	}
	return err
}

// width is the room for a responder in the output of several flows.
func (t *tracer) width() int {
	width := len("255.255.255.255") + 1
	if !t.target.Is4() {
		width = len("2001:db8:1234:5678::1") + 1
	}
	if t.names != nil {
		width += len("router.example.net ()")
	}
	return width
}

// row looks up what answered the probes of a row. The entries never change.
func (t *tracer) row(row schedule.Row) traceroute.Row {
	r := traceroute.Row{TTL: row.TTL}
	for _, slot := range row.Slots {
		p := traceroute.Probe{Flow: slot.Flow}
		if e := t.window.Reply(slot); e != nil {
			hop := trace.HopOf(t.window, e, t.window.Sent(slot))
			p.Hop = &hop
		}
		r.Probes = append(r.Probes, p)
	}
	return r
}
