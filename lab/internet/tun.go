package internet

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// tun is a port on a tun device: a read or a write is a packet.
type tun struct {
	fd     int
	buf    [frameRoom]byte
	poll   [1]unix.PollFd
	unsent uint64
}

// openTun makes a tun device that ends with its file.
func openTun(name string) (*tun, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open tun device: %w", err)
	}
	req, err := unix.NewIfreq(name)
	if err != nil {
		return nil, fmt.Errorf("name tun device: %w", err)
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("make tun device: %w", err)
	}
	return &tun{fd: fd, poll: [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}}, nil
}

func (t *tun) receive(handle func(now int64, packet []byte)) int {
	n := 0
	for ; n < maxReceive; n++ {
		size, err := unix.Read(t.fd, t.buf[:])
		if err != nil {
			break
		}
		if packet := t.buf[:size]; !linkLocal(packet) {
			handle(time.Now().UnixNano(), packet)
		}
	}
	return n
}

// linkLocal reports whether a packet is the link's own affair.
func linkLocal(packet []byte) bool { return packet[0]>>4 == 6 && isNeighbourDiscovery(packet) }

func (t *tun) send(packet []byte) {
	if _, err := unix.Write(t.fd, packet); err != nil {
		t.unsent++
	}
}

func (t *tun) flush() {}

func (t *tun) wait(ns int64) { waitFor(t.poll[:], ns) }

func (t *tun) drops() (in, out uint64) { return 0, t.unsent }

func (t *tun) close() { _ = unix.Close(t.fd) }
