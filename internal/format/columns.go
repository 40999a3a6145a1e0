package format

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/masstrace/masstrace/internal/probe"
)

// ParseAddr returns the address in a column of a text; IPv4 may be mapped.
func ParseAddr(s string) (probe.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a == netip.IPv6Unspecified() { // :: means none
		return probe.Addr{}, fmt.Errorf("%q is not an address", s)
	}
	return probe.AddrFrom(a), nil
}

// Numbers parses columns that are numbers. The first that is not is Err.
type Numbers struct{ Err error }

// Uint returns a number of some bits.
func (n *Numbers) Uint(name, s string, bits int) uint64 {
	v, err := strconv.ParseUint(s, 10, bits)
	if err != nil && n.Err == nil {
		n.Err = fmt.Errorf("%s %q is not from 0 to %d", name, s, uint64(1)<<bits-1)
	}
	return v
}

// Fail notes that a column cannot be parsed.
func (n *Numbers) Fail(name, s string) {
	if n.Err == nil {
		n.Err = fmt.Errorf("%s %q is not known", name, s)
	}
}
