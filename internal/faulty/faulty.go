// Package faulty is for tests alone: a link that answers nothing, and fails on demand. The
// test chooses the part and the moment, on the virtual clock of a synctest bubble.
package faulty

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/session"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/receiver"
	"github.com/masstrace/masstrace/sender"
)

// Part is a part of a link that can break.
type Part string

// The parts. Any other name breaks nothing; Due reports it.
const (
	Port    Part = "port"    // refuses frames, as a firewall does
	Source  Part = "source"  // of frames: reading fails
	Monitor Part = "monitor" // of the link
	Sink    Part = "sink"    // of records
)

// ErrBroken is the error of the part that breaks.
var ErrBroken = errors.New("broken on purpose")

// Link is the link. Its methods may be called from any goroutine.
type Link struct {
	Breaks Part
	After  int64 // probes sent

	sent atomic.Int64
	once sync.Once
	at   atomic.Int64 // when it broke, ns since the Unix epoch
}

// Due reports whether a part is to break now.
func (l *Link) Due(part Part) bool {
	if part != l.Breaks || l.sent.Load() < l.After {
		return false
	}
	l.once.Do(func() { l.at.Store(time.Now().UnixNano()) })
	return true
}

// Since returns for how long the link is broken; ok is false if it is not.
func (l *Link) Since() (d time.Duration, ok bool) {
	at := l.at.Load()
	return time.Duration(time.Now().UnixNano() - at), at != 0
}

// Source4 is the address of the probes.
var Source4 = netip.MustParseAddr("192.0.2.1")

// Session returns a session on the link. c may be nil.
func (l *Link) Session(c *codec.Codec) *session.Session {
	return &session.Session{
		Paths: &session.Paths{Source4: Source4}, Codec: c, Monitor: monitor{l},
		Ports: []sender.Port{&port{Link: l}}, Live: live{l}, IO: "packet",
	}
}

// LinkType is the type of frames of the link, as pcap numbers it: raw IP.
const LinkType = 101

// port takes frames to nowhere.
type port struct {
	*Link
	packets [sender.MaxBatch][codec.MaxSize]byte
}

func (p *port) Packet(i int, _ bool) []byte { return p.packets[i][:] }

func (p *port) Send(_ []int, from, to int) (int, error) {
	if p.Due(Port) {
		return 0, errors.Join(ErrBroken, unix.EPERM)
	}
	p.sent.Add(int64(to - from))
	return to - from, nil
}

func (p *port) Close() error { return nil }

// live is a source without frames.
type live struct{ *Link }

func (l live) Next() ([]byte, int64, error) {
	time.Sleep(5 * time.Millisecond)
	if l.Due(Source) {
		return nil, 0, ErrBroken
	}
	return nil, 0, receiver.ErrIdle
}

func (live) LinkType() int                  { return LinkType }
func (live) Drops() (uint64, uint64, error) { return 0, 0, nil }
func (live) Close()                         {}

// monitor is of a link that is always up.
type monitor struct{ *Link }

func (monitor) State() link.State                { return link.Up }
func (monitor) Counters() (link.Counters, error) { return link.Counters{}, nil }
func (monitor) Close()                           {}

func (monitor) Way(int) (link.State, net.HardwareAddr) { return link.Up, nil }

func (m monitor) Run(ctx context.Context, look func() time.Time) error {
	look()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Millisecond):
			if m.Due(Monitor) {
				return ErrBroken
			}
		}
	}
}

// Writer returns an output that passes on to w until the sink breaks.
func (l *Link) Writer(w io.Writer) io.Writer { return sink{l, w} }

type sink struct {
	*Link
	w io.Writer
}

func (s sink) Write(b []byte) (int, error) {
	if s.Due(Sink) {
		return 0, ErrBroken
	}
	return s.w.Write(b)
}

// Sleeper sleeps on the clock of the bubble.
type Sleeper struct{ Clock *ratelimit.Clock }

// Until implements sender.Sleeper.
func (s Sleeper) Until(ctx context.Context, at int64) error {
	select {
	case <-time.After(time.Duration(at - s.Clock.Now())):
	case <-ctx.Done():
	}
	return ctx.Err()
}
