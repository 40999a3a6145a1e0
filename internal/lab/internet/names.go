package internet

import (
	"net/netip"

	"github.com/masstrace/masstrace/internal/lab/management"
	"github.com/masstrace/masstrace/internal/netsim"
)

// zone has the names of a simulated Internet, and of the ends of the links. It only reads.
type zone struct {
	truth *netsim.Truth
	ends  map[netip.Addr]string
}

// newZone returns the names of a network.
func newZone(network netsim.Config) (*zone, error) {
	truth, err := netsim.NewTruth(network)
	if err != nil {
		return nil, err
	}
	z := &zone{truth: truth, ends: map[netip.Addr]string{}}
	own, gateway := addresses(0)
	for i := range own {
		z.ends[own[i].Addr()] = "vantage.lab.example.net"
		z.ends[gateway[i].Addr()] = "gateway.lab.example.net"
	}
	for n, name := range VantagePoints(&network) {
		z.ends[management.Hub()] = "hub.lab.example.net"
		z.ends[management.Address(n)] = name + ".lab.example.net"
		own, _ := addresses(n)
		for _, p := range own {
			z.ends[p.Addr()] = "uplink." + name + ".lab.example.net"
		}
	}
	return z, nil
}

// Name implements names.Zone.
func (z *zone) Name(a netip.Addr) (name string, ok bool) {
	if name, ok = z.ends[a]; ok {
		return name, true
	}
	return z.truth.Name(a)
}

// Addrs implements names.Zone.
func (z *zone) Addrs(name string) (list []netip.Addr) {
	for a, end := range z.ends {
		if end == name {
			list = append(list, a)
		}
	}
	if a, ok := z.truth.Addr(name); ok {
		list = append(list, a)
	}
	return list
}
