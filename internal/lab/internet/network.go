package internet

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/veth"
)

// buildVeth makes a veth pair with its near end in the calling thread's namespace, for a vantage
// point and with a ring of some blocks. Only the port's socket keeps the far end alive.
func buildVeth(vantage, blocks int) (*ethernet, error) {
	var e *ethernet
	near, err := veth.Make(LinkName, func(near, far netlink.Link) (err error) {
		own := [6]byte(far.Attrs().HardwareAddr)
		own[5] ^= 1 // the kernel there ignores packets addressed to another station
		e, err = openEthernet(far.Attrs().Index, blocks, own, [6]byte(near.Attrs().HardwareAddr))
		return err
	})
	if err != nil {
		return nil, err
	}
	return e, configure(near, true, vantage)
}

// buildTun makes the tun device.
func buildTun() (port, error) {
	t, err := openTun(LinkName)
	if err != nil {
		return nil, err
	}
	near, err := netlink.LinkByName(LinkName)
	if err != nil {
		return nil, fmt.Errorf("look up link: %w", err)
	}
	if err := netlink.LinkSetTxQLen(near, 10_000); err != nil {
		return nil, fmt.Errorf("lengthen queue: %w", err)
	}
	return t, configure(near, false, 0)
}

// configure gives the near end the addresses of a vantage point, and the default routes.
func configure(near netlink.Link, ethernet bool, vantage int) error {
	if err := lab.WriteSetting("net/ipv6/conf/"+LinkName+"/accept_dad", "0"); err != nil {
		return err
	}
	if err := veth.Raise(near); err != nil {
		return err
	}
	own, gateway := addresses(vantage)
	for i := range own {
		if err := veth.AddAddress(near, own[i], netip.Addr{}); err != nil {
			return err
		}
		route := &netlink.Route{LinkIndex: near.Attrs().Index, Dst: veth.IPNet(netip.PrefixFrom(zero(own[i].Addr()), 0))}
		if ethernet {
			route.Gw = gateway[i].Addr().AsSlice()
		}
		if err := netlink.RouteAdd(route); err != nil {
			return fmt.Errorf("add default route: %w", err)
		}
	}
	return nil
}

func zero(like netip.Addr) netip.Addr {
	if like.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}
