package routers

// Limits selects whether Linux limits its own ICMP errors.
type Limits uint8

// With LiftLimits every probe is answered. KeepLimits keeps the kernel's default limits.
const (
	LiftLimits Limits = iota
	KeepLimits
)

// settings returns the settings of every node before it has links.
func settings(limits Limits) []setting {
	all := []setting{
		// Answers may come back by another branch than the probes.
		{"ipv4/conf/all/rp_filter", "0"},
		{"ipv4/conf/default/rp_filter", "0"},
		// Addresses work at once, and nodes do not solicit routers.
		{"ipv6/conf/default/accept_dad", "0"},
		{"ipv6/conf/default/accept_ra", "0"},
		{"ipv6/conf/default/router_solicitations", "0"},
		{"ipv6/conf/all/disable_ipv6", "0"},
		{"ipv6/conf/default/disable_ipv6", "0"},
		{"ipv4/icmp_errors_use_inbound_ifaddr", "0"},
	}
	if limits == LiftLimits {
		all = append(all,
			setting{"ipv4/icmp_ratelimit", "0"},
			setting{"ipv4/icmp_ratemask", "0"},
			setting{"ipv4/icmp_msgs_per_sec", "1000000000"},
			setting{"ipv4/icmp_msgs_burst", "1000000000"},
			setting{"ipv6/icmp/ratelimit", "0"},
			setting{"ipv6/icmp/ratemask", "255"}, // types that are never sent
		)
	}
	return all
}

// forwarding returns the additional settings of routers. Balancing is per flow: by addresses,
// protocol and ports. The fixed seed makes a flow take the same branch in every lab.
func forwarding() []setting {
	return []setting{
		{"ipv4/conf/all/forwarding", "1"},
		{"ipv6/conf/all/forwarding", "1"},
		{"ipv4/conf/all/send_redirects", "0"},
		{"ipv4/conf/default/send_redirects", "0"},
		{"ipv4/fib_multipath_hash_policy", "1"},
		{"ipv6/fib_multipath_hash_policy", "1"},
		{"ipv4/fib_multipath_hash_seed", "1"},
	}
}
