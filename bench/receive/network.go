package main

import (
	"context"
	"fmt"
	"net"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The network: a veth whose far end drops all frames. The namespace has no other link.
const (
	network = "replies"
	near    = "uplink0"
	far     = "far0"
	local   = "192.0.2.2"
	gateway = "192.0.2.1"
)

var gatewayMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}

// build builds the network, as a lab.Setup does.
func build(context.Context, string) (func() error, error) {
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: near}, PeerName: far}
	if err := netlink.LinkAdd(veth); err != nil {
		return nil, fmt.Errorf("add link: %w", err)
	}
	for _, name := range []string{near, far} {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return nil, err
		}
		if name == far {
			if err := dropAll(l); err != nil {
				return nil, err
			}
		}
		if err := netlink.LinkSetUp(l); err != nil {
			return nil, fmt.Errorf("set %s up: %w", name, err)
		}
	}
	l, err := netlink.LinkByName(near)
	if err != nil {
		return nil, err
	}
	address, err := netlink.ParseAddr(local + "/24")
	if err != nil {
		return nil, err
	}
	if err := netlink.AddrAdd(l, address); err != nil {
		return nil, fmt.Errorf("add address: %w", err)
	}
	index, hop := l.Attrs().Index, net.ParseIP(gateway)
	if err := netlink.NeighAdd(&netlink.Neigh{LinkIndex: index, State: netlink.NUD_PERMANENT, IP: hop, HardwareAddr: gatewayMAC}); err != nil {
		return nil, fmt.Errorf("add neighbour: %w", err)
	}
	if err := netlink.RouteAdd(&netlink.Route{LinkIndex: index, Gw: hop}); err != nil {
		return nil, fmt.Errorf("add route: %w", err)
	}
	return nil, nil
}

// dropAll attaches a program that drops every received frame.
func dropAll(l netlink.Link) error {
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.XDP, License: "Apache-2.0",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, xdpDrop), asm.Return()},
	})
	if err != nil {
		return fmt.Errorf("load program: %w", err)
	}
	// The link keeps its own reference.
	defer program.Close()
	if err := netlink.LinkSetXdpFdWithFlags(l, program.FD(), unix.XDP_FLAGS_DRV_MODE); err != nil {
		return fmt.Errorf("attach program: %w", err)
	}
	return nil
}
