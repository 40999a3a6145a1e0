package list

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/run"
)

// DryRun reads the whole list, and returns the plan of Run with its first probes. It sends
// nothing and needs no privilege.
func DryRun(ctx context.Context, c Config) (*plan.Preview, error) {
	l, err := newList(&c)
	if err != nil {
		return nil, err
	}
	defer l.in.close()
	defer func() { l.strays.Close() }()
	v := &plan.Preview{List: l.in.name}
	blind := c.Link
	blind.GatewayMAC = make(net.HardwareAddr, 6) // any: it is not looked for
	if paths, err := l.findPaths(ctx, blind); err == nil {
		v.Source4, v.Source6, v.Link = paths.Source4, paths.Source6, paths.Name
	} else {
		v.SourceErr = err
	}
	if err := l.makeCodec(); err != nil {
		return nil, err
	}
	if err := l.readAll(ctx, v); err != nil {
		return nil, err
	}
	v.LeftOut, v.RatePPS, v.Burst = l.leftOut.excluded+l.leftOut.noRoute, l.params.RatePPS, l.params.Burst
	took := c.Wait.Seconds() + float64(v.Probes)/v.RatePPS
	v.Duration = time.Duration(min(took*float64(time.Second), math.MaxInt64/2))
	return v, nil
}

// readAll reads the list to its end: it counts the probes that would be sent, and keeps the
// first.
func (l *list) readAll(ctx context.Context, v *plan.Preview) (err error) {
	line := listed{Line: l.first}
	for err == nil && ctx.Err() == nil {
		if err := l.leave(&line.Line); err != nil {
			return &plan.ConfigError{Err: err}
		}
		if l.take(&line) {
			if v.Probes++; v.Probes <= plan.ShownProbes {
				packet := make([]byte, codec.MaxSize)
				packet = packet[:l.codec.Encode(packet, &line.Line, line.attempt)]
				v.First = append(v.First, plan.PreviewProbe{
					Target: line.Target, TTL: line.TTL, Method: line.Method, Packet: packet,
				})
			}
		}
		err = l.in.next(&line.Line)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err == nil && ctx.Err() != nil {
		err = &run.Incomplete{Err: run.ErrInterrupted}
	}
	return err
}
