// Package netns gives tests network namespaces of their own, without a way out. It also makes the
// links, the sockets, and the threads in other namespaces that the tests need. Each function
// fails or skips the test that it is given.
package netns

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Enter puts the test's goroutine into a network namespace of its own, on a thread that
// ends with the goroutine. The loopback link is up there, and IPv6 addresses can be used
// at once: the kernel does not look for duplicates of them.
func Enter(t testing.TB) {
	t.Helper()
	enter(t)
	if err := set6("accept_dad", "0"); err != nil {
		t.Skipf("needs IPv6 and a writable /proc/sys: %v", err)
	}
	Up(t, "lo")
}

// EnterQuiet is like Enter, into a namespace without IPv6: the kernel sends no packet of
// its own there.
func EnterQuiet(t testing.TB) {
	t.Helper()
	enter(t)
	_ = set6("disable_ipv6", "1") // a kernel without IPv6 is as quiet
}

func enter(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for network namespaces")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("needs CAP_SYS_ADMIN, for network namespaces: %v", err)
	}
}

// set6 writes a setting of IPv6 for all links, those to come as well.
func set6(name, value string) error {
	for _, links := range []string{"all", "default"} {
		path := filepath.Join("/proc/sys/net/ipv6/conf", links, name)
		if err := os.WriteFile(path, []byte(value), 0); err != nil {
			return err
		}
	}
	return nil
}

// Peer is another network namespace, with a goroutine that lives in it.
type Peer struct {
	jobs chan func() error
	errs chan error
	fd   int
}

// NewPeer makes a namespace beside the test's, with IPv6 as after Enter. It lasts until
// the test ends.
func NewPeer(t testing.TB) *Peer {
	t.Helper()
	return start(t, func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		return set6("accept_dad", "0")
	})
}

// Within runs f on a thread in the namespace of that name (see ip-netns(8)): sockets that
// it opens belong there.
func Within(t testing.TB, name string, f func() error) {
	t.Helper()
	start(t, func() error {
		fd, err := unix.Open(filepath.Join("/run/netns", name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open namespace %s: %w", name, err)
		}
		defer unix.Close(fd)
		return unix.Setns(fd, unix.CLONE_NEWNET)
	}).Do(t, f)
}

// start starts a goroutine on a thread of its own, which enters a namespace and then runs the
// functions that Do gives it. The thread ends with the goroutine: it is not unlocked.
func start(t testing.TB, enter func() error) *Peer {
	t.Helper()
	p := &Peer{jobs: make(chan func() error), errs: make(chan error), fd: -1}
	go func() {
		defer close(p.errs)
		runtime.LockOSThread()
		for job := range p.jobs {
			p.errs <- job()
		}
	}()
	t.Cleanup(func() {
		close(p.jobs)
		<-p.errs
		if p.fd >= 0 {
			unix.Close(p.fd)
		}
	})
	p.Do(t, enter)
	p.Do(t, func() (err error) {
		p.fd, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		return err
	})
	return p
}

// Do runs f in the peer's namespace and waits for it.
func (p *Peer) Do(t testing.TB, f func() error) {
	t.Helper()
	p.jobs <- f
	must(t, <-p.errs)
}

// Handle returns the namespace as a link is moved or added to it.
func (p *Peer) Handle() netlink.NsFd { return netlink.NsFd(p.fd) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
