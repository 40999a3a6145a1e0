package sender

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// ErrGone is the error of a run whose link was removed.
var ErrGone = errors.New("the link is gone")

// ErrDown is the cause of a stop: the link was down for too long.
var ErrDown = errors.New("the link was down for too long")

// ErrRefused means that the kernel forbids a packet. It does not mean that this process lacks a
// privilege: that error comes when the port is opened.
var ErrRefused = errors.New("the kernel refuses to send: a firewall (nftables, iptables, a BPF program) or a security module forbids it")

// ErrStuck means that the kernel accepts no frame, although the link is up.
var ErrStuck = errors.New("the kernel accepts no probe: its queue is full, or a filter of this machine drops probes")

// stuck returns ErrStuck with its cause, an error of the kernel.
func stuck(cause error) error { return fmt.Errorf("%w: %w", ErrStuck, cause) }

// errEnded means that a frame was given up because the run ended.
var errEnded = errors.New("the run ended")

// errPort means that a Port violated its contract.
var errPort = errors.New("the port miscounts frames")

// IsTemporary reports whether a frame that failed with err may be sent later.
func IsTemporary(err error) bool { return isBusy(err) || isDown(err) }

// IsRefused reports whether the kernel forbids a frame that failed with err.
func IsRefused(err error) bool { return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) }

// Refused returns ErrRefused with its cause, a kernel error for which IsRefused is true.
func Refused(cause error) error { return fmt.Errorf("%w: %w", ErrRefused, cause) }

// isBusy reports whether there is no room for a frame at the moment.
func isBusy(err error) bool {
	return errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR)
}

// isDown reports whether the link cannot carry frames.
func isDown(err error) bool {
	return errors.Is(err, unix.ENETDOWN) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV)
}
