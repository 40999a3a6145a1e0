package internet

import (
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tun is a port on a tun device: each read or write is a packet. With io_uring, one system call
// moves many packets; without, each packet needs its own.
type tun struct {
	fd      int
	ring    *uring // nil for plain reads and writes
	in, out burst  // out is used only with a ring
	ask     int    // number of reads in the next burst
	poll    [1]unix.PollFd
	unsent  uint64
}

// leastAsk is the number of reads on an idle link: empty reads cost less than a second system call.
const leastAsk = 4

// openTun makes a tun device that is removed when its file is closed.
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
	t := &tun{fd: fd, ask: leastAsk, poll: [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}}
	t.openRing()
	return t, nil
}

// openRing makes the port's ring. It makes none if the kernel is too old (before Linux 5.18) or
// forbids it, as containers and sysctls do.
func (t *tun) openRing() {
	ring, err := newUring()
	if err != nil {
		return
	}
	// No packet can have arrived yet.
	if ring.do(opRead, t.fd, &t.in, 1); t.in.size[0] != -int32(unix.EAGAIN) {
		ring.close()
		return
	}
	t.ring = ring
}

func (t *tun) receive(handle func(now int64, packet []byte)) int {
	now := time.Now().UnixNano()
	if t.ring != nil {
		return t.receiveBurst(now, handle)
	}
	n, buf := 0, t.in.data[0][:]
	for ; n < maxReceive; n++ {
		size, errno := rawIO(unix.SYS_READ, t.fd, buf)
		if errno != 0 || size == 0 {
			break
		}
		if packet := buf[:size]; !linkLocal(packet) {
			handle(now, packet)
		}
	}
	return n
}

// receiveBurst reads a burst. If all reads found a packet, the next burst has twice as many,
// otherwise half as many. So an idle link does not cost a whole burst of empty reads.
func (t *tun) receiveBurst(now int64, handle func(now int64, packet []byte)) int {
	t.ring.do(opRead, t.fd, &t.in, t.ask)
	n := 0
	for i, size := range t.in.size[:t.ask] {
		if size <= 0 { // a later read may still have found a packet that came meanwhile
			continue
		}
		n++
		if packet := t.in.data[i][:size]; !linkLocal(packet) {
			handle(now, packet)
		}
	}
	if n == t.ask {
		t.ask = min(2*n, maxReceive)
	} else {
		t.ask = max(t.ask/2, n, leastAsk)
	}
	return n
}

// linkLocal reports whether a packet concerns only the link.
func linkLocal(packet []byte) bool { return packet[0]>>4 == 6 && isNeighbourDiscovery(packet) }

func (t *tun) send(packet []byte) {
	if t.ring != nil {
		t.out.size[t.out.n] = int32(copy(t.out.data[t.out.n][:], packet))
		if t.out.n++; t.out.n == batchSize {
			t.flush()
		}
		return
	}
	if _, errno := rawIO(unix.SYS_WRITE, t.fd, packet); errno != 0 {
		t.unsent++
	}
}

func (t *tun) flush() {
	if t.out.n == 0 {
		return
	}
	t.ring.do(opWrite, t.fd, &t.out, t.out.n)
	for _, size := range t.out.size[:t.out.n] {
		if size < 0 {
			t.unsent++
		}
	}
	t.out.n = 0
}

// rawIO reads or writes one packet. Neither blocks, so the Go scheduler need not see the call:
// informing it would cost more than the call.
func rawIO(call uintptr, fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return int(n), errno
}

func (t *tun) wait(ns int64) { waitFor(t.poll[:], ns) }

func (t *tun) drops() (in, out uint64) { return 0, t.unsent }

func (t *tun) close() {
	if t.ring != nil {
		t.ring.close()
	}
	_ = unix.Close(t.fd)
}
