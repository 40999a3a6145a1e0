package internet

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The receive ring (packet(7), TPACKET_V2). Frames are read where the kernel stored them, without
// a system call for each. They are an odd number of cache lines apart. At a distance of 2048
// octets, the headers of all frames would share a few sets of the caches.
const (
	ringFrame  = 33 * 64
	ringBlock  = 448 * ringFrame // 231 pages
	ringBlocks = 73

	ringHeader = 32 // struct tpacket2_hdr, of which:
	ringStatus = 0
	ringSnap   = 8
	ringMAC    = 12
	ringSec    = 16
	ringNsec   = 20
)

// ethernet is a port at the far end of a veth pair.
type ethernet struct {
	fd     int
	ring   []byte
	next   int // next frame of the ring
	frames int // in the ring
	batch  batch
	lost   uint64 // frames without room in the ring
	unsent uint64
	poll   [1]unix.PollFd
	host   [6]byte // address of the command's end
	own    [6]byte
}

// openEthernet opens the port on the link with that index, in the calling thread's namespace. Its
// ring has a number of blocks.
func openEthernet(index, blocks int, own, host [6]byte) (*ethernet, error) {
	const everything = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8 // in network byte order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	e := &ethernet{fd: fd, own: own, host: host, frames: blocks * ringBlock / ringFrame}
	e.poll[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	for _, option := range [][2]int{
		{unix.PACKET_VERSION, unix.TPACKET_V2},
		{unix.PACKET_IGNORE_OUTGOING, 1},
		{unix.PACKET_QDISC_BYPASS, 1},
	} {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, option[0], option[1]); err != nil {
			return nil, fmt.Errorf("set up packet socket: %w", err)
		}
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 4<<20)
	ring := unix.TpacketReq{Block_size: ringBlock, Block_nr: uint32(blocks), Frame_size: ringFrame, Frame_nr: uint32(e.frames)}
	if err := unix.SetsockoptTpacketReq(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &ring); err != nil {
		return nil, fmt.Errorf("make receive ring: %w", err)
	}
	e.ring, err = unix.Mmap(fd, 0, blocks*ringBlock, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map receive ring: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: everything, Ifindex: index}); err != nil {
		return nil, fmt.Errorf("bind packet socket: %w", err)
	}
	e.batch.init(fd)
	return e, nil
}

// maxReceive is how many frames are handled before replies leave.
const maxReceive = 64

func (e *ethernet) receive(handle func(now int64, packet []byte)) int {
	n := 0
	for ; n < maxReceive; n++ {
		frame := e.ring[e.next*ringFrame : (e.next+1)*ringFrame]
		status := (*uint32)(unsafe.Pointer(&frame[ringStatus]))
		if atomic.LoadUint32(status)&unix.TP_STATUS_USER == 0 {
			break
		}
		mac := int(binary.NativeEndian.Uint16(frame[ringMAC:]))
		snap := int(binary.NativeEndian.Uint32(frame[ringSnap:]))
		now := int64(binary.NativeEndian.Uint32(frame[ringSec:]))*1e9 + int64(binary.NativeEndian.Uint32(frame[ringNsec:]))
		e.frame(now, frame[mac:mac+snap], handle)
		atomic.StoreUint32(status, unix.TP_STATUS_KERNEL)
		if e.next++; e.next == e.frames {
			e.next = 0
		}
	}
	return n
}

// frame passes an IP packet to handle, and answers requests for a link address.
func (e *ethernet) frame(now int64, f []byte, handle func(now int64, packet []byte)) {
	if len(f) < etherLen {
		return
	}
	packet := f[etherLen:]
	switch binary.BigEndian.Uint16(f[12:]) {
	case unix.ETH_P_IP:
		if n := int(binary.BigEndian.Uint16(packet[2:])); len(packet) >= 20 && n <= len(packet) {
			packet = packet[:max(n, 20)] // without the padding of short frames
		}
		handle(now, packet)
	case unix.ETH_P_IPV6:
		if isNeighbourDiscovery(packet) {
			e.answer(appendAdvertisement(nil, packet, e.own))
			return
		}
		handle(now, packet)
	case unix.ETH_P_ARP:
		e.answer(appendARPReply(nil, packet, e.own))
	}
}

// answer sends b after an Ethernet header, unless b is empty.
func (e *ethernet) answer(b []byte) {
	if len(b) > 0 {
		kind := uint16(unix.ETH_P_IPV6)
		if b[0]>>4 != 6 {
			kind = unix.ETH_P_ARP
		}
		e.put(kind, b)
	}
}

func (e *ethernet) send(packet []byte) {
	kind := uint16(unix.ETH_P_IP)
	if packet[0]>>4 == 6 {
		kind = unix.ETH_P_IPV6
	}
	e.put(kind, packet)
}

func (e *ethernet) put(kind uint16, b []byte) {
	if len(b) > maxPacket {
		e.unsent++
		return
	}
	f := e.batch.next()
	copy(f, e.host[:])
	copy(f[6:], e.own[:])
	binary.BigEndian.PutUint16(f[12:], kind)
	if e.batch.commit(etherLen + copy(f[etherLen:], b)) {
		e.flush()
	}
}

func (e *ethernet) flush() { e.unsent += uint64(e.batch.flush()) }

func (e *ethernet) wait(ns int64) { waitFor(e.poll[:], ns) }

func (e *ethernet) drops() (in, out uint64) {
	if s, err := unix.GetsockoptTpacketStats(e.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		e.lost += uint64(s.Drops) // reading clears it
	}
	return e.lost, e.unsent
}

func (e *ethernet) close() {
	_ = unix.Munmap(e.ring)
	_ = unix.Close(e.fd)
}
