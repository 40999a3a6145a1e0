package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

const ownNetwork = "/proc/thread-self/ns/net"

// NewNamespace makes a network namespace with a name, as "ip netns add" does. It runs inside a lab,
// so that the name ends with the lab. The loopback link of the namespace is up.
func NewNamespace(name string) error {
	path := filepath.Join(netnsDir, name)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDONLY, 0o444)
	if err != nil {
		return fmt.Errorf("name namespace: %w", err)
	}
	f.Close()
	return elsewhere(func() error { return unix.Unshare(unix.CLONE_NEWNET) }, func() error {
		if err := unix.Mount(ownNetwork, path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("name namespace %s: %w", name, err)
		}
		return linkUp("lo")
	})
}

// Within runs f on a thread in the network namespace of that name. Processes that f starts and
// sockets that it opens belong to that namespace. f must not start goroutines that do either.
func Within(name string, f func() error) error {
	return elsewhere(func() error { return enter(name) }, f)
}

// Away runs f on a thread in a new network namespace without a name. Sockets that it opens keep the
// namespace alive, and with it the links. move moves links there from the namespace of the calling
// thread; there is a file of the new one.
func Away(move func(there int) error, f func() error) error {
	there := -1
	err := elsewhere(func() error { return unix.Unshare(unix.CLONE_NEWNET) }, func() (err error) {
		there, err = unix.Open(ownNetwork, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return err
	}
	defer unix.Close(there)
	if err := move(there); err != nil {
		return err
	}
	return elsewhere(func() error { return unix.Setns(there, unix.CLONE_NEWNET) }, f)
}

// enter moves the calling thread to the network namespace of that name.
func enter(name string) error {
	there, err := unix.Open(filepath.Join(netnsDir, name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open namespace %s: %w", name, err)
	}
	defer unix.Close(there)
	if err := unix.Setns(there, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter namespace %s: %w", name, err)
	}
	return nil
}

// elsewhere runs f on a thread that leave has moved to another network namespace, and returns to
// that of the calling thread.
func elsewhere(leave, f func() error) error {
	runtime.LockOSThread()
	home, err := unix.Open(ownNetwork, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open own namespace: %w", err)
	}
	defer unix.Close(home)
	if err := leave(); err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer func() {
		// A thread that cannot return stays locked, and ends with its goroutine.
		if unix.Setns(home, unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
	}()
	return f()
}
