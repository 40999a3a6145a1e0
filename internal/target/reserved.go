package target

import "net/netip"

// Reserved is one entry of the built-in exclusions.
type Reserved struct {
	Prefix netip.Prefix
	Name   string
	RFC    string
	Reach  Reach
}

// Reach is the column "globally reachable" of the registries (RFC 8190 §2.1).
type Reach uint8

// Deprecated blocks have no value in the column (N/A). They are not marked reachable, so they are
// excluded like the unreachable ones.
const (
	Unreachable Reach = iota
	Deprecated
	Reachable
	Never // not from the registries: excluded even if a registry has a reachable part
)

// ReservedTable returns the blocks that are excluded by default. These are the IANA IPv4 and IPv6
// special-purpose address registries (RFC 6890, RFC 8190), with their globally reachable entries as
// holes in the others. Also excluded, without holes, are multicast and all IPv6 except the global
// unicast space in use, 2000::/3.
func ReservedTable() []Reserved {
	return []Reserved{
		{p("0.0.0.0/8"), "this network", "RFC 791 §3.2", Unreachable},
		{p("0.0.0.0/32"), "this host on this network", "RFC 1122 §3.2.1.3", Unreachable},
		{p("10.0.0.0/8"), "private use", "RFC 1918", Unreachable},
		{p("100.64.0.0/10"), "shared address space", "RFC 6598", Unreachable},
		{p("127.0.0.0/8"), "loopback", "RFC 1122 §3.2.1.3", Unreachable},
		{p("169.254.0.0/16"), "link local", "RFC 3927", Unreachable},
		{p("172.16.0.0/12"), "private use", "RFC 1918", Unreachable},
		{p("192.0.0.0/24"), "IETF protocol assignments", "RFC 6890 §2.1", Unreachable},
		{p("192.0.0.0/29"), "IPv4 service continuity", "RFC 7335", Unreachable},
		{p("192.0.0.8/32"), "IPv4 dummy address", "RFC 7600", Unreachable},
		{p("192.0.0.9/32"), "port control protocol anycast", "RFC 7723", Reachable},
		{p("192.0.0.10/32"), "TURN anycast", "RFC 8155", Reachable},
		{p("192.0.0.170/32"), "NAT64/DNS64 discovery", "RFC 8880, RFC 7050 §2.2", Unreachable},
		{p("192.0.0.171/32"), "NAT64/DNS64 discovery", "RFC 8880, RFC 7050 §2.2", Unreachable},
		{p("192.0.2.0/24"), "documentation (TEST-NET-1)", "RFC 5737", Unreachable},
		{p("192.31.196.0/24"), "AS112-v4", "RFC 7535", Reachable},
		{p("192.52.193.0/24"), "AMT", "RFC 7450", Reachable},
		{p("192.88.99.0/24"), "6to4 relay anycast", "RFC 7526", Deprecated},
		{p("192.88.99.2/32"), "6a44 relay anycast", "RFC 6751", Unreachable},
		{p("192.168.0.0/16"), "private use", "RFC 1918", Unreachable},
		{p("192.175.48.0/24"), "direct delegation AS112", "RFC 7534", Reachable},
		{p("198.18.0.0/15"), "benchmarking", "RFC 2544", Unreachable},
		{p("198.51.100.0/24"), "documentation (TEST-NET-2)", "RFC 5737", Unreachable},
		{p("203.0.113.0/24"), "documentation (TEST-NET-3)", "RFC 5737", Unreachable},
		{p("240.0.0.0/4"), "reserved", "RFC 1112 §4", Unreachable},
		{p("255.255.255.255/32"), "limited broadcast", "RFC 8190, RFC 919 §7", Unreachable},

		{p("::1/128"), "loopback", "RFC 4291", Unreachable},
		{p("::/128"), "unspecified address", "RFC 4291", Unreachable},
		// ::ffff:0:0/96 (IPv4-mapped, RFC 4291) is in no Set, see Lines.
		{p("64:ff9b::/96"), "IPv4-IPv6 translation", "RFC 6052", Reachable},
		{p("64:ff9b:1::/48"), "IPv4-IPv6 translation", "RFC 8215", Unreachable},
		{p("100::/64"), "discard only", "RFC 6666", Unreachable},
		{p("100:0:0:1::/64"), "dummy prefix", "RFC 9780", Unreachable},
		{p("2001::/23"), "IETF protocol assignments", "RFC 2928", Unreachable},
		{p("2001::/32"), "Teredo", "RFC 4380, RFC 8190", Deprecated},
		{p("2001:1::1/128"), "port control protocol anycast", "RFC 7723", Reachable},
		{p("2001:1::2/128"), "TURN anycast", "RFC 8155", Reachable},
		{p("2001:1::3/128"), "DNS-SD SRP anycast", "RFC 9665", Reachable},
		{p("2001:2::/48"), "benchmarking", "RFC 5180", Unreachable},
		{p("2001:3::/32"), "AMT", "RFC 7450", Reachable},
		{p("2001:4:112::/48"), "AS112-v6", "RFC 7535", Reachable},
		{p("2001:10::/28"), "ORCHID", "RFC 4843", Deprecated},
		{p("2001:20::/28"), "ORCHIDv2", "RFC 7343", Reachable},
		{p("2001:30::/28"), "drone remote ID tags", "RFC 9374", Reachable},
		{p("2001:db8::/32"), "documentation", "RFC 3849", Unreachable},
		{p("2002::/16"), "6to4", "RFC 3056", Deprecated},
		{p("2620:4f:8000::/48"), "direct delegation AS112", "RFC 7534", Reachable},
		{p("3fff::/20"), "documentation", "RFC 9637", Unreachable},
		{p("5f00::/16"), "segment routing SIDs", "RFC 9602", Unreachable},
		{p("fc00::/7"), "unique local", "RFC 4193, RFC 8190", Unreachable},
		{p("fe80::/10"), "link-local unicast", "RFC 4291", Unreachable},

		{p("224.0.0.0/4"), "multicast", "RFC 5771", Never},
		{p("ff00::/8"), "multicast", "RFC 4291 §2.7", Never},
		{p("::/3"), "outside 2000::/3", "RFC 4291 §2.4, RFC 3587", Never},
		{p("4000::/2"), "outside 2000::/3", "RFC 4291 §2.4, RFC 3587", Never},
		{p("8000::/1"), "outside 2000::/3", "RFC 4291 §2.4, RFC 3587", Never},
	}
}

// ReservedSet returns the addresses that are excluded by default.
func ReservedSet() Set {
	var closed, open, never Lines
	for _, r := range ReservedTable() {
		into := &closed
		switch r.Reach {
		case Reachable:
			into = &open
		case Never:
			into = &never
		}
		into.add(prefixEntry(r.Prefix), r.Name)
	}
	return closed.Set().Minus(open.Set()).Union(never.Set())
}

func p(s string) netip.Prefix { return netip.MustParsePrefix(s) }
