package bench

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/codec"
	"github.com/masstrace/masstrace/permute"
	"github.com/masstrace/masstrace/probe"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/schedule"
	"github.com/masstrace/masstrace/sender"
	"github.com/masstrace/masstrace/target"
	"github.com/masstrace/masstrace/window"
)

// nowhere is a port that takes everything, and counts it as a benchmark's loop.
type nowhere struct {
	*testing.B
	stop    context.CancelFunc
	packets [sender.MaxBatch][codec.MaxSize]byte
}

func (n *nowhere) Packet(i int, _ bool) []byte { return n.packets[i][:] }

func (n *nowhere) Send(sizes []int, from, to int) (int, error) {
	for range to - from {
		if !n.Loop() {
			n.stop()
			break
		}
	}
	return to - from, nil
}

func (n *nowhere) Close() error { return nil }

// unchanging is a list that nothing is excluded from later.
type unchanging struct{ *target.List }

func (unchanging) Change() uint64 { return 0 }

// BenchmarkPipeline is what a probe costs from the order of a window to the
// system call: schedule, last check, flow values and tags, stamps, pacing,
// everything but opening the window. An operation is a probe; what counts is
// cpu-ns/op, the processor time of the sender's thread.
func BenchmarkPipeline(b *testing.B) {
	for _, kpps := range []int{10, 100, 1000} { // windows of ten seconds
		for _, method := range []probe.Method{probe.UDP, probe.ICMP, probe.TCPSYN} {
			if kpps != 100 && method != probe.UDP {
				continue
			}
			b.Run(fmt.Sprintf("%v/%dk_pps", method, kpps), func(b *testing.B) {
				benchmarkPipeline(b, method, kpps*1000*10/32)
			})
		}
	}
}

func benchmarkPipeline(b *testing.B, method probe.Method, targets int) {
	c, err := codec.New(codec.Config{
		Method: method, Source4: netip.MustParseAddr("45.1.2.3"), DstPort: 33434,
		Flows: 1, MinTTL: 1, MaxTTL: 32, Attempts: 1,
	})
	if err != nil {
		b.Fatal(err)
	}
	lines, err := target.ParseArgs([]string{"0.0.0.0/0"}, strings.NewReader(""))
	if err != nil {
		b.Fatal(err)
	}
	list, err := target.NewList(target.Config{
		Include: lines, Exclude: target.ReservedSet(), Seed: permute.Key{1}, PerPrefix: 1, Granularity4: 24, Granularity6: 48,
	})
	if err != nil {
		b.Fatal(err)
	}
	order, err := list.Order(target.OrderConfig{})
	if err != nil {
		b.Fatal(err)
	}
	clock, err := ratelimit.NewClock()
	if err != nil {
		b.Fatal(err)
	}
	shape := window.Shape{Targets: targets, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1}
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	port := &nowhere{B: b, stop: stop}
	w := window.New(shape)
	addrs := make([]probe.Addr, targets)
	for i := range addrs {
		addrs[i] = order.At(uint64(i))
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	took := int64(0)
	b.ReportAllocs()
	for ctx.Err() == nil { // the same window again and again
		w.Reset()
		w.Open(0)
		for _, a := range addrs {
			w.Append(a)
		}
		ready, set := make(chan *window.Window, 1), window.NewSet(shape)
		set.SetMatched(math.MaxInt64)
		ready <- w
		close(ready)
		s := sender.New(sender.Config{
			Codec: c, Port: port, Allowed: unchanging{list}, Shape: shape, Clock: clock,
			Bucket: ratelimit.NewShared(ratelimit.Config{}, clock.Now()).Share(),
			Source: schedule.NewExhaustive(schedule.Config{Shape: shape, Wait: time.Second, Ready: ready, Set: set}),
			Up:     func() bool { return true }, Gone: func() bool { return false },
		})
		before := threadTime(b)
		if err := s.Run(ctx, ctx, ratelimit.NewSleeper(clock, 0)); err != nil {
			b.Fatal(err)
		}
		took += threadTime(b) - before
	}
	b.ReportMetric(float64(took)/float64(b.N), "cpu-ns/op")
}

// threadTime returns the processor time of this thread, which others on the
// machine do not add to.
func threadTime(b *testing.B) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
