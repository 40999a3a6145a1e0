package sender

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/codec"
)

// PacketConfig configures a Packet.
type PacketConfig struct {
	Index    int  // index of the link
	Ethernet bool // whether frames begin with an Ethernet header
	// Source and NextHop4 or NextHop6, by the family of the probe, are the link addresses of
	// the Ethernet header.
	Source, NextHop4, NextHop6 [6]byte
	// Queue selects the link's queueing discipline. Then captures on this machine see the
	// frames, and a frame without room waits in a queue instead of being refused.
	Queue bool
}

// An Ethernet header (IEEE 802.3). It starts at headroom − ethernetLen, so that the IP header after
// it is aligned.
const (
	ethernetLen = 14
	headroom    = 16
	frameRoom   = 128 // headroom and codec.MaxSize, two cache lines
)

const _ = uint(frameRoom - headroom - codec.MaxSize)

// mmsghdr is the kernel's struct mmsghdr.
type mmsghdr struct {
	unix.Msghdr
	n uint32
	_ [4]byte
}

// Packet is a Port on an AF_PACKET socket that only sends, with sendmmsg(2). On
// a link without a link header, the frame is the IP packet.
type Packet struct {
	fd     int
	header int
	ethernet
	frames [MaxBatch][frameRoom]byte
	iov    [MaxBatch]unix.Iovec
	msgs   [MaxBatch]mmsghdr
	to     [2]unix.RawSockaddrLinklayer // IPv4, IPv6
	poll   [1]unix.PollFd
}

// sendBuffer is how many octets of the socket may be in flight: some thousands of frames.
const sendBuffer = 4 << 20

// OpenPacket opens the port. It needs CAP_NET_RAW.
func OpenPacket(c PacketConfig) (*Packet, error) {
	// Protocol 0: the socket never receives.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	p := &Packet{fd: fd}
	if err := p.bind(c); err != nil {
		unix.Close(fd)
		return nil, err
	}
	p.lay(c)
	return p, nil
}

func (p *Packet) bind(c PacketConfig) error {
	if !c.Queue {
		// If this fails, frames go through the queueing discipline, which is only slower.
		_ = unix.SetsockoptInt(p.fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1)
	}
	_ = unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
	if err := unix.Bind(p.fd, &unix.SockaddrLinklayer{Ifindex: c.Index}); err != nil {
		return fmt.Errorf("bind packet socket: %w", err)
	}
	p.poll[0] = unix.PollFd{Fd: int32(p.fd), Events: unix.POLLOUT}
	return nil
}

// lay fills in the parts that never change: headers and the messages' pointers.
func (p *Packet) lay(c PacketConfig) {
	if c.Ethernet {
		p.header = ethernetLen
	}
	p.setHeads(c.Source, c.NextHop4, c.NextHop6)
	for i := range p.to {
		p.to[i] = unix.RawSockaddrLinklayer{
			Family: unix.AF_PACKET, Protocol: binary.NativeEndian.Uint16(p.heads[i][12:]),
			Ifindex: int32(c.Index), Halen: 6,
		}
	}
	for i := range p.frames {
		p.iov[i].Base = &p.frames[i][headroom-p.header]
		p.msgs[i].Iov, p.msgs[i].Iovlen = &p.iov[i], 1
		p.msgs[i].Namelen = unix.SizeofSockaddrLinklayer
	}
}

// Packet implements Port.
func (p *Packet) Packet(i int, is4 bool) []byte {
	f, family := &p.frames[i], 1
	if is4 {
		family = 0
	}
	p.head(f[headroom-ethernetLen:headroom], family)
	p.msgs[i].Name = (*byte)(unsafe.Pointer(&p.to[family]))
	return f[headroom:]
}

// Send implements Port. If the socket is full, it waits up to 10 ms.
func (p *Packet) Send(sizes []int, from, to int) (int, error) {
	for i := from; i < to; i++ {
		p.iov[i].SetLen(p.header + sizes[i])
	}
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(p.fd),
		uintptr(unsafe.Pointer(&p.msgs[from])), uintptr(to-from), unix.MSG_DONTWAIT, 0, 0)
	if errno == 0 {
		return int(n), nil
	}
	if errno == unix.EAGAIN {
		_, _ = unix.Poll(p.poll[:], 10)
	}
	return 0, errno
}

// Close implements Port.
func (p *Packet) Close() error { return unix.Close(p.fd) }
