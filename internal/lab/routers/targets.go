package routers

import (
	"fmt"
	"net/netip"
	"strings"
)

// A cut is a part of a territory in the target list. bits4 and bits6 are the lengths of its two
// prefixes. place is the sixteenth of the territory (a /16, a /36) in which they begin.
type cut struct{ bits4, bits6, place int }

// cuts returns cuts of all sizes, from hundreds of granules (a /24, a /48) down to a part of one
// and a single address. The first is left out in territories without any answer.
func cuts() []cut {
	return []cut{
		{15, 39, 0}, // 512 granules
		{17, 41, 2}, // 128
		{18, 42, 3}, // 64
		{19, 43, 4}, // 32
		{20, 44, 5}, // 16
		{22, 46, 6}, // 4
		{24, 48, 7},
		{25, 64, 8},
		{32, 128, 9},
	}
}

// answers lists the addresses that answer, for people. Both prefixes of a territory have the same
// number.
func (t *Topology) answers() string {
	numbers := map[Ending][]string{}
	for _, a := range t.territories {
		numbers[a.Ending] = append(numbers[a.Ending], fmt.Sprint(a.V4.Addr().As4()[1]))
	}
	list := func(e Ending) string { return strings.Join(numbers[e], ", ") }
	return fmt.Sprintf("every address in 45.N.0.0/12 and 2a00:N::/32 for N = %s. "+
		"A router reports N = %s as prohibited and N = %s as unreachable, and drops N = %s. Other addresses have no route. "+
		"Names look like r4.r5.lab.example.net", list(Reached), list(Prohibited), list(Unreachable), list(Dropped))
}

// Targets returns the text of a target list that covers every territory, in
// both families: testdata/prefixes.txt.
func (t *Topology) Targets() string {
	var s strings.Builder
	s.WriteString("# Where the lab's scans go: IPv4 and IPv6 prefixes of all sizes, some 10,000\n" +
		"# targets at one for each /24 and /48. They mean nothing outside the lab.\n")
	for _, a := range t.territories {
		for _, c := range cuts() {
			if c.place == 0 && a.Ending != Reached {
				continue
			}
			p4, p6 := a.cut(c)
			fmt.Fprintf(&s, "%s\n%s\n", line(p4), line(p6))
		}
	}
	return s.String()
}

// cut returns a cut's two prefixes in a.
func (a Territory) cut(c cut) (p4, p6 netip.Prefix) {
	o4, o6 := a.V4.Addr().As4(), a.V6.Addr().As16()
	o4[1] += byte(c.place)
	o6[4] = byte(c.place) << 4
	if c.bits4 == 32 {
		o4[3], o6[15] = 77, 77 // neither the first nor the last address of a prefix
	}
	return netip.PrefixFrom(netip.AddrFrom4(o4), c.bits4), netip.PrefixFrom(netip.AddrFrom16(o6), c.bits6)
}

// line returns the text of a prefix; a single address has no length.
func line(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
