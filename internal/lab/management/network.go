// Package management is the management network of a lab with several vantage points. Each vantage
// point has a link to the hub, which is the namespace of the lab's command. There is no other way
// out, and no way from one vantage point to another.
//
//	hub: vp1 ── cable ── mgmt0 :vp1
//	     vp2 ── cable ── mgmt0 :vp2
//
// Frames pass a cable in this process. So a link can be cut, delayed and restored while the lab
// runs, without modules of the kernel. [Network.Serve] takes commands to do so.
package management

import (
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/veth"
)

// LinkName is the name of the link in the namespace of a vantage point. In that of the hub, the
// link has the name of the vantage point.
const LinkName = "mgmt0"

// Hub returns the address of the hub. It is the same on all links.
func Hub() netip.Addr { return netip.AddrFrom4([4]byte{10, 255, 0, 1}) }

// Address returns the address of vantage point n, from 0, at most 250.
func Address(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 255, 0, byte(2 + n)}) }

// Network is the cables of the network, by vantage point.
type Network struct{ cables map[string]*cable }

// Build connects the namespace of the calling thread with those of these names. It lives as long as
// the process.
func Build(names []string) (*Network, error) {
	n := &Network{cables: make(map[string]*cable)}
	for i, name := range names {
		hub, err := connect(name, Hub(), Address(i))
		if err != nil {
			return nil, err
		}
		var point *os.File
		err = lab.Within(name, func() (err error) {
			if point, err = connect(LinkName, Address(i), Hub()); err != nil {
				return err
			}
			return closeRest()
		})
		if err != nil {
			return nil, fmt.Errorf("vantage point %s: %w", name, err)
		}
		c := new(cable)
		go c.carry(hub, point)
		go c.carry(point, hub)
		n.cables[name] = c
	}
	return n, nil
}

// connect makes a link with one address at each end, in the namespace of the calling thread. It
// returns the far end.
func connect(name string, own, peer netip.Addr) (end *os.File, err error) {
	near, err := veth.Make(name, func(_, far netlink.Link) (err error) {
		end, err = openEnd(far.Attrs().Index)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := lab.WriteSetting("net/ipv6/conf/"+name+"/disable_ipv6", "1"); err != nil {
		return nil, err
	}
	if err := veth.Raise(near); err != nil {
		return nil, err
	}
	return end, veth.AddAddress(near, netip.PrefixFrom(own, own.BitLen()), peer)
}

// closeRest makes all addresses of the network but the hub's unreachable from the namespace of the
// calling thread. Otherwise packets to them would take the default route.
func closeRest() error {
	rest := netip.PrefixFrom(Hub(), 16).Masked()
	if err := netlink.RouteAdd(&netlink.Route{Type: unix.RTN_UNREACHABLE, Dst: veth.IPNet(rest)}); err != nil {
		return fmt.Errorf("close the rest of the management network: %w", err)
	}
	return nil
}

// UnknownError is the error about a vantage point that the lab does not have.
type UnknownError struct{ Name string }

// Error implements error.
func (e *UnknownError) Error() string { return fmt.Sprintf("the lab has no vantage point %q", e.Name) }

// Cut makes every frame of a vantage point's link get lost, until Restore.
func (n *Network) Cut(name string) error {
	return n.each(name, func(c *cable) { c.cut.Store(true) })
}

// Delay makes frames of a vantage point's link take that long in each direction.
func (n *Network) Delay(name string, d time.Duration) error {
	return n.each(name, func(c *cable) { c.delay.Store(int64(d)) })
}

// Restore ends a cut and a delay.
func (n *Network) Restore(name string) error {
	return n.each(name, func(c *cable) {
		c.delay.Store(0)
		c.cut.Store(false)
	})
}

// All is the name that means all vantage points.
const All = "all"

// each calls f for the cable of a name, or all.
func (n *Network) each(name string, f func(*cable)) error {
	if name == All {
		for _, c := range n.cables {
			f(c)
		}
		return nil
	}
	c, ok := n.cables[name]
	if !ok {
		return &UnknownError{name}
	}
	f(c)
	return nil
}
