package main

import (
	"fmt"
	"net"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A sink is a link that accepts every frame and answers none.
type sink struct {
	name  string
	index int
}

var (
	ourAddr = [4]byte{45, 1, 2, 3}
	ourMAC  = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	farMAC  = net.HardwareAddr{2, 0, 0, 0, 0, 2}
)

// queues is how many transmit queues a sink has: one for each sender.
const queues = 2

// newSinks moves the thread into a new network namespace without other links, and makes the sinks
// in it. One sink is an ifb, which frees every frame. The other is a veth whose far end has an
// XDP program that drops every frame.
func newSinks() ([]sink, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("make a network namespace, which needs root: %w", err)
	}
	ifb := netlink.NewLinkAttrs()
	ifb.Name, ifb.HardwareAddr, ifb.NumTxQueues, ifb.NumRxQueues = "ifb0", ourMAC, queues, queues
	veth := netlink.NewLinkAttrs()
	veth.Name, veth.HardwareAddr, veth.NumTxQueues, veth.NumRxQueues = "v0", ourMAC, queues, queues
	for _, link := range []netlink.Link{
		&netlink.Ifb{LinkAttrs: ifb},
		&netlink.Veth{LinkAttrs: veth, PeerName: "v1", PeerHardwareAddr: farMAC, PeerNumTxQueues: queues, PeerNumRxQueues: queues},
	} {
		if err := netlink.LinkAdd(link); err != nil {
			return nil, fmt.Errorf("add %s: %w", link.Attrs().Name, err)
		}
	}
	var sinks []sink
	for _, name := range []string{"lo", "v1", "ifb0", "v0"} {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", name, err)
		}
		switch name {
		case "v1":
			err = dropAll(link)
		case "ifb0", "v0":
			sinks = append(sinks, sink{name, link.Attrs().Index})
			err = netlink.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{IP: ourAddr[:], Mask: net.CIDRMask(32, 32)}})
		}
		if err == nil {
			err = netlink.LinkSetUp(link)
		}
		if err != nil {
			return nil, fmt.Errorf("set up %s: %w", name, err)
		}
	}
	return sinks, nil
}

// dropAll attaches an XDP program that drops every frame that arrives on the link.
func dropAll(link netlink.Link) error {
	const xdpDrop = 1
	program := [...]uint64{ // struct bpf_insn: code, registers, offset, immediate
		0xb7 | xdpDrop<<32, // r0 = XDP_DROP
		0x95,               // exit
	}
	license := [...]byte{'G', 'P', 'L', 0}
	attr := struct { // union bpf_attr of BPF_PROG_LOAD
		kind, count    uint32
		insns, license unsafe.Pointer
		_              [96]byte
	}{kind: unix.BPF_PROG_TYPE_XDP, count: uint32(len(program)), insns: unsafe.Pointer(&program), license: unsafe.Pointer(&license)}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_LOAD, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	if errno != 0 {
		return fmt.Errorf("load an XDP program: %w", errno)
	}
	defer unix.Close(int(fd))
	if err := netlink.LinkSetXdpFdWithFlags(link, int(fd), unix.XDP_FLAGS_DRV_MODE); err != nil {
		return fmt.Errorf("attach an XDP program: %w", err)
	}
	return nil
}
