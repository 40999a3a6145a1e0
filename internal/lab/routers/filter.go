package routers

import (
	"fmt"
	"slices"
)

// filterLines returns the nft(8) commands for a node's behaviour that the kernel does not have by
// itself.
func (t *Topology) filterLines(node string, limits Limits) []string {
	var lines []string
	if slices.Contains(t.silent, node) {
		lines = append(lines,
			"table inet silent {",
			"  chain output {",
			"    type filter hook output priority filter",
			"    icmp type time-exceeded drop",
			"    icmpv6 type time-exceeded drop",
			"  }",
			"}")
	}
	if slices.Contains(t.services, node) {
		lines = append(lines,
			"table inet services {",
			"  chain input {",
			"    type filter hook input priority filter",
			fmt.Sprintf("    tcp dport %d drop", filteredPort),
			"  }",
			"}")
	}
	for _, l := range t.nat {
		if l.near == node {
			lines = append(lines, natLines(l.device(node))...)
		}
	}
	for _, a := range t.territories {
		if a.Node == node {
			lines = append(lines, a.filterLines(limits)...)
		}
	}
	return lines
}

// natLines returns the commands that translate the source of packets that leave by device.
func natLines(device string) []string {
	var lines []string
	for _, family := range []string{"ip", "ip6"} {
		lines = append(lines,
			"table "+family+" nat {",
			"  chain postrouting {",
			"    type nat hook postrouting priority srcnat",
			fmt.Sprintf("    oifname %q masquerade", device),
			"  }",
			"}")
	}
	return lines
}

// filterLines returns the commands that a Territory needs in addition to its routes.
func (a Territory) filterLines(limits Limits) []string {
	reject := ""
	switch {
	case a.Ending == Reached:
		return targetLines()
	case a.Ending == Prohibited:
		reject = "admin-prohibited"
	case a.Ending == Unreachable:
		reject = "host-unreachable"
	}
	if reject == "" || limits == KeepLimits {
		return nil
	}
	// In IPv4 the errors of such a route have their own limit, for the whole machine:
	// error_cost and error_burst, to one a second. No namespace can lift it. So a filter
	// sends the same error just before the route would.
	return []string{
		"table ip refuse {",
		"  chain prerouting {",
		"    type filter hook prerouting priority raw",
		fmt.Sprintf("    ip daddr %s reject with icmp %s", a.V4, reject),
		"  }",
		"}",
	}
}

// targetLines returns commands that make a port unreachable come from the probed address. In
// IPv6, Linux uses the address of the link, because no interface has the target's address. The
// node only has a route that makes the prefix local. The target is the quoted packet's
// destination, 8 + 24 octets into the message.
func targetLines() []string {
	return []string{
		"table ip6 target {",
		"  chain output {",
		"    type filter hook output priority filter",
		"    icmpv6 type destination-unreachable icmpv6 code port-unreachable ip6 saddr set @th,256,128",
		"  }",
		"}",
	}
}
