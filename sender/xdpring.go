package sender

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// xdpRing is one of the rings that an AF_XDP socket shares with the kernel. Each side writes one
// counter and reads the other. Counters only increase, and wrap at 2³².
type xdpRing struct {
	memory   []byte
	producer *uint32
	consumer *uint32
	flags    *uint32
	mask     uint32
	entries  unsafe.Pointer
	own      uint32 // our counter; published or about to be
}

// newRing makes and maps the ring named by option. size is its number of entries, a power of two,
// of entryLen octets each. offset is its offset for mmap(2).
func newRing(fd, option, size int, at *unix.XDPRingOffset, entryLen int, offset int64) (xdpRing, error) {
	length := int(at.Desc) + size*entryLen
	memory, err := unix.Mmap(fd, offset, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return xdpRing{}, fmt.Errorf("map ring %d of an AF_XDP socket: %w", option, err)
	}
	word := func(at uint64) *uint32 { return (*uint32)(unsafe.Pointer(&memory[at])) }
	return xdpRing{
		memory: memory, mask: uint32(size - 1), entries: unsafe.Pointer(&memory[at.Desc]),
		producer: word(at.Producer), consumer: word(at.Consumer), flags: word(at.Flags),
	}, nil
}

func (r *xdpRing) unmap() {
	if r.memory != nil {
		_ = unix.Munmap(r.memory)
	}
}

// The transmit ring. The port fills it.

// desc returns the descriptor at a counter's value.
func (r *xdpRing) desc(counter uint32) *unix.XDPDesc {
	return (*unix.XDPDesc)(unsafe.Add(r.entries, uintptr(counter&r.mask)*unsafe.Sizeof(unix.XDPDesc{})))
}

// waiting returns how many descriptors the kernel has not taken, according to its counter.
func (r *xdpRing) waiting() int { return int(r.own - atomic.LoadUint32(r.consumer)) }

// room returns for how many more descriptors there is room.
func (r *xdpRing) room() int { return int(r.mask) + 1 - r.waiting() }

// publish makes the descriptors up to own visible to the kernel.
func (r *xdpRing) publish() { atomic.StoreUint32(r.producer, r.own) }

// needWakeup reports whether the kernel needs a system call to see new descriptors.
func (r *xdpRing) needWakeup() bool {
	return atomic.LoadUint32(r.flags)&unix.XDP_RING_NEED_WAKEUP != 0
}

// The completion ring. The port empties it.

// drain calls yield for every address in the ring.
func (r *xdpRing) drain(yield func(addr uint64)) {
	for end := atomic.LoadUint32(r.producer); r.own != end; r.own++ {
		yield(*(*uint64)(unsafe.Add(r.entries, uintptr(r.own&r.mask)*8)))
	}
	atomic.StoreUint32(r.consumer, r.own)
}
