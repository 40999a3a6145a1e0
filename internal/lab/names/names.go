// Package names is a name server for a lab. It listens on loopback inside the lab, where every
// resolver asks it: package lab mounts a resolv.conf that says so. It answers queries for PTR, A
// and AAAA records from a [Zone]. Everything else does not exist.
package names

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Zone has the names of a network. Each call of Serve uses it from one goroutine.
type Zone interface {
	// Name returns the name of an address, without a dot at the end. ok is false if the address
	// has no name.
	Name(netip.Addr) (name string, ok bool)
	// Addrs returns the addresses of a name in lower case.
	Addrs(name string) []netip.Addr
}

// address is where the name server listens.
var address = net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53}

// Serve answers queries from zone as long as the process lives. It opens its socket in the network
// namespace of the calling thread.
func Serve(zone Zone) error {
	conn, err := net.ListenUDP("udp4", &address)
	if err != nil {
		return fmt.Errorf("start name server: %w", err)
	}
	go serve(conn, zone)
	return nil
}

// serve answers queries until conn is closed.
func serve(conn *net.UDPConn, zone Zone) {
	query := make([]byte, 512)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(query)
		if err != nil {
			return
		}
		if reply, ok := answer(zone, query[:n]); ok {
			_, _ = conn.WriteToUDPAddrPort(reply, from) // the resolver asks again
		}
	}
}

// HostLabel returns an address as one label of a name: h192-0-2-7, and h followed by the eight
// groups of an IPv6 address.
func HostLabel(a netip.Addr) string {
	if a.Is4() {
		return "h" + strings.ReplaceAll(a.String(), ".", "-")
	}
	b := a.As16()
	groups := make([]string, 8)
	for i := range groups {
		groups[i] = fmt.Sprintf("%x", uint16(b[2*i])<<8|uint16(b[2*i+1]))
	}
	return "h" + strings.Join(groups, "-")
}

// ParseHostLabel is the inverse of HostLabel.
func ParseHostLabel(label string) (a netip.Addr, ok bool) {
	text, isHost := strings.CutPrefix(label, "h")
	separator := "."
	if strings.Count(text, "-") == 7 {
		separator = ":"
	}
	a, err := netip.ParseAddr(strings.ReplaceAll(text, "-", separator))
	return a, isHost && err == nil && HostLabel(a) == label
}
