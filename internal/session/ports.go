package session

import (
	"fmt"

	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/sender"
)

// How AF_XDP sends, in the run record.
const (
	XDPCopy     = "xdp-copy"     // the kernel copies frames
	XDPZeroCopy = "xdp-zerocopy" // the driver reads frames itself
)

// openPorts opens a port for each sender, of the kind that goes with the paths.
func (s *Session) openPorts(c Config) error {
	open := s.openPacket
	switch {
	case c.IO == XDPIO:
		open = s.openXDP
	case s.Paths.toOurselves() && !s.Paths.Source6.IsValid():
		open = s.openLocal
	}
	for i := range max(c.Senders, 1) {
		port, err := open(c, i)
		if err != nil {
			return err
		}
		s.Ports = append(s.Ports, port)
	}
	return nil
}

func (s *Session) openLocal(Config, int) (sender.Port, error) {
	s.IO = "raw"
	return sender.OpenLocal()
}

func (s *Session) openPacket(c Config, _ int) (sender.Port, error) {
	s.IO = string(PacketIO)
	port := sender.PacketConfig{
		Index: s.Paths.Index, Ethernet: s.Paths.Framing == link.Ethernet, Queue: c.Queue,
		NextHop4: s.Paths.nextHop4, NextHop6: s.Paths.nextHop6,
	}
	copy(port.Source[:], s.Paths.Hardware)
	return sender.OpenPacket(port)
}

// openXDP opens the i-th port on the i-th queue of the link.
func (s *Session) openXDP(_ Config, i int) (sender.Port, error) {
	if s.Paths.Framing != link.Ethernet || s.Paths.toOurselves() {
		return nil, fmt.Errorf("%s is not an Ethernet link, which AF_XDP needs: send with packet sockets", s.Paths.Name)
	}
	port := sender.XDPConfig{
		Index: s.Paths.Index, Queue: uint32(i), NextHop4: s.Paths.nextHop4, NextHop6: s.Paths.nextHop6,
	}
	copy(port.Source[:], s.Paths.Hardware)
	x, err := sender.OpenXDP(port)
	if err != nil {
		return nil, fmt.Errorf("AF_XDP on %s: %w", s.Paths.Name, err)
	}
	s.IO = XDPCopy
	if x.ZeroCopy() {
		s.IO = XDPZeroCopy
	}
	return x, nil
}
