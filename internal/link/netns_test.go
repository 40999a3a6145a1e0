package link

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/lab/netns"
)

// patience is how long a test waits for the kernel before it fails.
const patience = 10 * time.Second

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pair is a veth pair: v0 in the test's namespace with 192.0.2.1/24 and
// 2001:db8::1/64, v1 in the peer's with .2, ::2 and fe80::2.
type pair struct {
	*netns.Peer
	v0 netlink.Link
}

func newPair(t testing.TB) *pair {
	t.Helper()
	netns.Enter(t)
	p := &pair{Peer: netns.NewPeer(t)}
	netns.NewVethTo(t, p.Peer)
	p.Do(t, func() error { return bringUp("v1") })
	p.v0 = netns.Up(t, "v0")
	awaitUp(t, p.v0.Attrs().Index)
	// Addresses come last: IPv6 ones that a link has before it has carrier may
	// stay without their local route.
	p.Do(t, func() error { return bringUp("v1", "192.0.2.2/24", "2001:db8::2/64", "fe80::2/64") })
	must(t, bringUp("v0", "192.0.2.1/24", "2001:db8::1/64"))
	p.Do(t, func() error { return settleIPv6("v1", "2001:db8::2", "fe80::2") })
	must(t, settleIPv6("v0", "2001:db8::1"))
	return p
}

// settleIPv6 waits until the link's IPv6 addresses work: the kernel makes a local route for each
// some time after it was added.
func settleIPv6(name string, addrs ...string) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	c, err := subscribe(unix.RTMGRP_LINK | unix.RTMGRP_IPV6_IFADDR | unix.RTMGRP_IPV6_ROUTE)
	if err != nil {
		return err
	}
	defer c.close()
	end := time.Now().Add(patience)
	for _, a := range addrs {
		for {
			opt := &netlink.RouteGetOptions{OifIndex: l.Attrs().Index}
			routes, err := netlink.RouteGetWithOptions(net.ParseIP(a), opt)
			if err == nil && len(routes) == 1 && routes[0].Type == unix.RTN_LOCAL {
				break
			}
			if err := c.wait(context.Background(), end); err != nil {
				return fmt.Errorf("%s does not settle on %s: %w", a, name, err)
			}
		}
	}
	return nil
}

func bringUp(name string, addrs ...string) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(l); err != nil {
		return err
	}
	for _, text := range addrs {
		a, err := netlink.ParseAddr(text)
		if err != nil {
			return err
		}
		a.Flags = unix.IFA_F_NODAD
		if err := netlink.AddrAdd(l, a); err != nil {
			return err
		}
	}
	return nil
}

// awaitUp waits until the kernel's view of the link has settled.
func awaitUp(t testing.TB, index int) {
	t.Helper()
	m, err := OpenMonitor(Way{Path: Path{Index: index}})
	must(t, err)
	defer m.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if m.State() == Up {
		return
	}
	must(t, m.Run(ctx, func() time.Time {
		if m.State() == Up {
			cancel()
		}
		return time.Time{}
	}))
	if m.State() != Up {
		t.Fatalf("link %d is %v", index, m.State())
	}
}

// addRoute adds a route of the type RTN_…, via a gateway unless gateway is "".
func addRoute(t testing.TB, kind int, prefix, gateway string, index int) {
	t.Helper()
	p := netip.MustParsePrefix(prefix)
	r := &netlink.Route{
		Type: kind, LinkIndex: index, Family: family(p.Addr()),
		Dst: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())},
	}
	if gateway != "" {
		g := netip.MustParseAddr(gateway)
		if g.Is6() && p.Addr().Is4() {
			r.Via = &netlink.Via{AddrFamily: netlink.FAMILY_V6, Addr: g.AsSlice()}
		} else {
			r.Gw = g.AsSlice()
		}
	}
	must(t, netlink.RouteAdd(r))
}

// addTun makes a tun device with one prefix routed to it. Its kind is an
// ARPHRD_…
func addTun(t testing.TB, kind int, addr, prefix string) {
	t.Helper()
	fd := netns.NewTun(t, unix.IFF_TUN)
	must(t, unix.IoctlSetInt(fd, unix.TUNSETLINK, kind))
	must(t, bringUp("tun0", addr))
	l, err := netlink.LinkByName("tun0")
	must(t, err)
	awaitUp(t, l.Attrs().Index)
	if prefix != "" {
		addRoute(t, unix.RTN_UNICAST, prefix, "", l.Attrs().Index)
	}
}

// keepOnly drops all capabilities of the thread except those whose bits are set.
func keepOnly(t testing.TB, caps uint32) {
	t.Helper()
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{{Effective: caps, Permitted: caps}}
	must(t, unix.Capset(&hdr, &data[0]))
}
