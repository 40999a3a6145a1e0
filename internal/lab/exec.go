package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// envPoint is the environment variable with the name of the namespace that Exec runs a command in.
const envPoint = "MASSTRACE_VANTAGE_POINT"

// ErrNoNamespace is wrapped by errors about a namespace without that name.
var ErrNoNamespace = errors.New("no namespace has that name here")

// Exec replaces this process by a command in the network namespace of that name, as "ip netns exec"
// does. It returns only on failure.
func Exec(name string, command []string) error {
	if name == "" || name != filepath.Base(name) {
		return fmt.Errorf("%w: %q", ErrNoNamespace, name)
	}
	if _, err := os.Stat(filepath.Join(netnsDir, name)); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %q", ErrNoNamespace, name)
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	runtime.LockOSThread() // until the command replaces it
	if err := enter(name); err != nil {
		return err
	}
	if err := ownSys(); err != nil {
		return err
	}
	if err := os.Setenv(envPoint, name); err != nil {
		return err
	}
	if err := syscall.Exec(path, command, os.Environ()); err != nil {
		return fmt.Errorf("start %s: %w", path, err)
	}
	return nil
}

// ownSys mounts a /sys that shows the links of the calling thread's namespace. Without it, all else
// works just as well.
func ownSys() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	err := unix.Mount("sysfs", "/sys", "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	if err != nil && !refused(err) {
		return fmt.Errorf("mount /sys: %w", err)
	}
	return nil
}
