// Package session holds the open resources of a run: the way out, and the means to build,
// send and capture packets. It finds the way (Paths), opens it (Open), and keeps the time
// line of the run (Timeline).
package session

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/receiver"
	"github.com/masstrace/masstrace/sender"
)

// Config is the requested way to send and capture packets.
type Config struct {
	Interface     string
	Sources       []netip.Addr // at most one of each family; others are found out
	GatewayMAC    net.HardwareAddr
	IO            IO   // PacketIO if empty
	Queue         bool // send through the queueing discipline
	Senders       int  // ports, 1 if 0
	ReceiveBuffer int  // bytes for replies that wait to be read; 0 is the default
	Immediate     bool // hand each frame over as it comes
	// Pause is how long frames may wait meanwhile: see receiver.LiveConfig.
	Pause time.Duration
	// Target is the only target whose answers are captured; the zero Addr is for all.
	Target probe.Addr

	// LinkWait is how long a run waits for its link to come back before it ends; 0 is five
	// minutes.
	LinkWait time.Duration
}

// IO is a way of sending frames.
type IO string

// The ways of sending.
const (
	PacketIO IO = "packet" // AF_PACKET
	XDPIO    IO = "xdp"    // AF_XDP
)

// Live is a source of captured frames.
type Live interface {
	receiver.Source
	receiver.Drops
	Close()
}

// Monitor watches the link.
type Monitor interface {
	State() link.State                        // of the link
	Way(i int) (link.State, net.HardwareAddr) // of the i-th way, with its next hop
	Counters() (link.Counters, error)
	// Run calls look at first, after each change, and at the time that look returned, until
	// ctx ends or the link is gone. The zero time is never.
	Run(ctx context.Context, look func() (next time.Time)) error
	Close()
}

// Session holds all open resources. Its public fields do not change while the run goes on. Up, Gone
// and Lost may be called from any goroutine.
type Session struct {
	Paths    *Paths
	Avoid    []uint16     // ports in use when it was opened
	Codec    *codec.Codec // nil of a list of probes
	Monitor  Monitor
	Counters link.Counters // of the link, before the run
	Ports    []sender.Port // one for each sender
	IO       string        // how they send, for the run record
	Live     Live

	down, gone atomic.Bool
	lost       atomic.Uint32 // families that are lost: bits by the index of their way
	wait       time.Duration // for the link; 0 is the default
}

// Open opens everything along paths, the capture first, so that no reply can come before
// it listens. Source addresses, and the ports to avoid if cfg has none, are filled in.
func Open(paths *Paths, cfg codec.Config, c Config) (s *Session, err error) {
	s = &Session{Paths: paths}
	if err := s.openCodec(cfg); err != nil {
		return nil, err
	}
	filter := s.Codec.Filter()
	if !c.Target.IsZero() {
		filter = s.Codec.FilterTo(c.Target)
	}
	if err := s.openLink(filter, c); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// OpenListed is Open for a list of probes, whose codec has that filter.
func OpenListed(paths *Paths, filter string, c Config) (*Session, error) {
	s := &Session{Paths: paths}
	if err := s.openLink(filter, c); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// openLink opens all but the codec.
func (s *Session) openLink(filter string, c Config) error {
	monitor, err := link.OpenMonitor(s.Paths.ways...)
	if err != nil {
		return err
	}
	s.Monitor, s.wait = monitor, c.LinkWait
	if s.Counters, err = monitor.Counters(); err != nil {
		return err
	}
	live, err := receiver.OpenLive(receiver.LiveConfig{
		Interface: s.Paths.Name, Filter: filter, RingOctets: c.ReceiveBuffer, Immediate: c.Immediate, Pause: c.Pause,
	})
	if err != nil {
		return err
	}
	s.Live = live
	return s.openPorts(c)
}

// openCodec makes the codec for the source addresses that were found, and checks that
// its probes fit through the link.
func (s *Session) openCodec(cfg codec.Config) (err error) {
	if s.Avoid = cfg.Avoid; s.Avoid == nil {
		if s.Avoid, err = link.PortsInUse(); err != nil {
			return err
		}
	}
	cfg.Source4, cfg.Source6, cfg.Avoid = s.Paths.Source4, s.Paths.Source6, s.Avoid
	if s.Codec, err = codec.New(cfg); err != nil {
		return &plan.ConfigError{Err: err}
	}
	for _, is4 := range []bool{true, false} {
		if !s.Codec.Source(is4).IsZero() {
			if err := s.Paths.checkMTU(is4, s.Codec.Size(is4)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close closes all resources. A nil session has nothing open.
func (s *Session) Close() {
	if s == nil {
		return
	}
	for _, port := range s.Ports {
		_ = port.Close()
	}
	if s.Live != nil {
		s.Live.Close()
	}
	if s.Monitor != nil {
		s.Monitor.Close()
	}
}
