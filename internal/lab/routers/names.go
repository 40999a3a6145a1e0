package routers

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/lab/names"
)

// domain is the end of all names in the lab.
const domain = "lab.example.net"

// zone has the names of the lab. The address of a node on its link to another is OTHER.NODE, and
// an address in a territory has the name of its node.
type zone struct {
	t     *Topology
	names map[netip.Addr]string
	addrs map[string][]netip.Addr
}

// newZone returns the names of t.
func (t *Topology) newZone() *zone {
	z := &zone{t: t, names: map[netip.Addr]string{}, addrs: map[string][]netip.Addr{}}
	for _, l := range t.links {
		for _, pair := range [][2]string{{l.near, l.far}, {l.far, l.near}} {
			if slices.Contains(t.nameless, pair[0]) {
				continue
			}
			name := pair[1] + "." + pair[0] + "." + domain
			for _, a := range l.addrs(pair[0]) {
				z.names[a] = name
				z.addrs[name] = append(z.addrs[name], a)
			}
		}
	}
	return z
}

// Name implements names.Zone.
func (z *zone) Name(a netip.Addr) (name string, ok bool) {
	if name, ok := z.names[a]; ok {
		return name, true
	}
	for _, area := range z.t.territories {
		if (area.V4.Contains(a) || area.V6.Contains(a)) && !slices.Contains(z.t.nameless, area.Node) {
			return names.HostLabel(a) + "." + area.Node + "." + domain, true
		}
	}
	return "", false
}

// Addrs implements names.Zone.
func (z *zone) Addrs(name string) []netip.Addr {
	if list, ok := z.addrs[name]; ok {
		return list
	}
	label, _, _ := strings.Cut(name, ".")
	a, ok := names.ParseHostLabel(label)
	if same, named := z.Name(a); ok && named && same == name {
		return []netip.Addr{a}
	}
	return nil
}
