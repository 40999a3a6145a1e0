package link

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"
)

// Capabilities is a set of capabilities(7): bit n is capability n.
type Capabilities uint64

// Of returns the set of those given, unix.CAP_….
func Of(list ...int) (set Capabilities) {
	for _, c := range list {
		set |= 1 << c
	}
	return set
}

// Renounce permanently drops all capabilities of this process except those in keep, on all of its
// threads. It also drops the bounding set, as far as the process may change that. no_new_privs
// ensures that a program run by this process gets none.
//
// A capability belongs to a thread, not to a process. Package psx is how libcap's authors change
// those of all threads of a program with C in it at once.
func Renounce(keep Capabilities) error {
	have, err := capabilities()
	if err != nil {
		return err
	}
	if have&Of(unix.CAP_SETPCAP) != 0 {
		for c := uintptr(0); c < 64; c++ {
			if keep>>c&1 != 0 {
				continue
			}
			_, _, errno := psx.Syscall3(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0)
			if errno == unix.EINVAL {
				break // the kernel has no more capabilities
			}
			if errno != 0 {
				return fmt.Errorf("limit capabilities: %w", errno)
			}
		}
	}
	if _, _, errno := psx.Syscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("set no_new_privs: %w", errno)
	}
	keep &= have
	header := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := &[2]unix.CapUserData{
		{Effective: uint32(keep), Permitted: uint32(keep)},
		{Effective: uint32(keep >> 32), Permitted: uint32(keep >> 32)},
	}
	// The kernel writes to header only when it rejects the version.
	var pin runtime.Pinner
	pin.Pin(header)
	pin.Pin(data)
	defer pin.Unpin()
	_, _, errno := psx.Syscall3(unix.SYS_CAPSET, uintptr(unsafe.Pointer(header)), uintptr(unsafe.Pointer(data)), 0)
	if errno != 0 {
		return fmt.Errorf("give up capabilities: %w", errno)
	}
	return nil
}

// capabilities returns the permitted capabilities of the calling thread.
func capabilities() (Capabilities, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return 0, fmt.Errorf("read capabilities: %w", err)
	}
	return Capabilities(data[0].Effective) | Capabilities(data[1].Effective)<<32, nil
}
