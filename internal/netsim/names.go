package netsim

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Shares of routers and targets that have a name.
const (
	namedRouters = 0.8
	namedTargets = 0.6
)

// The parts of names. Each level has one role, so that a name leads back to its place. The numbers
// of autonomous systems are those for documentation (RFC 5398).
var (
	roles  = [levels]string{"gw", "core", "bb", "agg", "edge", "acc"}
	ports  = [...]string{"ae", "be", "et-0-0-", "xe-0-1-", "ge-1-0-", "po"}
	cities = [...]string{"ams", "bom", "cdg", "dfw", "fra", "gru", "hkg", "iad", "jnb", "lax", "mad", "nrt", "sea", "sin", "syd", "waw"}
	pools  = [...]string{"dyn", "static", "cust"}
)

const (
	firstAS = 64496 // our own provider
	transit = 5     // for levels 1 and 2
	access  = 10    // for the other levels and targets; 1 + transit + access is 16
	zone    = "example.net"
)

// Name returns the name of a router or a target, as in the DNS; ok is false if it has none. The
// seed determines all names: ae1.core3.fra2d.as64500.example.net is slot 3 of the segment of 45/8.
func (t *Truth) Name(a netip.Addr) (name string, ok bool) {
	in := addrOf(a)
	if n, ok := nodeAt(in); ok {
		if !shareOf(namedRouters).hit(mix(n.hash(t.m.seed), saltName)) || !t.m.exists(n) {
			return "", false
		}
		return t.m.routerName(n), true
	}
	if reachOf(in) != routable || !shareOf(namedTargets).hit(mix(t.m.seed^saltName^in.hi, in.lo)) {
		return "", false
	}
	return t.m.targetName(in), true
}

// Addr returns the address that has a name, in lower case.
func (t *Truth) Addr(name string) (a netip.Addr, ok bool) {
	labels := strings.Split(name, ".")
	if host, isHost := strings.CutPrefix(labels[0], "h"); isHost {
		separator := "."
		if strings.Count(host, "-") == 7 {
			separator = ":"
		}
		a, _ = netip.ParseAddr(strings.ReplaceAll(host, "-", separator)) // invalid has no name
	} else if n, ok := nodeNamed(labels); ok {
		a = n.addr().netip()
	}
	if !a.IsValid() {
		return a, false
	}
	same, ok := t.Name(a)
	return a, ok && same == name
}

// routerName returns the name of a router's address.
func (m *model) routerName(n node) string {
	h := mix(n.hash(m.seed)^saltName, 1)
	place := mix(m.seed^saltName^uint64(n.level)^uint64(n.entry)<<8, n.prefix)
	bits, six := bits4[n.level], ""
	if n.six {
		bits, six = bits6[n.level], "v6."
	}
	digits := ""
	if bits > 0 {
		digits = fmt.Sprintf("%0*x", bits/4, n.prefix)
	}
	entry := ""
	if n.entry != 0 {
		entry = fmt.Sprintf("-%d", n.entry)
	}
	return fmt.Sprintf("%s%d.%s%d%s.%s%s.%sas%d.%s", ports[pick(h, len(ports))], h&7, roles[n.level], n.slot, entry,
		cities[pick(place, len(cities))], digits, six, m.system(n), zone)
}

// nodeNamed returns the router that labels name. ok means that they have the form of a router's
// name.
func nodeNamed(labels []string) (n node, ok bool) {
	if len(labels) < 6 || len(labels[2]) < 3 {
		return n, false
	}
	label, which, further := strings.Cut(labels[1], "-")
	role := strings.TrimRight(label, "0123456789")
	level := slices.Index(roles[:], role)
	slot, err := strconv.ParseUint(label[len(role):], 10, 16)
	if level < 0 || err != nil {
		return n, false
	}
	n = node{level: uint8(level), slot: uint16(slot), six: labels[3] == "v6"}
	if further {
		entry, err := strconv.ParseUint(which, 10, 8)
		if err != nil {
			return n, false
		}
		n.entry = uint8(entry)
	}
	bits := bits4[level]
	if n.six {
		bits = bits6[level]
	}
	digits := labels[2][3:]
	if len(digits) != int(bits/4) {
		return n, false
	}
	if bits > 0 {
		n.prefix, err = strconv.ParseUint(digits, 16, int(bits))
	}
	return n, err == nil
}

// targetName returns the name of a target.
func (m *model) targetName(a addr) string {
	host := strings.ReplaceAll(a.netip().String(), ".", "-")
	level, prefix := levels-1, uint64(a.v4()>>8)
	six := family(!a.is4())
	if six {
		prefix = a.hi >> 16
		groups := make([]string, 8)
		b := a.bytes()
		for i := range groups {
			groups[i] = strconv.FormatUint(uint64(b[2*i])<<8|uint64(b[2*i+1]), 16)
		}
		host = strings.Join(groups, "-")
	}
	pool := pools[pick(mix(m.seed^saltName, prefix), len(pools))]
	return fmt.Sprintf("h%s.%s.as%d.%s", host, pool, m.system(node{prefix: prefix, level: uint8(level), six: six}), zone)
}

// system returns the number of the autonomous system of a node.
func (m *model) system(n node) int {
	bits, entry := bits4, uint64(n.entry)<<8
	if n.six {
		bits = bits6
	}
	switch {
	case n.level == 0 && entry == 0:
		return firstAS
	case n.level == 0:
		return firstAS + 1 + transit + pick(mix(m.seed^saltName^3, entry), access)
	case n.level <= 2:
		return firstAS + 1 + pick(mix(m.seed^saltName^2^entry, n.prefix>>(bits[n.level]-bits[1])), transit)
	}
	return firstAS + 1 + transit + pick(mix(m.seed^saltName^3, n.prefix>>(bits[n.level]-bits[3])), access)
}
