package scan

import (
	"context"
	"net"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/session"
	"github.com/masstrace/masstrace/internal/window"
)

// DryRun returns the plan of Run, with its first probes. It sends nothing, not even to find
// the next hop's link address, and needs no privilege.
func DryRun(ctx context.Context, c Config) (*plan.Preview, error) {
	s, err := newScan(ctx, &c)
	if err != nil {
		return nil, err
	}
	p := s.plan
	v := &plan.Preview{
		Targets: p.Order.Len(), Probes: p.Probes(), TTLs: p.Shape.TTLs(), Flows: p.Shape.RequestedFlows(), Attempts: p.Shape.Attempts,
		RatePPS: p.RatePPS, RateAuto: p.RateAuto, Burst: p.Burst, Duration: p.Duration(),
		Windows: p.Windows, WindowTargets: p.Shape.Targets, MemoryBytes: p.Memory(), ListBytes: p.List.Octets(), Method: p.Method, Seed: p.Seed,
		Strategy: p.Strategy.Strategy, Removed: p.LeftOut(),
	}
	v.OutputBytes, v.PackedBytes = p.OutputSize()
	blind := c.Link
	blind.GatewayMAC = make(net.HardwareAddr, 6) // any: it is not looked for
	if paths, err := session.Find(ctx, p, blind, c.Warn); err == nil {
		p.Source4, p.Source6 = paths.Source4, paths.Source6
		v.Source4, v.Source6, v.Link = paths.Source4, paths.Source6, paths.Name
	} else {
		v.SourceErr = err
	}
	built, err := codec.New(p.CodecConfig())
	if err != nil {
		return nil, &plan.ConfigError{Err: err}
	}
	for _, item := range s.firstProbes() {
		target := item.Window.Target(int(item.Target))
		var prepared codec.Prepared
		built.Prepare(&prepared, target, item.Flow)
		packet := make([]byte, codec.MaxSize)
		packet = packet[:built.Encode(packet, &prepared, item.TTL, 0)]
		v.First = append(v.First, plan.PreviewProbe{
			Target: target, Flow: item.Flow, TTL: item.TTL, Method: p.ProbeMethod, Packet: packet,
		})
	}
	return v, nil
}

// firstProbes asks the schedule for the first probes of the first window.
func (s *scan) firstProbes() []window.Item {
	shape, order := s.plan.Shape, s.plan.Order
	set, ready := window.NewSet(shape), make(chan *window.Window, 1)
	s.plan.OpenWindow(set, window.New(shape), 0)
	ready <- set.Get(0)
	items := make([]window.Item, min(order.Len()*s.plan.ProbesPerTarget(), plan.ShownProbes))
	n, _ := s.plan.Schedules()(schedule.Config{
		Shape: shape, Wait: s.cfg.Wait, Seed: s.plan.Seed128, Ready: ready, Set: set,
	}).Next(items, s.plan.StartNS)
	return items[:n]
}
