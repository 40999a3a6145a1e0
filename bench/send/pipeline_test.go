package main

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/sender"
)

// nowhere is a port that accepts every frame, and counts each as an iteration of a benchmark.
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

// BenchmarkPipeline measures the cost of a probe from the order of a window to the system call.
// That includes the schedule, the last check, flow values and tags, stamps and pacing. It
// excludes only opening the window. An operation is a probe. The result to compare is cpu-ns/op,
// the processor time of the sender's thread.
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
	p, err := newPipeline(method, targets)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	port := &nowhere{B: b, stop: stop}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	took := time.Duration(0)
	b.ReportAllocs()
	for ctx.Err() == nil { // the same window is repeated
		p.open(1)
		s := p.sender(schedule.Part{}, port, ratelimit.NewShared(ratelimit.Config{}, 0).Share())
		before := threadTime()
		if err := s.Run(ctx, ctx, ratelimit.NewSleeper(p.clock, 0)); err != nil {
			b.Fatal(err)
		}
		took += threadTime() - before
	}
	b.ReportMetric(float64(took)/float64(b.N), "cpu-ns/op")
}
