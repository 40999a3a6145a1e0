package engine

import (
	"fmt"

	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/sender"
)

// How AF_XDP sends, in the run record.
const (
	xdpCopy     = "xdp-copy"
	xdpZeroCopy = "xdp-zerocopy"
)

// portsConfig says how frames are to leave.
type portsConfig struct {
	io      IO
	queue   bool // through the queueing discipline
	senders int
}

// ports returns what c asks for.
func (c *Config) ports() portsConfig {
	return portsConfig{io: c.IO, queue: c.Queue, senders: c.Senders}
}

// openPorts opens a port for each sender, of the kind that goes with the paths.
func (s *session) openPorts(c portsConfig) error {
	open := s.openPacket
	switch {
	case c.io == XDPIO:
		open = s.openXDP
	case s.paths.toOurselves() && !s.paths.source6.IsValid():
		open = s.openLocal
	}
	for i := range max(c.senders, 1) {
		port, err := open(c, i)
		if err != nil {
			return err
		}
		s.ports = append(s.ports, port)
	}
	return nil
}

func (s *session) openLocal(portsConfig, int) (sender.Port, error) {
	s.io = "raw"
	return sender.OpenLocal()
}

func (s *session) openPacket(c portsConfig, _ int) (sender.Port, error) {
	s.io = string(PacketIO)
	port := sender.PacketConfig{
		Index: s.paths.Index, Ethernet: s.paths.Framing == link.Ethernet, Queue: c.queue,
		NextHop4: s.paths.nextHop4, NextHop6: s.paths.nextHop6,
	}
	copy(port.Source[:], s.paths.Hardware)
	return sender.OpenPacket(port)
}

// openXDP opens the i-th port on the i-th queue of the link.
func (s *session) openXDP(_ portsConfig, i int) (sender.Port, error) {
	if s.paths.Framing != link.Ethernet || s.paths.toOurselves() {
		return nil, environment(fmt.Errorf("--io xdp needs an Ethernet link, which %s is not: use --io packet", s.paths.Name))
	}
	port := sender.XDPConfig{
		Index: s.paths.Index, Queue: uint32(i), NextHop4: s.paths.nextHop4, NextHop6: s.paths.nextHop6,
	}
	copy(port.Source[:], s.paths.Hardware)
	x, err := sender.OpenXDP(port)
	if err != nil {
		return nil, environment(fmt.Errorf("--io xdp on %s: %w", s.paths.Name, err))
	}
	s.io = xdpCopy
	if x.ZeroCopy() {
		s.io = xdpZeroCopy
	}
	return x, nil
}
