package management

import (
	"bytes"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// cable carries frames between the far ends of two links, those of the hub and of a vantage point.
// It can be cut and delayed at any time. The links stay up, as if the fault were somewhere on the
// way.
type cable struct {
	cut   atomic.Bool
	delay atomic.Int64 // ns, in each direction
	lost  atomic.Uint64
}

// mostInFlight is how many frames a cable holds in each direction. More of them are lost.
const mostInFlight = 4096

// frame is a frame in flight.
type frame struct {
	due    time.Time
	octets []byte
}

// carry carries frames in one direction, in order, until from is closed.
func (c *cable) carry(from, to *os.File) {
	flight := make(chan frame, mostInFlight)
	defer close(flight)
	go c.deliver(to, flight)
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		f := frame{time.Now().Add(time.Duration(c.delay.Load())), bytes.Clone(buffer[:n])}
		select {
		case flight <- f:
		default:
			c.lost.Add(1)
		}
	}
}

// deliver writes frames when they are due. While the cable is cut, they are lost.
func (c *cable) deliver(to *os.File, flight <-chan frame) {
	for f := range flight {
		time.Sleep(time.Until(f.due))
		if c.cut.Load() {
			continue
		}
		if _, err := to.Write(f.octets); err != nil {
			c.lost.Add(1) // as on a real network
		}
	}
}

// openEnd opens a socket for all frames of the link with an index, in the calling thread's
// namespace.
func openEnd(index int) (*os.File, error) {
	const everything = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8 // in network byte order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	end := os.NewFile(uintptr(fd), "management")
	// A larger buffer is for bursts only.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
	err = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: everything, Ifindex: index})
	}
	if err != nil {
		end.Close()
		return nil, fmt.Errorf("set up packet socket: %w", err)
	}
	return end, nil
}
