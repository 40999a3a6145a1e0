package link

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// State is whether packets can be sent on a link.
type State uint32

// The states. If several apply, the highest is reported. Gone is final: a new link with the same
// name is another link.
const (
	Up        State = iota
	NoAddress       // up, but a source address is no longer assigned
	Down            // set down, or without carrier
	Gone            // deleted, or moved to another network namespace
)

// String returns a readable name of the state.
func (s State) String() string {
	switch s {
	case Up:
		return "up"
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

// Monitor watches one link. It belongs to the network namespace of the thread that opened it. Its
// methods may be called from any thread, concurrently except for Close.
type Monitor struct {
	index   int
	sources []netip.Addr // the source addresses that are watched
	kernel  *netlink.Handle
	changes *changes
	state   atomic.Uint32
}

// OpenMonitor returns a Monitor of the link that all paths share, and of their sources. Its State
// is already valid. Run keeps it up to date.
func OpenMonitor(p Path, others ...Path) (*Monitor, error) {
	c, err := subscribe(unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR)
	if err != nil {
		return nil, err
	}
	m := &Monitor{index: p.Index, changes: c}
	for _, p := range append([]Path{p}, others...) {
		if !p.ForeignSource && p.Source.IsValid() {
			m.sources = append(m.sources, p.Source)
		}
	}
	if m.kernel, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		c.close()
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	s, err := m.look()
	if err != nil {
		m.Close()
		return nil, err
	}
	m.state.Store(uint32(s))
	return m, nil
}

// Close releases the resources of the Monitor. Run must have returned.
func (m *Monitor) Close() {
	m.changes.close()
	m.kernel.Close()
}

// State returns the link's state, at the cost of an atomic load.
func (m *Monitor) State() State { return State(m.state.Load()) }

// Run keeps State up to date. It returns nil when ctx ends or the link is gone, and an error if
// netlink fails. If changed is not nil, Run calls it with each new state, after State returns that
// state.
func (m *Monitor) Run(ctx context.Context, changed func(State)) error {
	defer m.changes.endWith(ctx)()
	for {
		// Read first, then wait: a change since OpenMonitor counts too.
		s, err := m.look()
		if err != nil {
			return err
		}
		if State(m.state.Swap(uint32(s))) != s && changed != nil {
			changed(s)
		}
		if s == Gone {
			return nil
		}
		err = m.changes.wait(ctx, time.Time{})
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// look reads the state from the kernel.
func (m *Monitor) look() (State, error) {
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
	for _, source := range m.sources {
		ours, err := hasAddr(m.kernel, source)
		if err != nil {
			return 0, err
		}
		if !ours {
			return NoAddress, nil
		}
	}
	return Up, nil
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
