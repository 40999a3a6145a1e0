package sender

import (
	"cmp"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// XDPConfig configures an XDP.
type XDPConfig struct {
	Index int    // index of the link, which must carry Ethernet frames
	Queue uint32 // number of the link's queue; each port needs its own
	// Source and NextHop4 or NextHop6, by the family of the probe, are the link
	// addresses of the Ethernet header.
	Source, NextHop4, NextHop6 [6]byte
}

// Sizes of the memory that is shared with the kernel.
const (
	xdpFrames = 4096 // frames in flight at most; also the size of the completion ring
	xdpRoom   = 256  // entries of the transmit ring
	xdpChunk  = 2048 // smallest chunk that the kernel allows; it holds several frames
	xdpBudget = 32   // descriptors that the kernel takes per call by default
)

// XDP is a Port on an AF_XDP socket that only sends. Its frames bypass the queueing discipline and
// captures on this machine.
//
// If the driver supports zero copy, it reads frames directly from the shared memory, at any time.
// Then a frame counts as accepted when it is in the ring. Otherwise the kernel copies the frames
// during Send, and a frame counts as accepted when it was copied. Send withdraws the others from
// the ring, because they would leave later than their stamps.
type XDP struct {
	fd       int
	kernel   xdpKernel // the same socket
	zeroCopy bool
	ethernet
	batch [MaxBatch][frameRoom]byte

	memory []byte // frames of frameRoom octets
	free   []uint32
	queued [MaxBatch]uint32 // the frames of this Send
	unsure []uint32         // frames of one Send, while it is unknown which the kernel took
	tx, cq xdpRing
	passed uint64 // descriptors that the kernel skipped as invalid
}

// OpenXDP opens the port. It needs CAP_NET_RAW.
func OpenXDP(c XDPConfig) (*XDP, error) {
	fd, err := unix.Socket(unix.AF_XDP, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open AF_XDP socket: %w", err)
	}
	x := &XDP{fd: fd, kernel: xdpSocket(fd)}
	x.setHeads(c.Source, c.NextHop4, c.NextHop6)
	err = x.share()
	if err == nil {
		err = x.bind(c)
	}
	if err != nil {
		_ = x.release()
		return nil, err
	}
	return x, nil
}

// share allocates the memory and the rings.
func (x *XDP) share() error {
	var err error
	x.memory, err = unix.Mmap(-1, 0, xdpFrames*frameRoom, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	if err != nil {
		return fmt.Errorf("make memory for frames: %w", err)
	}
	x.divide()
	region := unix.XDPUmemReg{
		Addr: uint64(uintptr(unsafe.Pointer(&x.memory[0]))), Len: uint64(len(x.memory)), Size: xdpChunk,
	}
	if err := setsockopt(x.fd, unix.XDP_UMEM_REG, unsafe.Pointer(&region), unsafe.Sizeof(region)); err != nil {
		if err == unix.ENOBUFS {
			return fmt.Errorf("share memory with the kernel: %w: the limit of locked memory (ulimit -l) leaves no %d KiB for each sender",
				err, len(x.memory)>>10)
		}
		return fmt.Errorf("share memory with the kernel: %w", err)
	}
	for option, size := range map[int]int{
		unix.XDP_UMEM_FILL_RING:       64, // required, although nothing is received
		unix.XDP_UMEM_COMPLETION_RING: xdpFrames, unix.XDP_TX_RING: xdpRoom,
	} {
		if err := unix.SetsockoptInt(x.fd, unix.SOL_XDP, option, size); err != nil {
			return fmt.Errorf("size ring %d of an AF_XDP socket: %w", option, err)
		}
	}
	_ = unix.SetsockoptInt(x.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
	// From Linux 6.18 on, this sends a batch in one call; before, it takes two.
	_ = unix.SetsockoptInt(x.fd, unix.SOL_XDP, unix.XDP_MAX_TX_SKB_BUDGET, MaxBatch)
	var at unix.XDPMmapOffsets
	if err := getsockopt(x.fd, unix.XDP_MMAP_OFFSETS, unsafe.Pointer(&at), unsafe.Sizeof(at)); err != nil {
		return fmt.Errorf("find the rings of an AF_XDP socket: %w", err)
	}
	if x.tx, err = newRing(x.fd, unix.XDP_TX_RING, xdpRoom, &at.Tx,
		int(unsafe.Sizeof(unix.XDPDesc{})), unix.XDP_PGOFF_TX_RING); err != nil {
		return err
	}
	x.cq, err = newRing(x.fd, unix.XDP_UMEM_COMPLETION_RING, xdpFrames, &at.Cr, 8, unix.XDP_UMEM_PGOFF_COMPLETION_RING)
	return err
}

// divide divides the memory into free frames.
func (x *XDP) divide() {
	x.free, x.unsure = make([]uint32, xdpFrames), make([]uint32, 0, MaxBatch)
	for i := range x.free {
		x.free[i] = xdpFrames - 1 - uint32(i)
	}
}

// The kernel keeps a queue busy for some milliseconds after another socket is closed.
const (
	bindTries = 50
	bindPause = 10 * time.Millisecond
)

// bind binds the socket to its queue. The kernel tries zero copy first.
func (x *XDP) bind(c XDPConfig) error {
	to := &unix.SockaddrXDP{Flags: unix.XDP_USE_NEED_WAKEUP, Ifindex: uint32(c.Index), QueueID: c.Queue}
	err := unix.Bind(x.fd, to)
	for try := 0; err == unix.EBUSY && try < bindTries; try++ {
		time.Sleep(bindPause)
		err = unix.Bind(x.fd, to)
	}
	switch {
	case err == unix.EINVAL && c.Queue > 0:
		return fmt.Errorf("bind AF_XDP socket: the link has no queue %d: %w", c.Queue, err)
	case err != nil:
		return fmt.Errorf("bind AF_XDP socket to queue %d: %w", c.Queue, err)
	}
	var options uint32
	if err := getsockopt(x.fd, unix.XDP_OPTIONS, unsafe.Pointer(&options), unsafe.Sizeof(options)); err != nil {
		return fmt.Errorf("ask an AF_XDP socket for its mode: %w", err)
	}
	x.zeroCopy = options&unix.XDP_OPTIONS_ZEROCOPY != 0
	return nil
}

// ZeroCopy reports whether the driver reads frames directly from the shared memory.
func (x *XDP) ZeroCopy() bool { return x.zeroCopy }

// Packet implements Port.
func (x *XDP) Packet(i int, is4 bool) []byte {
	f, family := &x.batch[i], 1
	if is4 {
		family = 0
	}
	x.head(f[headroom-ethernetLen:headroom], family)
	return f[headroom:]
}

// Send implements Port.
func (x *XDP) Send(sizes []int, from, to int) (int, error) {
	x.reap()
	if !x.zeroCopy && x.tx.waiting()+len(x.unsure) > 0 { // frames of a link that was down
		if _, err := x.pass(); err != nil {
			return 0, err
		}
	}
	n := min(to-from, len(x.free), x.tx.room())
	if n == 0 {
		return 0, cmp.Or(x.kernel.wake(), unix.EAGAIN)
	}
	for i := range n {
		x.put(i, &x.batch[from+i], sizes[from+i])
	}
	x.tx.publish()
	if !x.zeroCopy {
		return x.transmit(n)
	}
	if x.tx.needWakeup() {
		_ = x.kernel.wake() // an error shows when the ring is full
	}
	return n, nil
}

// put copies the i-th frame of this Send to the shared memory and writes its descriptor into the
// ring.
func (x *XDP) put(i int, frame *[frameRoom]byte, size int) {
	last := len(x.free) - 1
	at := x.free[last]
	x.free, x.queued[i] = x.free[:last], at
	copy(x.memory[at*frameRoom:][:frameRoom], frame[:])
	*x.tx.desc(x.tx.own) = unix.XDPDesc{
		Addr: uint64(at)*frameRoom + headroom - ethernetLen, Len: uint32(ethernetLen + size),
	}
	x.tx.own++
}

// transmit makes the kernel copy the n frames that were put. It returns how many the kernel
// accepted.
func (x *XDP) transmit(n int) (int, error) {
	var errno unix.Errno
	for range n/xdpBudget + 1 {
		errno = x.kernel.wake()
		if errno == 0 && x.tx.waiting() == 0 {
			return n, nil
		}
		if errno != 0 && errno != unix.EAGAIN {
			break
		}
	}
	accepted := x.withdraw(n)
	if errno == unix.EBUSY { // the driver took the last frame and dropped it
		// The kernel's counter may not include that frame yet.
		accepted, errno = max(accepted-1, 0), unix.ENOBUFS
	}
	if accepted == n {
		return n, nil
	}
	return accepted, cmp.Or(errno, unix.EAGAIN)
}

// withdraw removes from the ring those of the n frames that the kernel has not taken. It returns
// how many it has taken. If the kernel does not skip the others now, the result is that of the
// kernel's counter. The memory of the frames then stays unsure until pass succeeds.
func (x *XDP) withdraw(n int) int {
	// The producer counter cannot go back, because the kernel may have read it. A descriptor
	// outside of the memory is skipped, and the kernel counts it as invalid.
	for i := range x.tx.waiting() {
		x.tx.desc(x.tx.own - uint32(i) - 1).Addr = uint64(len(x.memory))
	}
	// The kernel may have taken more than its counter shows, until it reaches the end of the
	// ring.
	taken := n - x.tx.waiting()
	x.unsure = append(x.unsure[:0], x.queued[:n]...)
	if passed, err := x.pass(); err == nil {
		taken = n - passed
	}
	return taken
}

// pass makes the kernel skip all descriptors in the ring, which were withdrawn. It frees the memory
// of the skipped frames, and returns how many there are.
func (x *XDP) pass() (passed int, err error) {
	// Since Linux 6.6 each call skips one descriptor. One more call stores the counter.
	for range x.tx.waiting() + 2 {
		if errno := x.kernel.wake(); errno != 0 && errno != unix.EAGAIN {
			return 0, errno
		}
		if x.tx.waiting() > 0 {
			continue
		}
		if total, ok := x.kernel.invalid(); ok {
			passed = min(int(total-x.passed), len(x.unsure))
			x.passed = total
		}
		x.free = append(x.free, x.unsure[len(x.unsure)-passed:]...)
		x.unsure = x.unsure[:0]
		return passed, nil
	}
	return 0, unix.EAGAIN
}

// reap frees the frames that the kernel has completed. Some kernels also complete descriptors that
// they skipped; those have no frame.
func (x *XDP) reap() {
	x.cq.drain(func(addr uint64) {
		if addr < uint64(len(x.memory)) {
			x.free = append(x.free, uint32(addr/frameRoom))
		}
	})
}

// drainTime is how long Close waits for frames in flight.
const drainTime = 200 * time.Millisecond

// Close implements Port. It waits for the frames that the driver still has.
func (x *XDP) Close() error {
	for end := time.Now().Add(drainTime); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if x.reap(); len(x.free)+len(x.unsure) >= xdpFrames {
			break
		}
		if x.zeroCopy {
			_ = x.kernel.wake()
		}
	}
	return x.release()
}

func (x *XDP) release() error {
	err := unix.Close(x.fd)
	x.tx.unmap()
	x.cq.unmap()
	if x.memory != nil {
		_ = unix.Munmap(x.memory)
	}
	return err
}
