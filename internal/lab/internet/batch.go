package internet

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	etherLen  = 14
	maxPacket = 1600
	batchSize = 64
	frameRoom = 2048
)

// batch sends frames by sendmmsg(2).
type batch struct {
	fd     int
	n      int
	frames [batchSize][frameRoom]byte
	iov    [batchSize]unix.Iovec
	msgs   [batchSize]struct {
		unix.Msghdr
		sent uint32
		_    [4]byte
	}
}

func (b *batch) init(fd int) {
	b.fd = fd
	for i := range b.msgs {
		b.iov[i].Base = &b.frames[i][0]
		b.msgs[i].Iov, b.msgs[i].Iovlen = &b.iov[i], 1
	}
}

// next returns the buffer of the next frame. commit adds that frame with its length and reports
// whether the batch is full.
func (b *batch) next() []byte { return b.frames[b.n][:] }

func (b *batch) commit(length int) (full bool) {
	b.iov[b.n].SetLen(length)
	b.n++
	return b.n == batchSize
}

// flush sends all frames and returns how many the kernel did not accept.
func (b *batch) flush() (lost int) {
	for from := 0; from < b.n; {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(b.fd), uintptr(unsafe.Pointer(&b.msgs[from])),
			uintptr(b.n-from), 0, 0, 0)
		switch {
		case errno == unix.EINTR:
		case errno != 0: // this frame is lost, as on a real network
			lost++
			from++
		default:
			from += int(n)
		}
	}
	b.n = 0
	return lost
}

// waitFor waits for any of the files to be ready, at most ns.
func waitFor(files []unix.PollFd, ns int64) {
	timeout := unix.NsecToTimespec(ns)
	_, _ = unix.Ppoll(files, &timeout, nil)
}

// nap sleeps ns, with much less delay than Go's own timers.
func nap(ns int64) {
	t := unix.NsecToTimespec(ns)
	_ = unix.Nanosleep(&t, nil)
}
