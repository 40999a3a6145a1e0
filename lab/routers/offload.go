package routers

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests of the kernel that x/sys has numbers for but no functions
// (linux/if.h, linux/ethtool.h).
type (
	ethtoolValue struct{ cmd, data uint32 }
	ethtoolReq   struct {
		name  [unix.IFNAMSIZ]byte
		value *ethtoolValue
		_     [16]byte // what else the union of struct ifreq may hold
	}
)

const ethtoolSetTxChecksum = 0x17 // ETHTOOL_STXCSUM

// noOffload makes the kernel put checksums into packets before they leave by
// device, as any real wire demands. A veth takes packets without, and then
// routers quote the unfinished checksum, which Paris traceroutes tell probes by.
func noOffload(device string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	defer unix.Close(fd)
	value := ethtoolValue{cmd: ethtoolSetTxChecksum}
	req := ethtoolReq{value: &value}
	copy(req.name[:len(req.name)-1], device)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req)))
	runtime.KeepAlive(&value)
	if errno != 0 {
		return fmt.Errorf("turn off checksum offload of %s: %w", device, errno)
	}
	return nil
}
