package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests to the kernel for which x/sys has numbers but no functions (linux/if.h,
// linux/ethtool.h).
type (
	ethtoolValue struct{ cmd, _ uint32 } // data 0: off
	ethtoolReq   struct {
		name  [unix.IFNAMSIZ]byte
		value *ethtoolValue
		_     [16]byte // room for the other members of the union of struct ifreq
	}
)

const ethtoolSetTxChecksum = 0x17 // ETHTOOL_STXCSUM

// NoOffload makes the kernel compute checksums before packets leave by link, as real hardware
// requires. A veth accepts packets without complete checksums. Then routers would quote the
// incomplete checksum, by which Paris traceroutes identify probes.
func NoOffload(link string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	defer unix.Close(fd)
	value := ethtoolValue{cmd: ethtoolSetTxChecksum}
	req := ethtoolReq{value: &value}
	copy(req.name[:len(req.name)-1], link)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req)))
	runtime.KeepAlive(&value)
	if errno != 0 {
		return fmt.Errorf("turn off checksum offload of %s: %w", link, errno)
	}
	return nil
}

// linkUp sets a link up.
func linkUp(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq(name)
	if err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req); err != nil {
		return fmt.Errorf("set link %s up: %w", name, err)
	}
	return nil
}

// WriteSetting writes value to a file below /proc/sys, in the namespace of the calling thread. path
// is like net/ipv4/ip_forward. If this kernel does not have the setting, the error is
// [os.ErrNotExist].
func WriteSetting(path, value string) error {
	if err := os.WriteFile(filepath.Join("/proc/sys", path), []byte(value), 0); err != nil {
		return fmt.Errorf("set %s to %s: %w", path, value, err)
	}
	return nil
}
