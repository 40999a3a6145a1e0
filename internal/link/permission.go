package link

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// ErrPermission means that this process may not open packet sockets.
var ErrPermission = errors.New("no permission for packet sockets (CAP_NET_RAW)")

// Permission adds advice to err, an error of opening a socket. If err is the kernel's EPERM or
// EACCES, it wraps err, once, in ErrPermission with the command that helps. It returns all other
// errors unchanged. That includes an error that names a file, which needs another permission. Do
// not use it for errors of sending: a firewall causes the same error numbers.
func Permission(err error) error {
	_, file := errors.AsType[*fs.PathError](err)
	if file || errors.Is(err, ErrPermission) || !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES) {
		return err
	}
	self, lost := os.Executable()
	if lost != nil {
		self = "masstrace"
	}
	return fmt.Errorf("%w: %w; run as root, or once: sudo setcap cap_net_raw+ep %s", ErrPermission, err, self)
}

// MayCapture returns nil if this process may open packet sockets, which live captures and senders
// need. Otherwise it returns an error of Permission. It opens a packet socket that receives
// nothing, and closes it.
func MayCapture() error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return Permission(fmt.Errorf("open packet socket: %w", err))
	}
	return unix.Close(fd)
}
