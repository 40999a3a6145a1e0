package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// State is whether packets can be sent on a link, or along a way.
type State uint32

// The states. If several apply, the highest is reported. Gone is final: a new link with the same
// name is another link.
const (
	Up          State = iota
	NoNeighbour       // up, but the new next hop does not answer
	Apart             // up, but some targets leave by another route now
	NoRoute           // up, but the route to the targets is gone, or leaves by another link
	NoAddress         // up, but the source address is no longer assigned
	Down              // set down, or without carrier
	Gone              // deleted, or moved to another network namespace
)

// String returns a readable name of the state.
func (s State) String() string {
	switch s {
	case Up:
		return "up"
	case NoNeighbour:
		return "the new next hop does not answer"
	case Apart:
		return "some targets leave by another route now"
	case NoRoute:
		return "the route has changed"
	case NoAddress:
		return "source address removed"
	case Down:
		return "down"
	default:
		return "gone"
	}
}

// Counters are a link's counts since it was made.
type Counters struct {
	RxPackets, TxPackets uint64
	RxDropped, TxDropped uint64
	RxErrors, TxErrors   uint64
}

// Sub returns the counts since before.
func (c Counters) Sub(before Counters) Counters {
	return Counters{
		RxPackets: c.RxPackets - before.RxPackets, TxPackets: c.TxPackets - before.TxPackets,
		RxDropped: c.RxDropped - before.RxDropped, TxDropped: c.TxDropped - before.TxDropped,
		RxErrors: c.RxErrors - before.RxErrors, TxErrors: c.TxErrors - before.TxErrors,
	}
}

// Way is a way that a Monitor follows: what was requested, and the path that was found. Without a
// destination in the request, the route and the next hop are not followed.
type Way struct {
	Request Request
	Path    Path
	// Targets are all destinations, whose routes are followed too; nil for Request.Destination
	// alone.
	Targets *Targets
}

// Monitor watches one link, and the ways that use it. It belongs to the network namespace of the
// thread that opened it. Its methods may be called from any thread, concurrently except for Close.
type Monitor struct {
	index   int
	kernel  *netlink.Handle
	changes *changes
	link    atomic.Uint32
	ways    []*way
}

// way is a watched way.
type way struct {
	Way
	state   atomic.Uint32
	nextHop atomic.Pointer[net.HardwareAddr]
	asked   netip.Addr // the gateway that was solicited last

	apart     bool      // some targets left in another way when they were last compared
	waits     bool      // a change waits for the next comparison
	compareAt time.Time // the next comparison is not before
}

// OpenMonitor returns a Monitor of ways that share one link. Its State is already valid. Run keeps
// it up to date.
func OpenMonitor(ways ...Way) (*Monitor, error) {
	c, err := subscribe(unix.RTMGRP_LINK | unix.RTMGRP_NEIGH | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR |
		unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE)
	if err != nil {
		return nil, err
	}
	m := &Monitor{index: ways[0].Path.Index, changes: c}
	for _, w := range ways {
		one := &way{Way: w}
		one.nextHop.Store(&w.Path.NextHop)
		m.ways = append(m.ways, one)
	}
	if m.kernel, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		c.close()
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	if err := m.look(context.Background()); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// Close releases the resources of the Monitor. Run must have returned.
func (m *Monitor) Close() {
	m.changes.close()
	m.kernel.Close()
}

// State returns the link's state, at the cost of an atomic load.
func (m *Monitor) State() State { return State(m.link.Load()) }

// Way returns the state of the i-th way alone, and its next hop, nil if the link has no Ethernet
// addresses. While the link is down or gone, the state is that of the last look before.
func (m *Monitor) Way(i int) (State, net.HardwareAddr) {
	w := m.ways[i]
	return State(w.state.Load()), *w.nextHop.Load()
}

// Run keeps the states up to date. It returns nil when ctx ends or the link is gone, and an error
// if netlink fails. If changed is not nil, Run calls it after each look. It returns the time of the
// next call if nothing changes before, or the zero Time.
func (m *Monitor) Run(ctx context.Context, changed func() (next time.Time)) error {
	defer m.changes.endWith(ctx)()
	var next time.Time
	for {
		// Read first, then wait: a change since OpenMonitor counts too.
		if err := m.look(ctx); err != nil {
			return err
		}
		if changed != nil {
			next = changed()
		}
		next = m.soonest(next)
		if m.State() == Gone {
			return nil
		}
		err := m.changes.wait(ctx, next)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
}

// look reads the states from the kernel.
func (m *Monitor) look(ctx context.Context) error {
	state, err := m.lookAtLink()
	if err == nil && state == Up {
		for _, w := range m.ways {
			if err = m.follow(ctx, w); err != nil {
				break
			}
		}
	}
	m.link.Store(uint32(state))
	return err
}

func (m *Monitor) lookAtLink() (State, error) {
	l, err := m.kernel.LinkByIndex(m.index)
	var missing netlink.LinkNotFoundError
	switch {
	case errors.As(err, &missing):
		return Gone, nil
	case err != nil:
		return 0, fmt.Errorf("look up link: %w", err)
	case linkDown(l.Attrs()) != "":
		return Down, nil
	}
	return Up, nil
}

// follow reads the state of one way, and its next hop.
func (m *Monitor) follow(ctx context.Context, w *way) error {
	state, err := m.wayState(w)
	if err == nil && state == Up && w.Targets != nil {
		state, err = m.compare(ctx, w)
	}
	if err == nil {
		w.state.Store(uint32(state))
	}
	return err
}

// A comparison of all routes reads the whole table. There is one a second at most, and with a large
// table they take a twentieth of the time.
const (
	compareEvery = time.Second
	compareShare = 20
)

// compare returns whether some targets leave in another way. A change soon after a comparison is
// compared later, see soonest.
func (m *Monitor) compare(ctx context.Context, w *way) (State, error) {
	if begun := time.Now(); !begun.Before(w.compareAt) {
		others, err := w.others(ctx, m.kernel)
		if ctx.Err() != nil {
			return Up, nil
		}
		if err != nil {
			return 0, err
		}
		w.apart, w.waits = len(others) > 0, false
		w.compareAt = time.Now().Add(max(compareEvery, compareShare*time.Since(begun)))
	} else {
		w.waits = true
	}
	if w.apart {
		return Apart, nil
	}
	return Up, nil
}

// soonest returns the sooner of next and the next comparison. The zero Time is never.
func (m *Monitor) soonest(next time.Time) time.Time {
	for _, w := range m.ways {
		if w.waits && (next.IsZero() || w.compareAt.Before(next)) {
			next = w.compareAt
		}
	}
	return next
}

func (m *Monitor) wayState(w *way) (State, error) {
	if w.Path.Source.IsValid() && !w.Path.ForeignSource {
		ours, err := hasAddr(m.kernel, w.Path.Source)
		if err != nil {
			return 0, err
		}
		if !ours {
			return NoAddress, nil
		}
	}
	if !w.Request.Destination.IsValid() || w.Request.Interface != "" && w.Request.GatewayMAC != nil {
		return Up, nil
	}
	f := finder{Request: w.Request, kernel: m.kernel, foreign: w.Path.ForeignSource}
	if err := f.normalise(); err != nil {
		return 0, err
	}
	f.Source = w.Path.Source
	l, route, err := f.leave()
	switch {
	case isPathError(err), err == nil && l.Index != m.index:
		return NoRoute, nil
	case err != nil:
		return 0, err
	case w.Path.Framing == IP || w.Request.GatewayMAC != nil || l.RawFlags&(unix.IFF_LOOPBACK|unix.IFF_NOARP) != 0:
		return Up, nil
	}
	return m.followNextHop(w, &f, l, gatewayOf(route))
}

// followNextHop takes over the Ethernet address of the gateway. An address that the kernel forgot
// stays in use.
func (m *Monitor) followNextHop(w *way, f *finder, l *netlink.LinkAttrs, gateway netip.Addr) (State, error) {
	hop := gateway
	if !hop.IsValid() {
		hop = f.Destination
	}
	mac, err := f.neighbour(l, hop)
	switch {
	case err != nil:
		return 0, err
	case mac != nil:
		if !bytes.Equal(mac, *w.nextHop.Load()) {
			w.nextHop.Store(&mac)
		}
		w.Path.Gateway, w.asked = gateway, netip.Addr{}
	case gateway != w.Path.Gateway: // a change of the neighbour table follows
		if w.asked != hop && f.ask(l, hop) != nil { // asking is a change itself
			_ = knock(l, hop)
		}
		w.asked = hop
		return NoNeighbour, nil
	}
	return Up, nil
}

// isPathError reports whether err is one of Find's own errors: there is no way.
func isPathError(err error) bool {
	for _, e := range []error{ErrNoRoute, ErrNoInterface, ErrNoNeighbour, ErrLinkDown, ErrNoSource, ErrFraming} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Counters reads the link's counters. It fails with ErrNoInterface if the link is gone.
func (m *Monitor) Counters() (Counters, error) {
	l, err := m.kernel.LinkByIndex(m.index)
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		return Counters{}, fmt.Errorf("%w: index %d", ErrNoInterface, m.index)
	}
	if err != nil {
		return Counters{}, fmt.Errorf("look up link: %w", err)
	}
	s := l.Attrs().Statistics
	if s == nil {
		return Counters{}, fmt.Errorf("link %s has no counters", l.Attrs().Name)
	}
	return Counters{
		RxPackets: s.RxPackets, TxPackets: s.TxPackets,
		RxDropped: s.RxDropped, TxDropped: s.TxDropped,
		RxErrors: s.RxErrors, TxErrors: s.TxErrors,
	}, nil
}
