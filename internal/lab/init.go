package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Init must be the first call in the main of a program that calls Run. In the process that Run
// starts, Init builds the network, runs the command, and never returns. In any other process it
// does nothing.
func Init(setups ...Setup) {
	if os.Args[0] != initName || len(os.Args) < 4 || os.Getpid() != 1 {
		return
	}
	os.Exit(run(setups, os.Args[1], os.Args[2], os.Args[3:]))
}

// run does all the work of pid 1 and returns the exit status.
func run(setups []Setup, name, option string, command []string) int {
	unix.CloseOnExec(fdAlive)
	unix.CloseOnExec(fdReport)
	report := os.NewFile(fdReport, "report")
	go endWithParent(os.NewFile(fdAlive, "alive"))

	var c child
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, forwarded()...)
	go c.forward(signals)

	end, err := prepare(setups, name, option)
	if err != nil {
		writeReport(report, err)
		return statusNoRun
	}
	pid, err := c.start(command, name)
	if err != nil {
		writeReport(report, fmt.Errorf("start command: %w", err))
		return statusNoRun
	}
	report.Close()
	status := reap(pid)
	if end != nil {
		if err := end(); err != nil {
			fmt.Fprintln(os.Stderr, "lab:", err)
		}
	}
	return status
}

// endWithParent ends pid 1, and with it all processes here, when the parent has ended. The death
// signal does the same, but it is lost if the parent ended before pid 1 could request it.
func endWithParent(alive *os.File) {
	_, _ = alive.Read(make([]byte, 1))
	os.Exit(128 + int(unix.SIGKILL))
}

// child is the command, for the goroutine that forwards signals to it.
type child struct {
	mu  sync.Mutex // held while the command is started
	pid int        // 0 until it runs
}

// start starts the command. A signal that arrives meanwhile waits for it: the command can
// run before we know its pid.
func (c *child) start(command []string, name string) (pid int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pid, err = start(command, name)
	return c.pid, err
}

// forward hands signals to the command. Before it is started they end pid 1.
func (c *child) forward(signals <-chan os.Signal) {
	for s := range signals {
		c.mu.Lock()
		pid := c.pid
		c.mu.Unlock()
		number := s.(syscall.Signal)
		if pid == 0 {
			os.Exit(128 + int(number))
		}
		_ = unix.Kill(pid, number) // it fails only when the command has ended
	}
}

// prepare makes the namespaces usable and builds the network. end is that of Build.
func prepare(setups []Setup, name, option string) (end func() error, err error) {
	if err := privateMounts(); err != nil {
		if refused(err) {
			err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return nil, err
	}
	if err := linkUp("lo"); err != nil {
		return nil, err
	}
	if name == "" {
		return nil, nil
	}
	i := slices.IndexFunc(setups, func(s Setup) bool { return s.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("no network is called %q", name)
	}
	// This context ends only with the process.
	if end, err = setups[i].Build(context.Background(), option); err != nil {
		return nil, fmt.Errorf("build network %s: %w", name, err)
	}
	return end, nil
}

// start starts the command in a process group of its own (see attributes), and in the foreground if
// the terminal was lent to us. The environment contains the name of the lab. start does not use
// os/exec, whose Wait would compete with reap.
func start(command []string, name string) (pid int, err error) {
	here, err := place(name)
	if err != nil {
		return 0, err
	}
	if err := os.Setenv(envInside, here); err != nil {
		return 0, err
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		return 0, err
	}
	attr := &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	}
	if tty := claimTerminal(nil); tty.claimed {
		attr.Sys.Foreground, attr.Sys.Ctty = true, tty.fd
	}
	return syscall.ForkExec(path, command, attr)
}

// reap collects every process that ends, orphans included, until the command ends. It returns the
// command's exit status.
func reap(command int) int {
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, syscall.WUNTRACED, nil)
		switch {
		case err == syscall.EINTR || pid != command:
		case err != nil:
			return statusNoRun // ECHILD: impossible while the command lives
		case ws.Stopped():
			// The command's shell is outside and cannot see that the command has
			// stopped, so it would never continue it.
			_ = unix.Kill(-command, unix.SIGCONT)
		default:
			return exitStatus(ws)
		}
	}
}
