package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	// neighbourWait is the kernel's default until it gives up: three solicitations, a second
	// apart.
	neighbourWait  = 3 * time.Second
	neighbourTries = 3

	discardPort = 9 // RFC 863

	usableStates = unix.NUD_REACHABLE | unix.NUD_STALE | unix.NUD_DELAY | unix.NUD_PROBE |
		unix.NUD_PERMANENT | unix.NUD_NOARP
)

// nextHop returns the Ethernet address of gateway, or of the destination itself if gateway is
// invalid.
func (f *finder) nextHop(ctx context.Context, l *netlink.LinkAttrs, gateway netip.Addr) (net.HardwareAddr, error) {
	hop := gateway
	switch {
	case l.RawFlags&unix.IFF_LOOPBACK != 0:
		return make(net.HardwareAddr, lenHardware), nil
	case f.GatewayMAC != nil:
		return f.GatewayMAC, nil
	case !hop.IsValid():
		hop = f.Destination
	}
	mac, err := f.neighbour(l, hop)
	if mac != nil || err != nil {
		return mac, err
	}
	if l.RawFlags&unix.IFF_NOARP != 0 {
		return l.HardwareAddr, nil // as the kernel's arp_constructor does
	}
	return f.resolve(ctx, l, hop)
}

// neighbour returns the neighbour table's address for hop; nil if it has no usable one.
func (f *finder) neighbour(l *netlink.LinkAttrs, hop netip.Addr) (net.HardwareAddr, error) {
	all, err := complete(func() ([]netlink.Neigh, error) { return f.kernel.NeighList(l.Index, family(hop)) })
	if err != nil {
		return nil, fmt.Errorf("list neighbours: %w", err)
	}
	for _, n := range all {
		if n.State&usableStates != 0 && len(n.HardwareAddr) == lenHardware &&
			addrOf(n.IP, l.Index).WithZone("") == hop.WithZone("") {
			return n.HardwareAddr, nil
		}
	}
	return nil, nil
}

// resolve makes the kernel solicit hop and waits for its address in the neighbour table.
func (f *finder) resolve(ctx context.Context, l *netlink.LinkAttrs, hop netip.Addr) (net.HardwareAddr, error) {
	changes, err := subscribe(unix.RTMGRP_NEIGH) // before the table is read again
	if err != nil {
		return nil, err
	}
	defer changes.close()
	defer changes.endWith(ctx)()

	start := time.Now()
	var unsent error
	for try := range neighbourTries {
		if f.ask(l, hop) != nil {
			unsent = knock(l, hop)
		}
		until := start.Add(f.neighbourWait * time.Duration(try+1) / neighbourTries)
		for {
			mac, err := f.neighbour(l, hop)
			if mac != nil || err != nil {
				return mac, err
			}
			err = changes.wait(ctx, until)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return nil, err
			}
		}
	}
	if unsent != nil {
		return nil, fmt.Errorf("%w %v on %s: send to it: %v", ErrNoNeighbour, hop, l.Name, unsent)
	}
	return nil, fmt.Errorf("%w %v on %s within %v", ErrNoNeighbour, hop, l.Name, f.neighbourWait)
}

// ask makes the kernel solicit hop, without any other packet. It needs CAP_NET_ADMIN.
func (f *finder) ask(l *netlink.LinkAttrs, hop netip.Addr) error {
	return f.kernel.NeighSet(&netlink.Neigh{
		LinkIndex: l.Index, Family: family(hop), IP: hop.WithZone("").AsSlice(),
		State: unix.NUD_NONE, Flags: unix.NTF_USE,
	})
}

// knock makes the kernel solicit hop without any capability, by sending to it: an empty datagram to
// hop's discard port with a TTL of 1. The datagram cannot go beyond the next hop.
func knock(l *netlink.LinkAttrs, hop netip.Addr) error {
	domain, level, option := unix.AF_INET, unix.IPPROTO_IP, unix.IP_TTL
	if hop.Is6() {
		domain, level, option = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
		return err
	}
	// Before Linux 5.7 this needs a capability. If it fails, the routing table decides, and it
	// led to this link.
	_ = unix.BindToDevice(fd, l.Name)
	return unix.Sendto(fd, nil, unix.MSG_DONTWAIT, sockaddr(hop, l.Index))
}

func sockaddr(a netip.Addr, index int) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Port: discardPort, Addr: a.As4()}
	}
	sa := &unix.SockaddrInet6{Port: discardPort, Addr: a.As16()}
	if a.IsLinkLocalUnicast() {
		sa.ZoneId = uint32(index)
	}
	return sa
}
