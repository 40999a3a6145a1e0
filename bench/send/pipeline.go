package main

import (
	"context"
	"errors"
	"math"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/permute"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/target"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/sender"
)

// unchanging is a list that never excludes more.
type unchanging struct{ *target.List }

// Change implements sender.Allowed.
func (unchanging) Change() uint64 { return 0 }

// pipeline is the work of masstrace between the order of targets and the system call. It has a
// window of the whole Internet, with one target for each /24 and with exclusions. The schedule
// walks it, and the sender sends as fast as the port accepts frames.
type pipeline struct {
	codec  *codec.Codec
	list   unchanging
	addrs  []probe.Addr
	shape  window.Shape
	window *window.Window
	clock  *ratelimit.Clock
}

func newPipeline(method probe.Method, targets int) (*pipeline, error) {
	p := &pipeline{shape: window.Shape{Targets: targets, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1}}
	var err error
	if p.codec, err = codec.New(codec.Config{
		Method: method, Source4: netip.AddrFrom4(ourAddr), DstPort: 33434,
		Flows: 1, MinTTL: p.shape.FirstTTL, MaxTTL: p.shape.LastTTL, Attempts: 1,
	}); err != nil {
		return nil, err
	}
	lines := new(target.Lines)
	if err := lines.Add("0.0.0.0/0", ""); err != nil {
		return nil, err
	}
	p.list.List, err = target.NewList(target.Config{
		Include: lines, Exclude: target.ReservedSet(), Seed: permute.Key{1}, PerPrefix: 1, Granularity4: 24, Granularity6: 48,
	})
	if err != nil {
		return nil, err
	}
	order, err := p.list.Order(target.OrderConfig{})
	if err != nil {
		return nil, err
	}
	for i := range uint64(targets) {
		p.addrs = append(p.addrs, order.At(i))
	}
	p.window = window.New(p.shape)
	p.clock, err = ratelimit.NewClock()
	return p, err
}

// open fills the window again, for that many senders.
func (p *pipeline) open(parts int) {
	p.window.Reset()
	p.window.Open(0)
	p.window.Share(parts)
	for _, a := range p.addrs {
		p.window.Append(a)
	}
}

// sender returns the sender of one part.
func (p *pipeline) sender(part schedule.Part, port sender.Port, bucket *ratelimit.Share) *sender.Sender {
	ready, set := make(chan *window.Window, 1), window.NewSet(p.shape)
	set.SetMatched(math.MaxInt64) // there are no answers
	ready <- p.window
	close(ready)
	return sender.New(sender.Config{
		Codec: p.codec, Port: port, Allowed: p.list, Shape: p.shape, Clock: p.clock, Bucket: bucket,
		Source: schedule.NewExhaustive(schedule.Config{
			Shape: p.shape, Part: part, Wait: time.Second, Ready: ready, Set: set,
		}),
		Up: func() bool { return true }, Gone: func() bool { return false },
	})
}

// full sends the window with all the steps of a scan, from one sender for each port.
func (p *pipeline) full(ports []sender.Port) (measure, error) {
	p.open(len(ports))
	bucket := ratelimit.NewShared(ratelimit.Config{}, p.clock.Now())
	return together(ports, func(i int, port sender.Port) (uint64, error) {
		s := p.sender(schedule.Part{Index: i, Count: len(ports)}, port, bucket.Share())
		err := s.Run(context.Background(), context.Background(), ratelimit.NewSleeper(p.clock, 0))
		return s.Stats.Sent.Load(), err
	})
}

// together calls send for each port at the same time, each on its own thread. It returns the cost
// of the packets that they report as sent.
func together(ports []sender.Port, send func(i int, port sender.Port) (sent uint64, err error)) (sum measure, err error) {
	var all sync.WaitGroup
	results, errs := make([]measure, len(ports)), make([]error, len(ports))
	began := time.Now()
	for i, port := range ports {
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			before := threadTime()
			results[i].packets, errs[i] = send(i, port)
			results[i].cpu = threadTime() - before
		})
	}
	all.Wait()
	for i := range results {
		sum.packets += results[i].packets
		sum.cpu += results[i].cpu
	}
	sum.took = time.Since(began)
	return sum, errors.Join(errs...)
}

// threadTime returns the processor time of this thread, to the nanosecond: user, system, and the
// kernel's work for packets received meanwhile.
func threadTime() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
