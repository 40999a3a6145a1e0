package sender

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// xdpKernel is the part of the kernel that a port uses besides the rings.
type xdpKernel interface {
	// wake makes the kernel process the transmit ring.
	wake() unix.Errno
	// invalid returns how many descriptors the kernel has skipped as invalid since the socket
	// was opened. ok is false if the number is not available.
	invalid() (n uint64, ok bool)
}

// xdpSocket is the file descriptor of an AF_XDP socket.
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
