// Package link provides information about our network interface. Find returns the link, next hop
// and source address of packets to a destination. Monitor reads the state and counters of the
// link. The package also finds the local ports in use. It reads the kernel's tables by netlink
// and changes none of them.
//
// All of it works in the network namespace of the calling thread, and without any capability.
package link

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Errors of Find. It wraps one of these, and adds the address or link concerned and the cause.
var (
	ErrNoRoute     = errors.New("no route")
	ErrNoInterface = errors.New("no such interface")
	ErrNoNeighbour = errors.New("no answer from next hop")
	ErrLinkDown    = errors.New("link is down")
	ErrNoSource    = errors.New("no source address")
	ErrFraming     = errors.New("link framing not supported")
)

// Framing is the header before the IP header in a link's frames.
type Framing uint8

// The framings.
const (
	Ethernet Framing = iota // 14 octets; also loopback, with zero addresses
	IP                      // nothing: tun, ppp, ipip, wireguard and the like
)

// String returns the framing's name.
func (f Framing) String() string {
	if f == IP {
		return "ip"
	}
	return "ethernet"
}

// Path is the way by which packets to a destination leave.
type Path struct {
	Name    string // of the link
	Index   int    // of the link
	MTU     int    // of the link, octets of an IP packet
	Framing Framing

	// Hardware and NextHop are the link's own and the next hop's Ethernet
	// address, 6 octets each; nil if Framing is IP.
	Hardware, NextHop net.HardwareAddr

	Source netip.Addr // no zone

	// Gateway is the next hop's IP address, with a zone if it is link-local,
	// possibly of the other family. Invalid if the destination is on the
	// link, or if only the gateway's hardware address was given.
	Gateway netip.Addr

	// ForeignSource reports that Source is not an address of this machine, so that the kernel
	// does not answer packets to it.
	ForeignSource bool
}

// framing returns the framing of l's frames.
func framing(l *netlink.LinkAttrs) (Framing, error) {
	switch l.EncapType { // the kernel's ARPHRD_… by netlink's names
	case "ether", "loopback":
		return Ethernet, nil
	case "none", "ppp", "ipip", "tunnel6", "sit", encapRawIP:
		return IP, nil
	case "gre", encapIP6GRE:
		// Without a fixed peer, its link header contains the tunnel's addresses.
		if l.RawFlags&unix.IFF_POINTOPOINT != 0 {
			return IP, nil
		}
	}
	return 0, fmt.Errorf("%w: %s is %q", ErrFraming, l.Name, l.EncapType)
}

// Kinds of links for which netlink has no name.
const (
	encapRawIP  = "unknown519" // ARPHRD_RAWIP: cellular modems
	encapIP6GRE = "unknown823" // ARPHRD_IP6GRE
)

// linkDown returns the reason why l cannot carry packets, or "".
func linkDown(l *netlink.LinkAttrs) string {
	switch {
	case l.RawFlags&unix.IFF_UP == 0:
		return "it is not set up"
	case l.RawFlags&unix.IFF_LOWER_UP == 0:
		return "it has no carrier"
	case l.OperState != netlink.OperUp && l.OperState != netlink.OperUnknown:
		return "its operational state is " + l.OperState.String()
	default:
		return ""
	}
}

// addrOf converts ip, unmapped. A link-local address gets the zone index.
func addrOf(ip net.IP, index int) netip.Addr {
	a, ok := netip.AddrFromSlice(ip)
	if !ok {
		return netip.Addr{}
	}
	a = a.Unmap()
	if a.Is6() && a.IsLinkLocalUnicast() {
		a = a.WithZone(fmt.Sprint(index))
	}
	return a
}

func family(a netip.Addr) int {
	if a.Is4() {
		return netlink.FAMILY_V4
	}
	return netlink.FAMILY_V6
}

// complete repeats a netlink dump until no change interrupted it.
func complete[T any](dump func() ([]T, error)) ([]T, error) {
	for range 10 {
		all, err := dump()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			return all, err
		}
	}
	// The tables keep changing: an inconsistent dump is better than none.
	all, err := dump()
	if errors.Is(err, netlink.ErrDumpInterrupted) {
		err = nil
	}
	return all, err
}
