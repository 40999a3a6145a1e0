package sender

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// xdpKernel is what a port asks of the kernel besides the rings.
type xdpKernel interface {
	// wake tells that there is something in the ring.
	wake() unix.Errno
	// invalid returns how many descriptors the kernel ever passed over as invalid;
	// ok is false if it does not say.
	invalid() (n uint64, ok bool)
}

// xdpSocket is an AF_XDP socket, by its descriptor.
type xdpSocket int

func (fd xdpSocket) wake() unix.Errno {
	_, _, errno := unix.Syscall6(unix.SYS_SENDTO, uintptr(fd), 0, 0, unix.MSG_DONTWAIT, 0, 0)
	return errno
}

func (fd xdpSocket) invalid() (n uint64, ok bool) {
	var s unix.XDPStatistics
	err := getsockopt(int(fd), unix.XDP_STATISTICS, unsafe.Pointer(&s), unsafe.Sizeof(s))
	return s.Tx_invalid_descs, err == nil
}

func setsockopt(fd, option int, value unsafe.Pointer, size uintptr) error {
	_, _, errno := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_XDP, uintptr(option), uintptr(value), size, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func getsockopt(fd, option int, value unsafe.Pointer, size uintptr) error {
	length := uint32(size)
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_XDP, uintptr(option),
		uintptr(value), uintptr(unsafe.Pointer(&length)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
