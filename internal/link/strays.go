package link

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Strays finds destinations that leave in another way, one by one, for lists that are read while
// they are sent. It belongs to one goroutine.
type Strays struct {
	way      Way
	kernel   *netlink.Handle
	prefixes []netip.Prefix        // of routes that may be another way
	known    map[netip.Addr]string // the result of Other, for destinations in prefixes
}

// mostKnown is how many destinations a Strays remembers.
const mostKnown = 1 << 16

// NewStrays reads the routes of the family of w. Later routes are not considered.
func NewStrays(ctx context.Context, w Way) (*Strays, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	routes, err := allRoutes(h, w)
	if err != nil {
		h.Close()
		return nil, err
	}
	s := &Strays{way: w, kernel: h, known: map[netip.Addr]string{}}
	for i := range routes {
		if prefix, ok := prefixOf(&routes[i]); ok && !w.sameAs(&routes[i]) {
			s.prefixes = append(s.prefixes, prefix)
		}
	}
	return s, ctx.Err()
}

// Other returns the way of a destination in words if it differs, and otherwise "". It asks the
// kernel only if a route that differs has the destination.
func (s *Strays) Other(destination netip.Addr) (way string, err error) {
	if !s.mayDiffer(destination) {
		return "", nil
	}
	way, ok := s.known[destination]
	if ok {
		return way, nil
	}
	if way, err = s.way.other(s.kernel, destination); err != nil {
		return "", err
	}
	if len(s.known) == mostKnown {
		clear(s.known)
	}
	s.known[destination] = way
	return way, nil
}

func (s *Strays) mayDiffer(destination netip.Addr) bool {
	for _, p := range s.prefixes {
		if p.Contains(destination) {
			return true
		}
	}
	return false
}

// Close closes the connection to the kernel.
func (s *Strays) Close() { s.kernel.Close() }
