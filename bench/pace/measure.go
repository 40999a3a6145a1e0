package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/sender"
)

// load is the work of a second goroutine.
type load string

const (
	nothing load = "nothing"
	garbage load = "garbage"
)

// paced is the result of a measurement.
type paced struct {
	pps   float64
	late  []float64 // delay of each packet, ns
	batch float64   // mean packets per system call
	cpu   float64   // share of a processor
}

// newSink moves the thread into a new network namespace without other links, and makes a link that
// frees every frame.
func newSink() (index int, err error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return 0, fmt.Errorf("make a network namespace, which needs root: %w", err)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "ifb0"
	if err := netlink.LinkAdd(&netlink.Ifb{LinkAttrs: attrs}); err != nil {
		return 0, fmt.Errorf("add ifb0: %w", err)
	}
	link, err := netlink.LinkByName(attrs.Name)
	if err == nil {
		err = netlink.LinkSetUp(link)
	}
	if err != nil {
		return 0, fmt.Errorf("set up ifb0: %w", err)
	}
	return link.Attrs().Index, nil
}

// measure sends at a rate with the sender's own bucket, sleeper and port.
func measure(index int, pps float64, length time.Duration, beside load) (*paced, error) {
	clock, err := ratelimit.NewClock()
	if err != nil {
		return nil, err
	}
	port, err := sender.OpenPacket(sender.PacketConfig{Index: index, Ethernet: true})
	if err != nil {
		return nil, err
	}
	defer port.Close()
	sizes := make([]int, sender.MaxBatch)
	for i := range sizes {
		packet := port.Packet(i, true)
		clear(packet[:codec.MaxSize])
		packet[0], sizes[i] = 4<<4|5, 44
	}
	stop := make(chan struct{})
	defer close(stop)
	if beside == garbage {
		go litter(stop)
	}
	late := make([]float64, 0, int(pps*length.Seconds()*1.1)+64)
	sleeper := ratelimit.NewSleeper(clock, ratelimit.SpinFor(pps, runtime.NumCPU()))
	cpu, start := threadTime(), clock.Now()
	bucket := ratelimit.NewShared(ratelimit.Config{RatePPS: pps}, start).Share()
	calls, last, lost, interval := 0, start, 0.0, 1e9/pps
	for end := start + int64(length); ; {
		now := clock.Now()
		if now >= end {
			break
		}
		n, next := bucket.Take(now, sender.MaxBatch)
		if n > 0 {
			k, err := port.Send(sizes, 0, n)
			if err != nil {
				return nil, fmt.Errorf("send: %w", err)
			}
			bucket.Return(n - k)
			due := float64(start) + lost
			for range k { // packet i is due i intervals after the first
				late = append(late, max(float64(now)-due-float64(len(late))*interval, 0))
			}
			if n < sender.MaxBatch { // the rest is lost, which shows in the rate
				lost += max(float64(now)-due-float64(len(late))*interval, 0)
			}
			calls, last = calls+1, now
		}
		if err := sleeper.Until(context.Background(), min(next, end)); err != nil {
			return nil, err
		}
	}
	p := &paced{late: late, cpu: float64(threadTime()-cpu) / float64(clock.Now()-start)}
	if calls > 0 {
		p.batch = float64(len(late)) / float64(calls)
	}
	if last > start { // intervals between the first and the last packet
		p.pps = float64(len(late)-1) / (float64(last-start) / 1e9)
	}
	return p, nil
}

// litter allocates until stop is closed, so that the garbage collector has work.
func litter(stop <-chan struct{}) {
	const octets = 1 << 16
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	kept := make([][]byte, 64)
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		for range 3 {
			kept[i%len(kept)] = make([]byte, octets)
		}
	}
}

func threadTime() int64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) != nil {
		return 0
	}
	return ts.Nano()
}
