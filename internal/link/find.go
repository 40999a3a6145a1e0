package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Request is the user's specification. Find fills in the zero fields.
type Request struct {
	Destination netip.Addr // required; decides the family
	Interface   string     // name of the link
	Source      netip.Addr // of the destination's family; need not be ours

	// GatewayMAC is the next hop's Ethernet address, 6 octets. With both GatewayMAC and
	// Interface, no route is needed.
	GatewayMAC net.HardwareAddr

	neighbourWait time.Duration // 0 = neighbourWait
}

// Find returns the path to r.Destination. It reads the kernel's tables. If they do not contain the
// next hop's Ethernet address, it makes the kernel resolve it. That causes the only packets that
// Find sends, and takes up to 3 s if the next hop does not answer.
//
// Its errors wrap one of this package's, a netlink error, or ctx's.
func Find(ctx context.Context, r Request) (Path, error) {
	if err := r.normalise(); err != nil {
		return Path{}, err
	}
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return Path{}, fmt.Errorf("open netlink: %w", err)
	}
	defer h.Close()
	f := finder{Request: r, kernel: h}
	return f.find(ctx)
}

func (r *Request) normalise() error {
	r.Destination, r.Source = r.Destination.Unmap(), r.Source.Unmap().WithZone("")
	switch {
	case !r.Destination.IsValid():
		return errors.New("find path: no destination")
	case r.Source.IsValid() && r.Source.Is4() != r.Destination.Is4():
		return fmt.Errorf("find path: source %v and destination %v are of different families", r.Source, r.Destination)
	case r.GatewayMAC != nil && len(r.GatewayMAC) != lenHardware:
		return fmt.Errorf("find path: gateway address %v is not 6 octets", r.GatewayMAC)
	}
	if r.Interface == "" {
		r.Interface = r.Destination.Zone()
	}
	r.Destination = r.Destination.WithZone("")
	if r.neighbourWait == 0 {
		r.neighbourWait = neighbourWait
	}
	return nil
}

const lenHardware = 6

type finder struct {
	Request
	kernel  *netlink.Handle
	foreign bool // Source is given and is not ours
}

func (f *finder) find(ctx context.Context) (Path, error) {
	if err := f.judgeSource(); err != nil {
		return Path{}, err
	}
	l, route, err := f.leave()
	if err != nil {
		return Path{}, err
	}
	p := Path{Name: l.Name, Index: l.Index, MTU: l.MTU, ForeignSource: f.foreign}
	if p.Framing, err = framing(l); err != nil {
		return Path{}, err
	}
	if p.Source, err = f.source(l, route); err != nil {
		return Path{}, err
	}
	p.Gateway = gatewayOf(route)
	if p.Framing == IP {
		return p, nil
	}
	p.Hardware = l.HardwareAddr
	if l.RawFlags&unix.IFF_LOOPBACK != 0 {
		p.Hardware = make(net.HardwareAddr, lenHardware) // netlink returns nil for zeros
	}
	if len(p.Hardware) != lenHardware {
		return Path{}, fmt.Errorf("%w: %s has a hardware address of %d octets", ErrFraming, l.Name, len(l.HardwareAddr))
	}
	p.NextHop, err = f.nextHop(ctx, l, p.Gateway)
	return p, err
}

// judgeSource finds out whether the given source is ours. That matters because a route look-up
// for a foreign source fails in the same way as a blackhole route does.
func (f *finder) judgeSource() error {
	if !f.Source.IsValid() {
		return nil
	}
	ours, err := hasAddr(f.kernel, f.Source)
	f.foreign = !ours
	return err
}

func hasAddr(h *netlink.Handle, a netip.Addr) (bool, error) {
	all, err := complete(func() ([]netlink.Addr, error) { return h.AddrList(nil, family(a)) })
	if err != nil {
		return false, fmt.Errorf("list addresses: %w", err)
	}
	for _, have := range all {
		if addrOf(have.IP, 0).WithZone("") == a {
			return true, nil
		}
	}
	return false, nil
}

// leave returns the link by which packets to the destination leave, and the route. The link is up.
// The route is empty if the named link needs none.
func (f *finder) leave() (*netlink.LinkAttrs, netlink.Route, error) {
	none := netlink.Route{}
	if f.Interface == "" {
		route, err := f.route(0)
		if err != nil {
			return nil, none, err
		}
		l, err := f.link(func() (netlink.Link, error) { return f.kernel.LinkByIndex(route.LinkIndex) })
		return l, route, err
	}
	l, err := f.link(func() (netlink.Link, error) { return f.kernel.LinkByName(f.Interface) })
	if err != nil {
		return nil, none, err
	}
	route, err := f.route(l.Index)
	switch {
	case errors.Is(err, ErrNoRoute) && f.needsNoRoute(l):
		return l, none, nil
	case err != nil:
		return nil, none, err
	case route.LinkIndex != l.Index: // the destination is our own: by loopback
		l, err = f.link(func() (netlink.Link, error) { return f.kernel.LinkByIndex(route.LinkIndex) })
	}
	return l, route, err
}

// needsNoRoute reports whether everything that a route would provide is known.
func (f *finder) needsNoRoute(l *netlink.LinkAttrs) bool {
	kind, err := framing(l)
	return err != nil || kind == IP || f.GatewayMAC != nil // find reports the framing error
}

func (f *finder) link(get func() (netlink.Link, error)) (*netlink.LinkAttrs, error) {
	l, err := get()
	var missing netlink.LinkNotFoundError
	switch {
	case errors.As(err, &missing):
		return nil, fmt.Errorf("%w: %q", ErrNoInterface, f.Interface)
	case err != nil:
		return nil, fmt.Errorf("look up link: %w", err)
	}
	attrs := l.Attrs()
	if why := linkDown(attrs); why != "" {
		return nil, fmt.Errorf("%w: %s: %s", ErrLinkDown, attrs.Name, why)
	}
	return attrs, nil
}
