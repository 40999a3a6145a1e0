package sender

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fakeXDP is the kernel's side of an AF_XDP socket that copies frames. In each call it does a
// random part of the actions of a kernel. It may take descriptors or not, store its counter late,
// drop a frame that it took, or fail.
type fakeXDP struct {
	*rand.Rand
	x        *XDP
	up       bool   // fail only as a link that is up may fail
	consumed uint32 // count of the transmit ring; its shared counter may be lower
	passed   uint64
	done     []uint64 // addresses not yet in the completion ring
	left     []uint32 // the frames that left, by number
}

// heapRing returns a ring that is not shared with a kernel.
func heapRing(size int, entryLen uintptr) xdpRing {
	entries := make([]uint64, size*int(entryLen)/8)
	return xdpRing{
		mask: uint32(size - 1), entries: unsafe.Pointer(&entries[0]),
		producer: new(uint32), consumer: new(uint32), flags: new(uint32),
	}
}

func newFakeXDP(seed uint64) (*XDP, *fakeXDP) {
	k := &fakeXDP{Rand: rand.New(rand.NewPCG(seed, 3)), up: true}
	k.x = &XDP{
		kernel: k, memory: make([]byte, xdpFrames*frameRoom),
		tx: heapRing(xdpRoom, unsafe.Sizeof(unix.XDPDesc{})), cq: heapRing(xdpFrames, 8),
	}
	k.x.divide()
	return k.x, k
}

func (k *fakeXDP) invalid() (uint64, bool) { return k.passed, true }

func (k *fakeXDP) wake() unix.Errno {
	defer k.complete()
	if !k.up && k.IntN(2) == 0 {
		return unix.ENETDOWN
	}
	for range 1 + k.IntN(xdpBudget) {
		if k.consumed == *k.x.tx.producer {
			*k.x.tx.consumer = k.consumed
			return 0
		}
		d := *k.x.tx.desc(k.consumed)
		k.consumed++
		if k.IntN(4) == 0 {
			*k.x.tx.consumer = k.consumed
		}
		if d.Addr >= uint64(len(k.x.memory)) {
			k.passed++
			return 0
		}
		k.done = append(k.done, d.Addr)
		if k.IntN(8) == 0 {
			return unix.EBUSY // and drops it
		}
		k.left = append(k.left, binary.NativeEndian.Uint32(k.x.memory[d.Addr+ethernetLen:]))
	}
	return []unix.Errno{0, unix.EAGAIN}[k.IntN(2)]
}

// complete completes frames that were taken.
func (k *fakeXDP) complete() {
	for len(k.done) > 0 && k.IntN(4) > 0 {
		at := *k.x.cq.producer & k.x.cq.mask
		*(*uint64)(unsafe.Add(k.x.cq.entries, uintptr(at)*8)) = k.done[0]
		*k.x.cq.producer++
		k.done = k.done[1:]
	}
}

// With any behaviour of the kernel, Send returns a valid result, no memory holds two frames, and
// each frame leaves in order.
func TestXDPModel(t *testing.T) {
	const frames = 500
	for seed := range uint64(300) {
		x, k := newFakeXDP(seed)
		steady := seed%3 == 0 // then each frame leaves exactly once
		sizes := make([]int, MaxBatch)
		for i := range sizes {
			sizes[i] = 40
		}
		for next, tries := 0, 0; next < frames; tries++ {
			k.up = steady || k.IntN(3) > 0
			n := min(1+k.IntN(MaxBatch), frames-next)
			from := k.IntN(MaxBatch - n + 1) // the frames before it have left
			for i := range n {
				binary.NativeEndian.PutUint32(x.Packet(from+i, true), uint32(next+i))
			}
			sent, err := x.Send(sizes, from, from+n)
			if sent < 0 || sent > n || sent == 0 && err == nil || tries > 100*frames {
				t.Fatalf("seed %d: Send of %d frames = %d, %v, after %d calls", seed, n, sent, err, tries)
			}
			if err != nil && !isBusy(err) && !errors.Is(err, unix.ENETDOWN) {
				t.Fatalf("seed %d: Send = %v", seed, err)
			}
			next += sent
			checkMemory(t, x)
		}
		expect := uint32(0)
		for i, frame := range k.left {
			if frame != expect && (steady || frame > expect) {
				t.Fatalf("seed %d: frame %d leaves as number %d, expected %d", seed, frame, i, expect)
			}
			expect = max(expect, frame+1)
		}
		if expect != frames {
			t.Errorf("seed %d: frames from %d on never left", seed, expect)
		}
		k.up = true
		for len(k.done)+len(x.unsure) > 0 {
			_, _ = x.pass() // may need several calls
		}
		if x.reap(); len(x.free) != xdpFrames {
			t.Errorf("seed %d: %d frames of the memory are lost", seed, xdpFrames-len(x.free))
		}
	}
}

// checkMemory checks that no frame of the memory is free twice.
func checkMemory(t *testing.T, x *XDP) {
	t.Helper()
	var seen [xdpFrames]bool
	for _, at := range x.free {
		if seen[at] {
			t.Fatalf("the frame %d of the memory is free twice", at)
		}
		seen[at] = true
	}
}

// The driver drops a frame that the kernel's counter does not include yet. The link goes down
// before the kernel has skipped the rest.
func TestXDPBusyAndDown(t *testing.T) {
	x, _ := newFakeXDP(0)
	x.kernel = &scriptedXDP{unix.EBUSY, unix.ENETDOWN}
	if n, err := x.Send([]int{40, 40}, 0, 2); n != 0 || !isBusy(err) {
		t.Errorf("Send = %d, %v; want none and busy", n, err)
	}
}

// scriptedXDP takes no descriptor, and fails with the listed errors in turn.
type scriptedXDP []unix.Errno

func (k *scriptedXDP) wake() unix.Errno {
	errno := (*k)[0]
	*k = (*k)[1:]
	return errno
}

func (k *scriptedXDP) invalid() (uint64, bool) { return 0, true }
