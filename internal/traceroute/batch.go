package traceroute

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/session"
	"github.com/masstrace/masstrace/internal/verdict"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/sender"
)

// severalPPS is the rate of all probes if there are several hosts, in probes a second. A trace has
// some 15 TTLs, so the routers next to us get about 70 probes a second.
const severalPPS = 1000

// Run traces the hosts, several at the same time, and reports whether all of them answered. The
// output is in the order of the hosts. When interrupted ends, Run stops the traces where they are;
// when ctx ends, it returns at once. A host that cannot be traced does not keep the others from
// being traced. The error is the first one of a host.
func Run(ctx, interrupted context.Context, c Config) (answered bool, err error) {
	names, stopNames := context.WithCancel(ctx)
	defer stopNames()
	b, err := newBatch(names, &c)
	if err != nil {
		return false, err
	}
	working, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(interrupted, stop)()
	out := &spaced{Writer: c.Stdout}
	p := pipeline{out: out, trace: func(working context.Context, h host, out io.Writer) outcome {
		return b.trace(ctx, working, h, out)
	}}
	if c.Traces != nil {
		p.out = c.Stdout
	}
	answered = true
	p.done = func(o outcome) bool {
		out.next()
		answered = answered && o.answered
		if o.err == nil || errors.Is(o.err, errNotBegun) {
			return true
		}
		if err == nil {
			err = o.err
		}
		if c.Failed != nil {
			c.Failed(o.err)
		}
		return ctx.Err() == nil && !errors.Is(o.err, link.ErrPermission)
	}
	p.run(working, c.hosts)
	stopNames()
	if b.names != nil {
		b.names.wait()
	}
	return answered && working.Err() == nil, err
}

// batch has the resources that all traces of one Run share.
type batch struct {
	cfg    *Config
	time   session.Timeline
	bucket *ratelimit.Shared
	names  *names // nil without names
	judge  verdict.Shared

	opening sync.Mutex // while the first host opens its resources
	opened  bool
	foreign sync.Once
}

// newBatch returns a batch whose look-ups of names end with ctx. It sets the defaults of c.
func newBatch(ctx context.Context, c *Config) (*batch, error) {
	if c.Observer == nil {
		c.Observer = observe.Nobody{}
	}
	if c.Opened == nil {
		c.Opened = func() error { return nil }
	}
	b := &batch{cfg: c}
	if !c.Numeric && c.Traces == nil {
		b.names = newNames(ctx)
	}
	var err error
	if b.time, err = session.NewTimeline(); err != nil {
		return nil, err
	}
	pace := ratelimit.Config{} // no limit
	if c.several() {
		pace.RatePPS = severalPPS
	}
	b.bucket = ratelimit.NewShared(pace, b.time.Clock.Now())
	return b, nil
}

// errNotBegun is the error of a host whose trace was interrupted before it began.
var errNotBegun = errors.New("interrupted before the trace began")

// trace traces a host, and writes its output to out. When working ends, it stops.
func (b *batch) trace(ctx, working context.Context, h host, out io.Writer) outcome {
	o := outcome{host: h}
	if h.err != nil {
		o.err = h.err
		return o
	}
	t, err := b.prepare(working, h, out)
	if t != nil {
		defer t.session.Close()
	}
	switch {
	case err != nil && working.Err() != nil:
		err = errNotBegun
	case err == nil:
		err = t.run(ctx, working)
		o.answered = t.answered
		if err == nil && working.Err() == nil {
			err = b.diagnose(ctx, working, t)
		}
		err = errors.Join(err, t.writeVerdicts())
	}
	if err != nil && h.at != "" {
		err = fmt.Errorf("%s%w", h.at, err)
	}
	o.err = err
	return o
}

// prepare finds the address of a host, and opens all that a trace needs. The tracer is to be closed
// if it is not nil.
func (b *batch) prepare(ctx context.Context, h host, out io.Writer) (*tracer, error) {
	if err := CheckHost(h.name); err != nil {
		return nil, err
	}
	addr, err := resolve(ctx, b.cfg, h.name)
	if err != nil {
		return nil, err
	}
	t := newTracer(b, b.cfg, h.name, addr, out)
	if err := b.open(ctx, t, addr); err != nil {
		return t, link.Permission(err)
	}
	return t, t.build()
}

// open opens the resources of a tracer. The first one does so alone, because the program then gives
// up privileges on all threads.
func (b *batch) open(ctx context.Context, t *tracer, addr netip.Addr) error {
	b.opening.Lock()
	if b.opened {
		b.opening.Unlock()
		return t.open(ctx, addr)
	}
	defer b.opening.Unlock()
	if err := t.open(ctx, addr); err != nil {
		return err
	}
	b.opened = true
	return b.cfg.Opened()
}

// warnForeign warns, once, about a source address of another machine.
func (b *batch) warnForeign(source netip.Addr) {
	b.foreign.Do(func() {
		b.cfg.Observer.Event(observe.Warning(fmt.Sprintf("warning: %s is not an address of this machine; replies arrive only if they are routed here", source)))
	})
}

// newSleeper returns a sleeper for the calling goroutine. A single trace has a thread of its own
// that sleeps. The traces to several hosts share the timers of Go. A thread and a processor for
// each of them would be too many, and their rate needs no precision.
func (b *batch) newSleeper() sender.Sleeper {
	if b.cfg.several() {
		return timers{b.time.Clock}
	}
	runtime.LockOSThread() // ends with its goroutine
	return ratelimit.NewSleeper(b.time.Clock, 0)
}

// timers is a sender.Sleeper that uses the timers of Go.
type timers struct{ clock *ratelimit.Clock }

// Until implements sender.Sleeper.
func (s timers) Until(ctx context.Context, at int64) error {
	left := time.Duration(at - s.clock.Now())
	if left <= 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err()
}
