package probe

import (
	"encoding/binary"
	"net/netip"
)

// Addr is an IPv4 or IPv6 address in 16 octets, IPv4 as ::ffff:a.b.c.d. Unlike netip.Addr it
// contains no pointer, so the garbage collector does not scan tables of addresses. It is comparable
// with ==.
type Addr [16]byte

// AddrFrom returns a without its zone. An invalid a gives the zero Addr.
func AddrFrom(a netip.Addr) Addr {
	if !a.IsValid() {
		return Addr{}
	}
	return a.As16()
}

// Addr4From returns the IPv4 address whose four octets are b.
func Addr4From(b [4]byte) Addr {
	return Addr{10: 0xff, 11: 0xff, 12: b[0], 13: b[1], 14: b[2], 15: b[3]}
}

// Set4 sets a to the IPv4 address in the first four octets of b. It writes whole words, so that a
// load of a word right after it does not stall on several smaller stores.
func (a *Addr) Set4(b []byte) {
	binary.LittleEndian.PutUint64(a[:8], 0)
	binary.LittleEndian.PutUint64(a[8:], 0xffff0000|uint64(binary.LittleEndian.Uint32(b))<<32)
}

// Is4 reports whether a is an IPv4 address.
func (a Addr) Is4() bool {
	return [12]byte(a[:12]) == [12]byte{10: 0xff, 11: 0xff}
}

// Is6 reports whether a is an IPv6 address, which the zero Addr is not.
func (a Addr) Is6() bool { return !a.Is4() && !a.IsZero() }

// IsZero reports whether a is the zero Addr, which is not an address.
func (a Addr) IsZero() bool { return a == Addr{} }

// Octets returns the 4 or 16 octets as in a packet. The slice aliases a.
func (a *Addr) Octets() []byte {
	if a.Is4() {
		return a[12:16]
	}
	return a[:]
}

// Netip returns a as a netip.Addr, IPv4 unmapped. The zero Addr gives the invalid netip.Addr.
func (a Addr) Netip() netip.Addr {
	if a.IsZero() {
		return netip.Addr{}
	}
	return netip.AddrFrom16(a).Unmap()
}

// String formats a as netip.Addr does.
func (a Addr) String() string { return a.Netip().String() }
