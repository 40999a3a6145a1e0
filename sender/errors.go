package sender

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// ErrGone says that the link was removed while the run went on.
var ErrGone = errors.New("the link is gone")

// ErrRefused means that the kernel forbids a packet, and not that this process
// lacks a privilege: that shows when the port is opened.
var ErrRefused = errors.New("the kernel refuses to send: a firewall (nftables, iptables, a BPF program) or a security module forbids it")

// errPort means that a Port broke its contract.
var errPort = errors.New("the port miscounts frames")

// IsTemporary reports that a frame that met err may be sent later.
func IsTemporary(err error) bool { return isBusy(err) || isDown(err) }

// IsRefused reports that the kernel forbids a frame that met err.
func IsRefused(err error) bool { return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) }

// Refused returns ErrRefused with its cause, the kernel's error of a frame that
// IsRefused.
func Refused(cause error) error { return fmt.Errorf("%w: %w", ErrRefused, cause) }

// isBusy reports that there is no room for a frame at the moment.
func isBusy(err error) bool {
	return errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR)
}

// isDown reports that the link does not carry frames.
func isDown(err error) bool {
	return errors.Is(err, unix.ENETDOWN) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV)
}
