// Package lab runs a command inside namespaces of its own. Their network is connected to nothing
// else: packets sent in it cannot leave it.
//
// Run starts the running binary again as pid 1 of new network, pid and mount namespaces. It also
// makes a new user namespace if we are not root. That process, see Init, builds the network with
// a [Setup], starts the command, and ends with it. The namespaces have no name, and no process
// outside holds them. So the kernel removes all of it after pid 1 has ended, even if it or its
// parent was killed.
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

// ErrUnavailable is wrapped by errors that mean that this machine does not allow namespaces:
// neither as root nor with a user namespace.
var ErrUnavailable = errors.New("no namespaces of our own")

// Setup is a network that can be built inside the namespaces.
type Setup struct {
	Name string

	// Answers lists the addresses in the network that answer probes, for people.
	Answers string

	// Build builds the network. It runs in pid 1 of the namespaces, before the command starts,
	// with loopback up and no other link. option is the caller's Config.Option. Processes and
	// goroutines that Build starts live as long as the command. Build may start processes only
	// until it returns: after that, pid 1 reaps every child that ends.
	//
	// If end is not nil, it is called after the command has ended, before the namespaces are
	// removed. Its error is printed on stderr.
	Build func(ctx context.Context, option string) (end func() error, err error)
}

// Config selects the command to run and the network.
type Config struct {
	Setup   string // name of a Setup given to Init; "" is loopback alone
	Option  string // passed unchanged to the Setup
	Command []string

	// The streams of the command. A nil stream is our own.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Constants that the child starts with: its name, and two pipes. Nothing is ever written to the
// first; its end means that the parent has ended. The second carries the reason why the command
// could not be started.
const (
	initName    = "masstrace-lab-init"
	fdAlive     = 3
	fdReport    = 4
	statusNoRun = 127 // as in shells, for a command that cannot be started
)

// forwarded returns the signals that are passed on to the command: those of the list that this
// process does not ignore. nohup(1), for example, ignores one.
func forwarded() []os.Signal {
	all := []os.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2}
	return slices.DeleteFunc(all, signal.Ignored)
}

// Run runs cfg.Command in new namespaces and returns its exit status, or 128 plus the signal's
// number if a signal ended it. An error means that the command did not run (the status is then 127)
// or did not run to its end. Meanwhile, signals that would end this process go to the command
// instead. When ctx ends, all processes of the lab are killed. So ctx should not end on a signal
// that the command should handle.
//
// The caller's main must have called Init with the setup.
func Run(ctx context.Context, cfg Config) (status int, err error) {
	if len(cfg.Command) == 0 {
		return statusNoRun, errors.New("no command to run")
	}
	// The kernel sends the child's death signal when the thread that started it ends. So that
	// thread must stay ours until the child ends.
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
		// Root in a container may lack the capability but still be allowed to make a user
		// namespace.
	}
	return runFlags(ctx, cfg, unix.CLONE_NEWUSER, tty, signals)
}

// runFlags is Run with additional namespaces.
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
	// Our copies of the child's ends would prevent the end of the report.
	aliveChild.Close()
	reportChild.Close()

	ended := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				_ = cmd.Process.Signal(s) // fails only if the child has ended
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

// attributes returns the attributes of the child: pid 1 of its own namespaces, killed when we end.
// It is in its own process group, so that a signal to our group reaches the command once, through
// us, and not twice.
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

// refused reports whether err means that we may not make the namespaces. Other errors mean a
// failure. ENOSPC means that the limit of namespaces is zero.
func refused(err error) bool {
	for _, e := range []error{unix.EPERM, unix.EACCES, unix.ENOSPC, unix.ENOSYS, unix.EINVAL} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// exitStatus returns the status that a shell would report.
func exitStatus(ws syscall.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}
