package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"text/tabwriter"
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/internal/wire"
)

// shownProbes is how many probes a dry run prints.
const shownProbes = 8

// DryRun writes to stdout what Scan would do, and the header fields of the first
// probes. It sends nothing, not even to find the next hop's link address, and
// needs no privilege.
func DryRun(ctx context.Context, c Config) error {
	if c.Probes != "" {
		return dryRunLines(ctx, c)
	}
	s, err := newScan(&c)
	if err != nil {
		return err
	}
	p, cfg := s.plan, s.plan.codecConfig(&c)
	source := drySource(&c, func(c *Config) (*paths, error) {
		var err error
		s.paths, err = findPaths(ctx, c, p)
		return s.paths, err
	})
	if s.paths != nil {
		cfg.Source4, cfg.Source6 = s.paths.source4, s.paths.source6
	}
	if s.codec, err = codec.New(cfg); err != nil {
		return &Error{Usage, err}
	}
	t := tabwriter.NewWriter(c.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "targets\t%d\n", p.order.Len())
	fmt.Fprintf(t, "probes\t%d\t%d TTLs × %d flow(s), first attempt of %d\n", p.probes(), p.shape.TTLs(), c.Flows, c.Attempts)
	if c.AutoRate {
		fmt.Fprintf(t, "rate\tauto\t%.6g pps at most\n", p.ratePPS)
		fmt.Fprintf(t, "duration\tnot known\t%v at that rate\n", p.duration(&c).Round(100*time.Millisecond))
	} else {
		dryRate(t, p.ratePPS, p.burst, p.duration(&c))
	}
	fmt.Fprintf(t, "windows\t%d\tof %d targets\n", p.windows, p.shape.Targets)
	fmt.Fprintf(t, "memory\t%.1f MiB\tat most, for windows\n", float64(p.memory(&c))/(1<<20))
	fmt.Fprintf(t, "method\t%s\n", c.Method)
	fmt.Fprintf(t, "source\t%s\n", source)
	fmt.Fprintf(t, "seed\t%s\n", c.Seed)
	if err := t.Flush(); err != nil {
		return environment(err)
	}
	return s.showProbes(c.Stdout)
}

// dryRate says how fast probes leave, and how long that takes, which nobody knows
// if the rate is 0.
func dryRate(t io.Writer, ratePPS float64, burst int, took time.Duration) {
	if ratePPS == 0 {
		fmt.Fprint(t, "rate\tunlimited\nduration\tnot known\tas fast as the link takes them\n")
		return
	}
	fmt.Fprintf(t, "rate\t%.6g pps\tin bursts of up to %d\n", ratePPS, burst)
	fmt.Fprintf(t, "duration\t%v\tat most\n", took.Round(100*time.Millisecond))
}

// drySource finds the source addresses by the routes alone, and says them in
// words. A machine without a route can still plan.
func drySource(c *Config, find func(*Config) (*paths, error)) string {
	blind := *c
	blind.GatewayMAC = make(net.HardwareAddr, 6) // any: it is not looked for
	found, err := find(&blind)
	if err != nil {
		return fmt.Sprintf("not known: %v", err)
	}
	words := ""
	if found.source4.IsValid() {
		words += found.source4.String() + " "
	}
	if found.source6.IsValid() {
		words += found.source6.String() + " "
	}
	return words + "by " + found.Name
}

// showProbes prints the first probes, in the order in which they would leave.
func (s *scan) showProbes(out io.Writer) error {
	items := s.firstProbes()
	t := newProbeTable(out)
	buf := make([]byte, codec.MaxSize)
	for _, item := range items {
		target, flow, ttl := item.Window.Target(int(item.Target)), item.Flow, item.TTL
		var p codec.Prepared
		s.codec.Prepare(&p, target, flow)
		size := s.codec.Encode(buf, &p, ttl, 0)
		t.row(target, ttl, flow, s.cfg.Method, buf, size)
	}
	return t.Flush()
}

// firstProbes asks the schedule for the first probes of the first window.
func (s *scan) firstProbes() []window.Item {
	shape, order := s.plan.shape, s.plan.order
	set, ready := window.NewSet(shape), make(chan *window.Window, 1)
	(&opener{order: order, shape: shape, set: set}).open(window.New(shape), 0)
	ready <- set.Get(0)
	items := make([]window.Item, min(order.Len()*s.plan.probesPerTarget(), shownProbes))
	n, _ := s.plan.schedules()(schedule.Config{
		Shape: shape, Wait: s.cfg.Wait, Seed: s.plan.seed, Ready: ready, Set: set,
	}).Next(items, s.start.UnixNano())
	return items[:n]
}

// probeTable prints header fields of probes.
type probeTable struct{ *tabwriter.Writer }

func newProbeTable(out io.Writer) probeTable {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\ntarget\tTTL\tflow\tid/label\tport/id\tdport/seq\tchecksum\tlength\t")
	return probeTable{t}
}

// row prints the probe in buf.
func (t probeTable) row(target probe.Addr, ttl uint8, flow uint16, method probe.Method, buf []byte, size int) {
	id, transport := uint32(binary.BigEndian.Uint16(buf[wire.V4ID:])), buf[wire.V4Len:]
	if !target.Is4() {
		id, transport = binary.BigEndian.Uint32(buf)&0xfffff, buf[wire.V6Len:]
	}
	port, dport, sum := transport[wire.UDPSrcPort:], transport[wire.UDPDstPort:], transport[wire.UDPChecksum:]
	switch method {
	case probe.TCPSYN, probe.TCPACK:
		sum = transport[wire.TCPChecksum:]
	case probe.ICMP:
		port, dport, sum = transport[wire.EchoID:], transport[wire.EchoSeq:], transport[wire.ICMPChecksum:]
	}
	fmt.Fprintf(t, "%s\t%d\t%d\t%#x\t%d\t%d\t%#04x\t%d\t\n", target, ttl, flow, id,
		binary.BigEndian.Uint16(port), binary.BigEndian.Uint16(dport), binary.BigEndian.Uint16(sum), size)
}
