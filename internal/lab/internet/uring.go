package internet

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// From linux/io_uring.h, which x/sys lacks.
const (
	opRead, opWrite = 22, 23 // IORING_OP_READ, IORING_OP_WRITE

	setupSubmitAll = 1 << 7 // one failed request does not stop the next; Linux 5.18
	singleMmap     = 1 << 0 // one mapping holds both rings
	enterGetEvents = 1 << 0

	offRings   = 0
	offEntries = 0x10000000
)

type (
	uringParams struct {
		sqEntries, cqEntries, flags, cpu, idle, features, wqFd uint32

		_      [3]uint32
		sq, cq struct {
			head, tail, mask, entries uint32
			// In sq these are flags, dropped and array. In cq they are overflow, cqes
			// and flags.
			a, b, c, _ uint32
			_          uint64
		}
	}
	submission struct {
		op, flags uint8
		_         uint16
		fd        int32
		offset    uint64
		addr      uint64
		length    uint32
		rwFlags   uint32
		user      uint64
		_         [3]uint64
	}
	completion struct {
		user   uint64
		result int32
		_      uint32
	}
)

// burst is the packets that one system call reads or writes. The kernel uses their addresses only
// during uring.do.
type burst struct {
	n    int
	size [batchSize]int32 // octets, or a negative errno
	data [batchSize][maxPacket]byte
}

// uring reads or writes a burst of packets in one system call, by io_uring(7).
type uring struct {
	fd      int
	rings   []byte // shared with the kernel; the fields below point into it
	entries []byte

	sqHead, sqTail, cqHead, cqTail *uint32

	sqes []submission
	cqes []completion
}

// newUring returns an error if the kernel lacks io_uring or forbids it. A ring belongs to one
// goroutine at a time.
func newUring() (*uring, error) {
	p := uringParams{flags: setupSubmitAll}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, batchSize, uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return nil, fmt.Errorf("set up io_uring: %w", errno)
	}
	unix.CloseOnExec(int(fd))
	u := &uring{fd: int(fd)}
	if err := u.mmap(&p); err != nil {
		u.close()
		return nil, err
	}
	return u, nil
}

func (u *uring) mmap(p *uringParams) (err error) {
	if p.features&singleMmap == 0 {
		return fmt.Errorf("map io_uring: %w", unix.ENOSYS)
	}
	const access, shared = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED | unix.MAP_POPULATE
	length := max(p.sq.c+p.sqEntries*4, p.cq.b+p.cqEntries*uint32(unsafe.Sizeof(completion{})))
	if u.rings, err = unix.Mmap(u.fd, offRings, int(length), access, shared); err != nil {
		return fmt.Errorf("map io_uring: %w", err)
	}
	length = p.sqEntries * uint32(unsafe.Sizeof(submission{}))
	if u.entries, err = unix.Mmap(u.fd, offEntries, int(length), access, shared); err != nil {
		return fmt.Errorf("map io_uring: %w", err)
	}
	at := func(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&u.rings[offset])) }
	u.sqHead, u.sqTail, u.cqHead, u.cqTail = at(p.sq.head), at(p.sq.tail), at(p.cq.head), at(p.cq.tail)
	order := unsafe.Slice(at(p.sq.c), p.sqEntries)
	for i := range order {
		order[i] = uint32(i)
	}
	u.sqes = unsafe.Slice((*submission)(unsafe.Pointer(&u.entries[0])), p.sqEntries)
	u.cqes = unsafe.Slice((*completion)(unsafe.Pointer(&u.rings[p.cq.b])), p.cqEntries)
	return nil
}

// do reads or writes the first n packets of b, in order, and sets their sizes to the results. It
// does not wait: RWF_NOWAIT makes a read of an empty device return EAGAIN, while with O_NONBLOCK
// alone the ring would poll.
func (u *uring) do(op uint8, fd int, b *burst, n int) {
	tail := *u.sqTail
	for i := range n {
		length := uint32(maxPacket)
		if op == opWrite {
			length = uint32(b.size[i])
		}
		u.sqes[int(tail)&(len(u.sqes)-1)] = submission{
			op: op, fd: int32(fd), addr: uint64(uintptr(unsafe.Pointer(&b.data[i]))), length: length,
			rwFlags: unix.RWF_NOWAIT, user: uint64(i),
		}
		tail++
		b.size[i] = -int32(unix.ECANCELED)
	}
	atomic.StoreUint32(u.sqTail, tail)
	for done := 0; done < n; {
		// Not by Syscall6: nothing blocks, so the Go scheduler need not see the call.
		_, _, errno := unix.RawSyscall6(unix.SYS_IO_URING_ENTER, uintptr(u.fd),
			uintptr(tail-atomic.LoadUint32(u.sqHead)), uintptr(n-done), enterGetEvents, 0, 0)
		done += u.reap(b)
		if errno != 0 && errno != unix.EINTR {
			// Withdraw the rest.
			atomic.StoreUint32(u.sqTail, atomic.LoadUint32(u.sqHead))
			return
		}
	}
}

// reap collects the completed requests.
func (u *uring) reap(b *burst) int {
	head, tail := *u.cqHead, atomic.LoadUint32(u.cqTail)
	n := int(tail - head)
	for ; head != tail; head++ {
		c := &u.cqes[int(head)&(len(u.cqes)-1)]
		b.size[c.user] = c.result
	}
	atomic.StoreUint32(u.cqHead, head)
	return n
}

func (u *uring) close() {
	if u.rings != nil {
		_ = unix.Munmap(u.rings)
	}
	if u.entries != nil {
		_ = unix.Munmap(u.entries)
	}
	_ = unix.Close(u.fd)
}
