package draw

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// sample is a record of the tests.
type sample struct {
	name string
	m    *record.Multipath
	rtt  bool
}

// made returns a record of links in words: TTL, near end, far end and flows, separated by blanks.
// Addresses are numbers n for 203.0.113.n, T for the target, * for silence. R after the flows is
// a remapped link.
func made(is6 bool, links string, balancers ...record.Balancer) *record.Multipath {
	m := &record.Multipath{Target: target(is6), Source: address(is6, "1"), Probes: 100, Balancers: balancers}
	flows := map[place]int{}
	incoming := map[place]bool{}
	for line := range strings.SplitSeq(strings.TrimSpace(links), "\n") {
		var ttl, n int
		var near, far, mark string
		_, _ = fmt.Sscan(line, &ttl, &near, &far, &n, &mark)
		l := record.Link{TTL: uint8(ttl), Near: address(is6, near), Far: address(is6, far), Flows: n, Remapped: mark == "R"}
		m.Links = append(m.Links, l)
		from, to := place{l.TTL, l.Near}, place{l.TTL + 1, l.Far}
		if !incoming[from] {
			flows[from] += n
		}
		if !incoming[to] {
			flows[to], incoming[to] = 0, true
		}
		flows[to] += n
	}
	for at, n := range flows {
		if !at.addr.IsZero() {
			m.Nodes = append(m.Nodes, record.Node{TTL: at.ttl, Addr: at.addr, Flows: n})
		}
	}
	slices.SortFunc(m.Nodes, func(a, b record.Node) int {
		return strings.Compare(fmt.Sprint(1000+int(a.TTL), a.Addr), fmt.Sprint(1000+int(b.TTL), b.Addr))
	})
	return m
}

func target(is6 bool) probe.Addr {
	if is6 {
		return probe.AddrFrom(netip.MustParseAddr("2001:db8:9::9"))
	}
	return probe.Addr4From([4]byte{198, 51, 100, 9})
}

func address(is6 bool, name string) probe.Addr {
	var n int
	switch _, _ = fmt.Sscan(name, &n); {
	case name == "T":
		return target(is6)
	case name == "*":
		return probe.Addr{}
	case is6:
		return probe.AddrFrom(netip.MustParseAddr(fmt.Sprintf("2001:db8:100:%x::%x", n/16, n)))
	}
	return probe.Addr4From([4]byte{203, 0, 113, byte(n)})
}

// balancer returns a balancer that is complete.
func balancer(ttl uint8, n string, width, length int, flows int) record.Balancer {
	return record.Balancer{TTL: ttl, Addr: address(false, n), Width: width, Length: length, Asked: flows, Answered: flows, Confidence: 0.968}
}

// wide returns the links of a diamond of width branches, each of length−1 routers, from TTL 2 to
// the target. Each branch takes one more flow than the one before if weighted.
func wide(width, length int, weighted bool) string {
	var b strings.Builder
	b.WriteString("1 1 2 96\n")
	name := func(i, ttl int) string { return fmt.Sprint(3 + i + (ttl-3)*width) }
	for ttl := 2; ttl < 2+length; ttl++ {
		for i := range width {
			near, far, n := name(i, ttl), name(i, ttl+1), 6
			if ttl == 2 {
				near = "2"
			}
			if ttl == 1+length {
				far = "T"
			}
			if weighted {
				n = 1 + i
			}
			fmt.Fprintf(&b, "%d %s %s %d\n", ttl, near, far, n)
		}
	}
	return b.String()
}

func samples() []sample {
	two := "1 1 2 11\n2 2 3 6\n2 2 4 5\n3 3 5 6\n3 4 6 5\n4 5 7 6\n4 6 7 5\n5 7 T 11\n"
	nested := "1 1 2 20\n2 2 3 10\n2 2 4 10\n3 3 5 10\n3 4 6 5\n3 4 7 5\n4 5 8 10\n4 6 9 5\n4 7 9 5\n5 8 10 10\n5 9 10 10\n6 10 T 20\n"
	mesh := "1 1 2 32\n2 2 3 16\n2 2 4 16\n3 3 5 8\n3 3 6 8\n3 4 5 8\n3 4 6 8\n4 5 7 16\n4 6 7 16\n5 7 T 32\n"
	partial := "1 1 2 32\n2 2 3 10\n2 2 4 11\n2 2 5 11\n3 3 6 5\n3 3 7 5\n3 4 7 11\n3 5 6 6\n3 5 8 5\n4 6 T 11\n4 7 T 16\n4 8 T 5\n"
	limited := balancer(2, "2", 3, 0, 40)
	limited.Answered, limited.Confidence, limited.State, limited.Kind = 9, 0.41, record.BalancerLimited, record.PerPacket
	hashed := balancer(2, "2", 2, 3, 11)
	hashed.HashFields = record.Examined | record.HashSourcePort | record.HashDestPort | record.HashDestination
	borrowed := balancer(2, "2", 2, 0, 6)
	borrowed.Borrowed, borrowed.Asymmetry, borrowed.State = true, 1, record.BalancerTruncated
	list := []sample{
		{"nothing", &record.Multipath{Target: target(false), Probes: 30}, false},
		{"path", made(false, "1 1 2 6\n2 2 * 6\n3 * 4 6\n4 4 T 6"), true},
		{"two", made(false, two, hashed), true},
		{"nested", made(false, nested, balancer(2, "2", 2, 4, 20), balancer(3, "4", 2, 2, 10)), false},
		{"mesh", made(false, mesh, balancer(2, "2", 2, 3, 32), balancer(3, "3", 2, 2, 16), balancer(3, "4", 2, 2, 16)), false},
		{"partial-mesh", made(false, partial, balancer(2, "2", 3, 3, 32), balancer(3, "3", 2, 2, 10), balancer(3, "5", 2, 2, 11)), true},
		{"silent-branch", made(false, "1 1 2 16\n2 2 3 6\n2 2 * 5\n2 2 5 5\n3 3 6 6\n3 * 6 5\n3 5 6 5\n4 6 T 16", limited), false},
		{"unequal", made(false, "1 1 2 11\n2 2 3 6\n2 2 T 5\n3 3 4 6\n4 4 T 6", borrowed), false},
		{"unequal-inside", made(false, "1 1 2 11\n2 2 3 6\n2 2 4 5\n3 3 5 6\n3 4 6 5\n4 5 7 6\n4 6 5 5\n5 7 T 6\n5 5 7 5\n6 7 T 5"), false},
		{"crossed", made(false, "1 1 2 24\n2 2 3 12\n2 2 4 12\n3 3 5 4\n3 3 6 4\n3 3 7 4\n3 4 6 6\n3 4 8 6\n4 5 T 4\n4 6 T 10\n4 7 T 4\n4 8 T 6"), false},
		{"in-a-row", made(false, "1 1 2 11\n1 1 3 11\n2 2 4 6\n2 3 4 5\n3 4 5 6\n3 4 6 5\n4 5 T 6\n4 6 T 5", balancer(1, "1", 2, 2, 22), balancer(3, "4", 2, 2, 11)), false},
		{"first", made(false, "1 1 3 6\n1 2 3 5\n2 3 T 11"), false},
		{"wide-6", made(false, wide(6, 3, false), balancer(2, "2", 6, 3, 36)), false},
		{"wide-16", made(false, wide(16, 2, true), balancer(2, "2", 16, 2, 136)), false},
		{"wide-16-long", made(false, wide(16, 3, true), balancer(2, "2", 16, 3, 136)), false},
		{"wide-100", made(false, wide(100, 2, false), balancer(2, "2", 100, 2, 600)), false},
		{"ipv6", made(true, two, record.Balancer{TTL: 2, Addr: address(true, "2"), Width: 2, Length: 3, Kind: record.PerDestination, Asked: 11, Answered: 11, Confidence: 1}), true},
		{"remapped", made(false, two+"2 2 9 1 R\n3 9 5 1 R\n", hashed), false},
	}
	moved := list[len(list)-1].m
	moved.Remapped, moved.Unfinished, moved.MDA = 1, true, record.Full
	return list
}
