package link

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// patience is how long a test waits for the kernel before it fails.
const patience = 10 * time.Second

// enterNetns moves the test's goroutine into a network namespace of its own, on a thread that ends
// with it. The namespace has no links except those that the test makes.
func enterNetns(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for network namespaces")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("needs CAP_SYS_ADMIN, for network namespaces: %v", err)
	}
	if err := skipDAD(); err != nil {
		t.Skipf("needs IPv6 and a writable /proc/sys: %v", err)
	}
	lo, err := netlink.LinkByName("lo")
	must(t, err)
	must(t, netlink.LinkSetUp(lo))
}

// skipDAD switches off duplicate address detection, which would delay every address by a second.
func skipDAD() error {
	for _, name := range []string{"all", "default"} {
		err := os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/accept_dad", []byte("0"), 0)
		if err != nil {
			return err
		}
	}
	return nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// peer is a second namespace, with a goroutine inside it.
type peer struct {
	jobs chan func()
	fd   int
}

func newPeer(t testing.TB) *peer {
	t.Helper()
	p := &peer{jobs: make(chan func()), fd: -1}
	ready, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			p.fd, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
		if err == nil {
			err = skipDAD()
		}
		ready <- err
		for job := range p.jobs {
			job()
		}
	}()
	must(t, <-ready)
	t.Cleanup(func() {
		close(p.jobs)
		<-ended
		unix.Close(p.fd)
	})
	return p
}

// do runs f in the peer's namespace.
func (p *peer) do(t testing.TB, f func() error) {
	t.Helper()
	result := make(chan error)
	p.jobs <- func() { result <- f() }
	must(t, <-result)
}

// pair is a veth pair: v0 in the test's namespace with 192.0.2.1/24 and
// 2001:db8::1/64, v1 in the peer's with .2, ::2 and fe80::2.
type pair struct {
	*peer
	v0  netlink.Link
	mac net.HardwareAddr // of v1
}

func newPair(t testing.TB) *pair {
	t.Helper()
	enterNetns(t)
	p := &pair{peer: newPeer(t), mac: net.HardwareAddr{2, 0, 0, 0, 0, 2}}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr = "v0", net.HardwareAddr{2, 0, 0, 0, 0, 1}
	must(t, netlink.LinkAdd(&netlink.Veth{
		LinkAttrs: attrs, PeerName: "v1", PeerHardwareAddr: p.mac, PeerNamespace: netlink.NsFd(p.fd),
	}))
	p.do(t, func() error { return bringUp("v1") })
	must(t, bringUp("v0"))
	var err error
	p.v0, err = netlink.LinkByName("v0")
	must(t, err)
	awaitUp(t, p.v0.Attrs().Index)
	// Addresses are added last: IPv6 addresses that a link has before its carrier may never get
	// their local route.
	p.do(t, func() error { return bringUp("v1", "192.0.2.2/24", "2001:db8::2/64", "fe80::2/64") })
	must(t, bringUp("v0", "192.0.2.1/24", "2001:db8::1/64"))
	p.do(t, func() error { return settleIPv6("v1", "2001:db8::2", "fe80::2") })
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
	m, err := OpenMonitor(Path{Index: index})
	must(t, err)
	defer m.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if m.State() == Up {
		return
	}
	must(t, m.Run(ctx, func(s State) {
		if s == Up {
			cancel()
		}
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
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("needs /dev/net/tun: %v", err)
	}
	t.Cleanup(func() { unix.Close(fd) }) // deletes the device
	ifr, err := unix.NewIfreq("tun0")
	must(t, err)
	ifr.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	must(t, unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr))
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
