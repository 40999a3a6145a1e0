package sender

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/codec"
)

// offDestination is the offset of the destination in an IPv4 header (RFC 791 §3.1).
const offDestination = 16

// Local is a Port for IPv4 probes to this machine's own addresses. If such packets leave through a
// packet socket and come back on the loopback link, the kernel takes them for forged. Packets from
// a raw IP socket are its own. Local writes one packet per system call.
type Local struct {
	fd      int
	packets [MaxBatch][codec.MaxSize]byte
}

// OpenLocal opens the port. It needs CAP_NET_RAW.
func OpenLocal() (*Local, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_RAW)
	if err != nil {
		return nil, fmt.Errorf("open raw IP socket: %w", err)
	}
	return &Local{fd: fd}, nil
}

// Packet implements Port.
func (l *Local) Packet(i int, _ bool) []byte { return l.packets[i][:] }

// Send implements Port.
func (l *Local) Send(sizes []int, from, to int) (int, error) {
	for i := from; i < to; i++ {
		packet := l.packets[i][:sizes[i]]
		addr := &unix.SockaddrInet4{Addr: [4]byte(packet[offDestination:])}
		if err := unix.Sendto(l.fd, packet, 0, addr); err != nil {
			return i - from, err
		}
	}
	return to - from, nil
}

// Close implements Port.
func (l *Local) Close() error { return unix.Close(l.fd) }
