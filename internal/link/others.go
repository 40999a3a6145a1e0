package link

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Other is a route by which some destinations leave in another way than the rest.
type Other struct {
	Prefix      netip.Prefix // of the route
	Destination netip.Addr   // one of them
	Way         string       // in words: a link and a gateway, or why there is no way
}

// Targets are the destinations whose routes are compared with a way. Any goroutine may read them.
type Targets struct {
	Sample []netip.Addr
	// Within returns a destination in a prefix, if there is one.
	Within func(netip.Prefix) (netip.Addr, bool)
}

// mostOthers is how many routes Others returns.
const mostOthers = 4

// Others returns routes by which some targets of w leave in another way: by another link or next
// hop, or not at all. It looks up the sample targets, and one target for each route. Routes to our
// own addresses are not considered, and at most some routes are returned.
func Others(ctx context.Context, w Way) ([]Other, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	defer h.Close()
	return w.others(ctx, h)
}

// others is Others with a connection to the kernel.
func (w Way) others(ctx context.Context, h *netlink.Handle) ([]Other, error) {
	t := w.Targets
	routes, err := allRoutes(h, w)
	if err != nil {
		return nil, err
	}
	others, err := w.othersOf(h, t.Sample)
	if err != nil || len(others) > 0 {
		return others, err
	}
	seen := map[netip.Prefix]bool{}
	for i := range routes {
		prefix, ok := prefixOf(&routes[i])
		if !ok || seen[prefix] || w.sameAs(&routes[i]) || len(others) == mostOthers || ctx.Err() != nil {
			continue
		}
		seen[prefix] = true
		destination, ok := t.Within(prefix)
		if !ok {
			continue
		}
		way, err := w.other(h, destination)
		if err != nil {
			return nil, err
		}
		if way != "" {
			others = append(others, Other{prefix, destination, way})
		}
	}
	return others, ctx.Err()
}

// allRoutes returns the routes of all tables, for the family of w.
func allRoutes(h *netlink.Handle, w Way) ([]netlink.Route, error) {
	routes, err := complete(func() ([]netlink.Route, error) {
		return h.RouteListFiltered(family(w.Path.Source), &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	return routes, nil
}

// othersOf returns the first destination that leaves in another way.
func (w Way) othersOf(h *netlink.Handle, destinations []netip.Addr) ([]Other, error) {
	for _, a := range destinations {
		way, err := w.other(h, a)
		if err != nil {
			return nil, err
		}
		if way != "" {
			return []Other{{netip.PrefixFrom(a, a.BitLen()), a, way}}, nil
		}
	}
	return nil, nil
}

// prefixOf returns the destinations of a route, if they are not our own addresses.
func prefixOf(r *netlink.Route) (netip.Prefix, bool) {
	switch r.Type {
	case unix.RTN_UNICAST, unix.RTN_BLACKHOLE, unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT:
	default:
		return netip.Prefix{}, false
	}
	if r.Dst == nil { // the default route
		bits := netip.IPv6Unspecified()
		if r.Family == unix.AF_INET {
			bits = netip.IPv4Unspecified()
		}
		return netip.PrefixFrom(bits, 0), true
	}
	a, ok := netip.AddrFromSlice(r.Dst.IP)
	ones, _ := r.Dst.Mask.Size()
	a = a.Unmap()
	return netip.PrefixFrom(a, ones), ok && !a.IsMulticast() && !a.IsLinkLocalUnicast()
}

// sameAs reports whether a route is the way.
func (w Way) sameAs(r *netlink.Route) bool {
	return (r.Type == unix.RTN_UNICAST || r.Type == unix.RTN_LOCAL) && len(r.MultiPath) == 0 && r.LinkIndex == w.Path.Index &&
		(w.Path.Framing == IP || w.Request.GatewayMAC != nil || gatewayOf(*r) == w.Path.Gateway)
}

// other returns the way of a destination in words, or "" if it is w.
func (w Way) other(h *netlink.Handle, destination netip.Addr) (string, error) {
	f := finder{Request: w.Request, kernel: h, foreign: w.Path.ForeignSource}
	f.Destination = destination
	if err := f.normalise(); err != nil {
		return "", err
	}
	route, err := f.route(0)
	switch {
	case errors.Is(err, ErrNoRoute):
		return err.Error(), nil
	case err != nil:
		return "", err
	case w.sameAs(&route):
		return "", nil
	}
	name := fmt.Sprintf("link %d", route.LinkIndex)
	if l, err := h.LinkByIndex(route.LinkIndex); err == nil {
		name = l.Attrs().Name
	}
	return wayName(name, gatewayOf(route)), nil
}

// String returns the way in words.
func (w Way) String() string { return wayName(w.Path.Name, w.Path.Gateway) }

func wayName(link string, gateway netip.Addr) string {
	if !gateway.IsValid() {
		return link + " directly"
	}
	return fmt.Sprintf("%s via %v", link, gateway)
}
