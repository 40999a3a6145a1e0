package internet

import (
	"fmt"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/management"
	"github.com/masstrace/masstrace/internal/lab/names"
	"github.com/masstrace/masstrace/internal/netsim"
)

// Environment variables of the command: the address of the hub, and the names of the vantage points
// with spaces between them.
const (
	envHub    = "MASSTRACE_HUB"
	envPoints = "MASSTRACE_VANTAGE_POINTS"
)

// VantagePoints returns the names of the vantage points of a network, none if it has one that is
// the namespace of the command.
func VantagePoints(network *netsim.Config) []string {
	if network.VantagePoints < 2 {
		return nil
	}
	list := make([]string, network.VantagePoints)
	for i := range list {
		list[i] = fmt.Sprintf("vp%d", i+1)
	}
	return list
}

// leastBlocks is the least size of a receive ring. The rings of several ports have the size of one
// together, if each has as much.
const leastBlocks = 2

// buildSeveral makes a namespace for each vantage point. It has an uplink to the simulator, and a
// link to the hub, which is the calling thread's namespace. It returns the far ends of the
// uplinks.
func buildSeveral(o *Options, z *zone) (port, error) {
	points := VantagePoints(&o.Network)
	f := &fan{network: &o.Network}
	for i, name := range points {
		if err := lab.NewNamespace(name); err != nil {
			return nil, err
		}
		err := lab.Within(name, func() error {
			e, err := buildVeth(i, max(ringBlocks/len(points), leastBlocks))
			if err != nil {
				return err
			}
			f.ports = append(f.ports, e)
			f.poll = append(f.poll, e.poll[0])
			return names.Serve(z)
		})
		if err != nil {
			return nil, fmt.Errorf("vantage point %s: %w", name, err)
		}
	}
	network, err := management.Build(points)
	if err != nil {
		return nil, fmt.Errorf("management network: %w", err)
	}
	if err := network.Serve(o.State); err != nil {
		return nil, err
	}
	if err := os.Setenv(envHub, management.Hub().String()); err != nil {
		return nil, err
	}
	return f, os.Setenv(envPoints, strings.Join(points, " "))
}

// fan is the ports of several vantage points. A reply leaves by that of its destination.
type fan struct {
	network *netsim.Config
	ports   []*ethernet
	poll    []unix.PollFd
}

func (f *fan) receive(handle func(now int64, packet []byte)) (n int) {
	for _, p := range f.ports {
		n += p.receive(handle)
	}
	return n
}

func (f *fan) send(packet []byte) {
	var to netip.Addr
	if packet[0]>>4 == 4 {
		to = netip.AddrFrom4([4]byte(packet[16:]))
	} else {
		to = netip.AddrFrom16([16]byte(packet[24:]))
	}
	n, _ := f.network.VantagePoint(to)
	f.ports[n].send(packet)
}

func (f *fan) flush() {
	for _, p := range f.ports {
		p.flush()
	}
}

func (f *fan) wait(ns int64) { waitFor(f.poll, ns) }

func (f *fan) drops() (in, out uint64) {
	for _, p := range f.ports {
		i, o := p.drops()
		in, out = in+i, out+o
	}
	return in, out
}

func (f *fan) close() {
	for _, p := range f.ports {
		p.close()
	}
}
