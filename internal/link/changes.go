package link

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// changes is a netlink subscription that reports only that something changed. Its caller then reads
// the kernel's tables again. So a lost or misread message does no harm.
type changes struct {
	file *os.File
	buf  []byte
}

// subscribe opens a subscription to groups, a set of RTMGRP_….
func subscribe(groups uint32) (*changes, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("subscribe to netlink: %w", err)
	}
	// The descriptor does not block, so Go waits for it in its own poller.
	return &changes{file: os.NewFile(uintptr(fd), "netlink"), buf: make([]byte, 1<<14)}, nil
}

func (c *changes) close() { c.file.Close() }

// endWith makes the end of ctx interrupt wait. The returned function undoes that.
func (c *changes) endWith(ctx context.Context) (undo func() bool) {
	return context.AfterFunc(ctx, func() { c.file.SetReadDeadline(time.Unix(1, 0)) })
}

// drain discards the changes that wait already: one look at the tables sees all of them.
func (c *changes) drain() {
	raw, err := c.file.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Read(func(fd uintptr) bool {
		for {
			if _, _, err := unix.Recvfrom(int(fd), c.buf, unix.MSG_DONTWAIT); err != nil {
				return true
			}
		}
	})
}

// wait returns nil after a change, os.ErrDeadlineExceeded at until (zero means no limit), and ctx's
// error when ctx ends.
func (c *changes) wait(ctx context.Context, until time.Time) error {
	if err := c.file.SetReadDeadline(until); err != nil {
		return fmt.Errorf("wait for netlink: %w", err)
	}
	// If ctx ended before the deadline above was set, that overwrote the deadline of endWith.
	// If it ends after this check, endWith's deadline is the last one set.
	if ctx.Err() != nil {
		return ctx.Err()
	}
	_, err := c.file.Read(c.buf)
	if err == nil {
		c.drain()
	}
	switch {
	case err == nil, errors.Is(err, unix.ENOBUFS): // overflow: something changed
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("wait for netlink: %w", err)
	case until.IsZero() || time.Now().Before(until):
		return nil // a late interrupt from a context that is over: check again
	default:
		return os.ErrDeadlineExceeded
	}
}
