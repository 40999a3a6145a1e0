package sender

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/codec"
)

// offDestination is where an IPv4 header has the destination (RFC 791 §3.1).
const offDestination = 16

// Local is a Port for IPv4 probes to this machine's own addresses. The kernel
// takes them for forged when they come in by the loopback link from a packet
// socket; from a raw IP socket they are its own. It writes one by one.
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
