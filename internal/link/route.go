package link

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// route looks up the route to the destination. If index is not 0, the route must use that link.
func (f *finder) route(index int) (netlink.Route, error) {
	opt := netlink.RouteGetOptions{OifIndex: index}
	if f.Source.IsValid() && !f.foreign {
		opt.SrcAddr = f.Source.AsSlice()
	}
	if index != 0 && f.Destination.Is4() {
		// With a link but no route, the kernel treats any IPv4 destination as directly on
		// the link. Only the routing table itself shows that there is no route.
		table := opt
		table.FIBMatch = true
		if _, err := f.lookUp(table); err != nil {
			return netlink.Route{}, err
		}
	}
	return f.lookUp(opt)
}

func (f *finder) lookUp(opt netlink.RouteGetOptions) (netlink.Route, error) {
	routes, err := f.kernel.RouteGetWithOptions(f.Destination.AsSlice(), &opt)
	if err != nil {
		return netlink.Route{}, f.noRoute(err)
	}
	if len(routes) == 0 {
		return netlink.Route{}, f.noRoute(unix.ENETUNREACH)
	}
	// For IPv6 the kernel returns some of these as routes, not as errors.
	why := ""
	switch routes[0].Type {
	case unix.RTN_PROHIBIT:
		why = "prohibited by a route"
	case unix.RTN_BLACKHOLE:
		why = "discarded by a blackhole route"
	case unix.RTN_UNREACHABLE, unix.RTN_THROW:
		why = "unreachable by a route"
	case unix.RTN_BROADCAST:
		why = "it is a broadcast address"
	case unix.RTN_MULTICAST:
		why = "it is a multicast address"
	default:
		return routes[0], nil
	}
	return netlink.Route{}, f.noRouteFor(why)
}

// noRoute describes the cause of a failed look-up. It does not wrap the errno: the EACCES of a
// prohibit route must not be mistaken for a missing permission.
func (f *finder) noRoute(err error) error {
	switch {
	case errors.Is(err, unix.ENETUNREACH):
		return f.noRouteFor("none matches")
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return f.noRouteFor("prohibited by a route")
	case errors.Is(err, unix.EINVAL):
		return f.noRouteFor("discarded by a blackhole route")
	case errors.Is(err, unix.EHOSTUNREACH) && f.Interface != "":
		return f.noRouteFor("none matches, or one says unreachable")
	case errors.Is(err, unix.EHOSTUNREACH):
		return f.noRouteFor("unreachable by a route")
	default:
		return fmt.Errorf("look up route to %v: %w", f.Destination, err)
	}
}

func (f *finder) noRouteFor(why string) error {
	if f.Interface != "" {
		return fmt.Errorf("%w to %v through %s: %s", ErrNoRoute, f.Destination, f.Interface, why)
	}
	return fmt.Errorf("%w to %v: %s", ErrNoRoute, f.Destination, why)
}

// gatewayOf returns the route's next hop, invalid if it has none. An IPv4 route may have an IPv6
// gateway (RFC 8950).
func gatewayOf(r netlink.Route) netip.Addr {
	if via, ok := r.Via.(*netlink.Via); ok {
		return addrOf(via.Addr, r.LinkIndex)
	}
	return addrOf(r.Gw, r.LinkIndex)
}

// source returns the address to send from: the given one, the one that the route prefers, or the
// best of the link's.
func (f *finder) source(l *netlink.LinkAttrs, r netlink.Route) (netip.Addr, error) {
	if f.Source.IsValid() {
		return f.Source, nil
	}
	if a := addrOf(r.Src, 0).WithZone(""); a.IsValid() && !a.IsUnspecified() {
		return a, nil
	}
	dev := &netlink.Device{LinkAttrs: *l}
	all, err := complete(func() ([]netlink.Addr, error) { return f.kernel.AddrList(dev, family(f.Destination)) })
	if err != nil {
		return netip.Addr{}, fmt.Errorf("list addresses: %w", err)
	}
	best, bestRank := netip.Addr{}, 0
	for _, have := range all {
		a := addrOf(have.IP, 0).WithZone("")
		if rank := f.rank(a, have.Flags); rank > bestRank {
			best, bestRank = a, rank
		}
	}
	if bestRank == 0 {
		return netip.Addr{}, fmt.Errorf("%w for %v on %s", ErrNoSource, f.Destination, l.Name)
	}
	return best, nil
}

// rank returns how suitable a source address a, with the flags IFA_F_…, is; 0 is unusable.
func (f *finder) rank(a netip.Addr, flags int) int {
	switch {
	case flags&unix.IFA_F_DADFAILED != 0,
		flags&unix.IFA_F_TENTATIVE != 0 && flags&unix.IFA_F_OPTIMISTIC == 0:
		return 0
	case a.IsLinkLocalUnicast() != f.Destination.IsLinkLocalUnicast():
		if a.Is6() {
			return 0 // of another scope (RFC 6724 section 5, rule 2)
		}
		return 1
	case flags&unix.IFA_F_DEPRECATED != 0:
		return 2
	default:
		return 3
	}
}
