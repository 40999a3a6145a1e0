package internet

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/lab"
)

// linkMTU is that of Ethernet.
const linkMTU = 1500

// buildVeth makes a veth pair, moves its far end into a new namespace, and opens the port there.
// Only the port's socket keeps that namespace alive.
func buildVeth() (port, error) {
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: LinkName, MTU: linkMTU}, PeerName: "internet0"}
	if err := netlink.LinkAdd(pair); err != nil {
		return nil, fmt.Errorf("make link: %w", err)
	}
	near, err := netlink.LinkByName(LinkName)
	if err != nil {
		return nil, fmt.Errorf("look up link: %w", err)
	}
	// Routers, and the simulator, require complete checksums.
	if err := lab.NoOffload(LinkName); err != nil {
		return nil, err
	}
	port, err := openFarEnd(pair.PeerName, near.Attrs().HardwareAddr)
	if err != nil {
		return nil, err
	}
	return port, configure(near, true)
}

// openFarEnd moves the link into a namespace of its own and opens the port on
// it.
func openFarEnd(name string, host net.HardwareAddr) (*ethernet, error) {
	peer, err := netlink.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("look up link: %w", err)
	}
	runtime.LockOSThread() // a thread that cannot return ends with its goroutine
	home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open own namespace: %w", err)
	}
	defer unix.Close(home)
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("make namespace: %w", err)
	}
	there, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open new namespace: %w", err)
	}
	defer unix.Close(there)
	if err := unix.Setns(home, unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("return to own namespace: %w", err)
	}
	if err := netlink.LinkSetNsFd(peer, there); err != nil {
		return nil, fmt.Errorf("move far end: %w", err)
	}
	if err := unix.Setns(there, unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("enter new namespace: %w", err)
	}
	e, openErr := raiseFarEnd(name, host)
	if err := unix.Setns(home, unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("return to own namespace: %w", err)
	}
	runtime.UnlockOSThread()
	return e, openErr
}

// raiseFarEnd sets the far end up and opens the port. The socket keeps the namespace, and with it
// the link, alive.
func raiseFarEnd(name string, host net.HardwareAddr) (*ethernet, error) {
	peer, err := netlink.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("look up far end: %w", err)
	}
	if err := lab.WriteSetting("net/ipv6/conf/"+name+"/disable_ipv6", "1"); err != nil {
		return nil, err
	}
	if err := netlink.LinkSetUp(peer); err != nil {
		return nil, fmt.Errorf("set far end up: %w", err)
	}
	own := [6]byte(peer.Attrs().HardwareAddr)
	own[5] ^= 1 // the kernel there ignores packets addressed to another station
	return openEthernet(peer.Attrs().Index, own, [6]byte(host))
}

// buildTun makes the tun device.
func buildTun() (port, error) {
	t, err := openTun(LinkName)
	if err != nil {
		return nil, err
	}
	near, err := netlink.LinkByName(LinkName)
	if err != nil {
		return nil, fmt.Errorf("look up link: %w", err)
	}
	if err := netlink.LinkSetTxQLen(near, 10_000); err != nil {
		return nil, fmt.Errorf("lengthen queue: %w", err)
	}
	return t, configure(near, false)
}

// configure gives the near end its addresses and the default routes.
func configure(near netlink.Link, ethernet bool) error {
	if err := lab.WriteSetting("net/ipv6/conf/"+LinkName+"/accept_dad", "0"); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(near); err != nil {
		return fmt.Errorf("set link up: %w", err)
	}
	if err := await("link to come up", func() bool {
		l, err := netlink.LinkByIndex(near.Attrs().Index)
		return err == nil && l.Attrs().RawFlags&unix.IFF_LOWER_UP != 0
	}); err != nil {
		return err
	}
	own, gateway := addresses()
	for i := range own {
		if err := addAddress(near, own[i]); err != nil {
			return err
		}
		route := &netlink.Route{LinkIndex: near.Attrs().Index, Dst: ipNet(netip.PrefixFrom(zero(own[i].Addr()), 0))}
		if ethernet {
			route.Gw = gateway[i].Addr().AsSlice()
		}
		if err := netlink.RouteAdd(route); err != nil {
			return fmt.Errorf("add default route: %w", err)
		}
	}
	return nil
}

// addAddress adds an address and waits until the kernel accepts packets for it. The kernel may lose
// the local route of IPv6 addresses that are added while the link comes up. They are then added
// again.
func addAddress(near netlink.Link, p netip.Prefix) error {
	address := &netlink.Addr{IPNet: ipNet(p), Flags: unix.IFA_F_NODAD}
	if err := netlink.AddrAdd(near, address); err != nil {
		return fmt.Errorf("add address %s: %w", p, err)
	}
	looks := 0
	return await("address to be local", func() bool {
		routes, err := netlink.RouteGet(p.Addr().AsSlice())
		if err == nil && len(routes) > 0 && routes[0].Type == unix.RTN_LOCAL {
			return true
		}
		if looks++; looks%100 == 0 && netlink.AddrDel(near, address) == nil {
			_ = netlink.AddrAdd(near, address) // the next check shows whether it worked
		}
		return false
	})
}

// settleTime limits the wait for changes that normally take milliseconds.
const settleTime = 10 * time.Second

// await waits until done returns true.
func await(what string, done func() bool) error {
	for deadline := time.Now().Add(settleTime); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %v for the %s in vain", settleTime, what)
		}
	}
	return nil
}

func zero(like netip.Addr) netip.Addr {
	if like.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
