package link

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// ErrPermission says that packet sockets are not allowed to us.
var ErrPermission = errors.New("no permission for packet sockets (CAP_NET_RAW)")

// Permission returns err, of something that was to open sockets, unless it is the
// kernel's EPERM or EACCES, which it wraps, once, in ErrPermission with the command
// that helps. A file that may not be opened needs another permission: an error that
// names one is returned as it is. Errors of sending are not for Permission, since a
// firewall gives them the same numbers.
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

// MayCapture returns nil if this process may open packet sockets, which live
// captures and senders need, else an error as Permission gives it. It opens one
// that receives nothing, and closes it.
func MayCapture() error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return Permission(fmt.Errorf("open packet socket: %w", err))
	}
	return unix.Close(fd)
}
