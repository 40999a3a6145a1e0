package engine

import (
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/receiver"
	"github.com/masstrace/masstrace/sender"
)

// session is what a run holds open: the way out, and what builds, sends and
// captures on it.
type session struct {
	paths    *paths
	avoid    []uint16 // ports in use when it was opened
	codec    *codec.Codec
	monitor  *link.Monitor
	counters link.Counters // of the link, before the run
	ports    []sender.Port // one for each sender
	io       string        // how they send, for the run record
	live     *receiver.Live
}

// sessionConfig is what a session cannot find out. Source addresses, ports to
// avoid if there are none, and the link to capture on, are filled in.
type sessionConfig struct {
	codec   codec.Config
	capture receiver.LiveConfig
	ports   portsConfig
}

// open opens everything along s.paths, the receiver first, so that no reply can
// come before it listens. After an error, close closes what is open.
func (s *session) open(c sessionConfig) (err error) {
	if err := s.openCodec(c.codec); err != nil {
		return err
	}
	return s.openLink(s.codec.Filter(), c)
}

// openLink opens all but the codec.
func (s *session) openLink(filter string, c sessionConfig) (err error) {
	if s.monitor, err = link.OpenMonitor(s.paths.Path, s.paths.others...); err != nil {
		return err
	}
	if s.counters, err = s.monitor.Counters(); err != nil {
		return err
	}
	c.capture.Interface, c.capture.Filter = s.paths.Name, filter
	if s.live, err = receiver.OpenLive(c.capture); err != nil {
		return err
	}
	return s.openPorts(c.ports)
}

// openCodec makes the codec for the source addresses that were found, and
// checks that its probes fit through the link.
func (s *session) openCodec(cfg codec.Config) error {
	var err error
	if s.avoid = cfg.Avoid; s.avoid == nil {
		if s.avoid, err = link.PortsInUse(); err != nil {
			return err
		}
	}
	cfg.Source4, cfg.Source6, cfg.Avoid = s.paths.source4, s.paths.source6, s.avoid
	if s.codec, err = codec.New(cfg); err != nil {
		return &Error{Usage, err}
	}
	for _, is4 := range []bool{true, false} {
		if !s.codec.Source(is4).IsZero() {
			if err := s.paths.checkMTU(is4, s.codec.Size(is4)); err != nil {
				return err
			}
		}
	}
	return nil
}

// close closes what is open.
func (s *session) close() {
	for _, port := range s.ports {
		_ = port.Close()
	}
	if s.live != nil {
		s.live.Close()
	}
	if s.monitor != nil {
		s.monitor.Close()
	}
}
