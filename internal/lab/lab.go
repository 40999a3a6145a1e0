// Package lab runs a command inside namespaces of its own, with a network that
// has no way out: whatever is sent in there stays in there.
//
// Run re-executes the running binary as pid 1 of new network, pid and mount
// namespaces (and a user namespace where we are not root). That process, see
// Init, has a [Setup] build the network, starts the command, and ends with it.
// The namespaces have no name and no process outside, so that the kernel takes
// all of it away once pid 1 is gone, however it or its parent went.
package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrUnavailable is wrapped by errors that say that this machine does not let
// us have namespaces: neither root nor a user namespace.
var ErrUnavailable = errors.New("no namespaces of our own")

// Setup is a network that can be built inside the namespaces.
type Setup struct {
	Name string

	// Build builds the network. It runs in pid 1 of the namespaces, before
	// the command starts, with loopback up and nothing else there; option
	// is the caller's Config.Option. What it starts lives as long as the
	// command. It may start processes, but only until it returns: from
	// then on pid 1 reaps whatever ends.
	//
	// Unless it is nil, end is called when the command has ended, before
	// everything vanishes; its error is said on stderr.
	Build func(ctx context.Context, option string) (end func() error, err error)
}

// Config says what to run, in which network.
type Config struct {
	Setup   string // name of a Setup given to Init; "" is loopback alone
	Option  string // handed to the Setup as it is
	Command []string

	// The streams of the command. Those left nil are our own.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// What the child is started with: its name, and two pipes. Nobody ever writes
// to the first; its end means that the parent is gone. The second brings back
// why the command could not be started.
const (
	initName    = "masstrace-lab-init"
	fdAlive     = 3
	fdReport    = 4
	statusNoRun = 127 // as shells have it for a command that cannot be started
)

// forwarded are the signals that reach the command when we receive them: not
// those that we were told to ignore, as nohup(1) does.
func forwarded() []os.Signal {
	all := []os.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2}
	return slices.DeleteFunc(all, signal.Ignored)
}

// Run runs cfg.Command in new namespaces and returns its exit status, 128 plus
// the signal's number if a signal ended it. An error means that the command did
// not run (the status is then 127) or not to its end. While it runs, signals
// that would end us go to the command instead. When ctx ends, all of it is
// killed: ctx should not end on a signal that the command is to handle.
//
// The caller's main must have called Init with the setup.
func Run(ctx context.Context, cfg Config) (status int, err error) {
	if len(cfg.Command) == 0 {
		return statusNoRun, errors.New("no command to run")
	}
	// The kernel sends the child's death signal when the thread that
	// started it ends, so that thread has to stay ours until the child ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	signals := make(chan os.Signal, 8)
	signal.Notify(signals, forwarded()...)
	defer signal.Stop(signals)

	tty := claimTerminal(cfg.Stdin)
	defer tty.release()

	if os.Geteuid() == 0 {
		status, err = runFlags(ctx, cfg, 0, tty, signals)
		if !errors.Is(err, ErrUnavailable) {
			return status, err
		}
		// Root in a container may lack the capability, and still be
		// allowed a user namespace.
	}
	return runFlags(ctx, cfg, unix.CLONE_NEWUSER, tty, signals)
}

// runFlags is Run with extra namespaces to make.
func runFlags(ctx context.Context, cfg Config, flags uintptr, tty terminal, signals <-chan os.Signal) (int, error) {
	aliveChild, alive, err := os.Pipe()
	if err != nil {
		return statusNoRun, fmt.Errorf("make pipe: %w", err)
	}
	defer alive.Close()
	defer aliveChild.Close()
	report, reportChild, err := os.Pipe()
	if err != nil {
		return statusNoRun, fmt.Errorf("make pipe: %w", err)
	}
	defer report.Close()
	defer reportChild.Close()

	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = append([]string{initName, cfg.Setup, cfg.Option}, cfg.Command...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if cfg.Stdin != nil {
		cmd.Stdin = cfg.Stdin
	}
	if cfg.Stdout != nil {
		cmd.Stdout = cfg.Stdout
	}
	if cfg.Stderr != nil {
		cmd.Stderr = cfg.Stderr
	}
	cmd.ExtraFiles = []*os.File{aliveChild, reportChild} // fdAlive, fdReport
	cmd.SysProcAttr = attributes(flags, tty)

	if err := cmd.Start(); err != nil {
		if ctx.Err() == nil && refused(err) {
			err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return statusNoRun, fmt.Errorf("start in namespaces: %w", err)
	}
	// Our copies of the child's ends would keep the report from ending.
	aliveChild.Close()
	reportChild.Close()

	ended := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				_ = cmd.Process.Signal(s) // it fails only when the child has ended
			case <-ended:
				return
			}
		}
	}()
	defer close(ended)

	failure := readReport(report)
	err = cmd.Wait()
	switch {
	case failure != nil:
		return statusNoRun, failure
	case cmd.ProcessState == nil:
		return statusNoRun, fmt.Errorf("wait for namespaces: %w", err)
	}
	ws := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ws.Signaled() && ctx.Err() != nil {
		return exitStatus(ws), ctx.Err()
	}
	return exitStatus(ws), nil
}

// attributes describes the child: pid 1 of its own namespaces, killed with us.
// It is put in a process group of its own, so that a signal to our group
// reaches the command once, through us, and not twice.
func attributes(flags uintptr, tty terminal) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWNS | flags,
		Pdeathsig:  unix.SIGKILL,
		Setpgid:    true,
		Foreground: tty.claimed,
		Ctty:       tty.fd,
	}
	if flags&unix.CLONE_NEWUSER != 0 {
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return attr
}

// refused reports whether err says that we may not have the namespaces, rather
// than that something broke. ENOSPC is a limit of zero namespaces.
func refused(err error) bool {
	for _, e := range []error{unix.EPERM, unix.EACCES, unix.ENOSPC, unix.ENOSYS, unix.EINVAL} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// exitStatus is the status that a shell would report.
func exitStatus(ws syscall.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}
