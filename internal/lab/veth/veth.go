// Package veth makes Ethernet links of a lab. The near end of a link is for a command. The far end
// is in a network namespace of its own without a name, where a socket of the lab receives the
// frames.
package veth

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/lab"
)

// mtu is that of Ethernet.
const mtu = 1500

// Make makes a link in the namespace of the calling thread. Its near end has the given name, and
// sends packets with complete checksums. The far end is moved away. open is called there, with the
// far end up. It opens the socket that keeps the far end alive.
func Make(name string, open func(near, far netlink.Link) error) (near netlink.Link, err error) {
	const far = "far0"
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name, MTU: mtu}, PeerName: far}
	if err := netlink.LinkAdd(pair); err != nil {
		return nil, fmt.Errorf("make link %s: %w", name, err)
	}
	if near, err = netlink.LinkByName(name); err != nil {
		return nil, fmt.Errorf("look up link %s: %w", name, err)
	}
	// Routers, and the simulator, require complete checksums.
	if err := lab.NoOffload(name); err != nil {
		return nil, err
	}
	peer, err := netlink.LinkByName(far)
	if err != nil {
		return nil, fmt.Errorf("look up far end of %s: %w", name, err)
	}
	move := func(there int) error {
		if err := netlink.LinkSetNsFd(peer, there); err != nil {
			return fmt.Errorf("move far end of %s: %w", name, err)
		}
		return nil
	}
	return near, lab.Away(move, func() error {
		if err := raise(far); err != nil {
			return fmt.Errorf("far end of %s: %w", name, err)
		}
		if peer, err = netlink.LinkByName(far); err != nil {
			return fmt.Errorf("look up far end of %s: %w", name, err)
		}
		return open(near, peer)
	})
}

// raise sets a far end up. Its kernel stays silent there.
func raise(name string) error {
	if err := lab.WriteSetting("net/ipv6/conf/"+name+"/disable_ipv6", "1"); err != nil {
		return err
	}
	peer, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(peer)
}

// Raise sets a near end up, and waits until it is.
func Raise(near netlink.Link) error {
	if err := netlink.LinkSetUp(near); err != nil {
		return fmt.Errorf("set link up: %w", err)
	}
	return await("link to come up", func() bool {
		l, err := netlink.LinkByIndex(near.Attrs().Index)
		return err == nil && l.Attrs().RawFlags&unix.IFF_LOWER_UP != 0
	})
}

// AddAddress adds an address and waits until the kernel accepts packets for it. If the link has one
// other end, peer is its address; else it is not valid. The kernel may lose the local route of IPv6
// addresses that are added while the link comes up. They are then added again.
func AddAddress(near netlink.Link, p netip.Prefix, peer netip.Addr) error {
	address := &netlink.Addr{IPNet: IPNet(p), Flags: unix.IFA_F_NODAD}
	if peer.IsValid() {
		address.Peer = IPNet(netip.PrefixFrom(peer, peer.BitLen()))
	}
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

// IPNet returns a prefix in the form of package net.
func IPNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
