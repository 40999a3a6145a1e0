package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// netnsDir is the directory in which ip(8) stores the names of network namespaces.
const netnsDir = "/run/netns"

// privateMounts mounts a /proc that shows our pids, a /sys that shows our links, and an empty
// directory for names of network namespaces. privateResolver adds files. All mounts end with the
// mount namespace, and are not visible outside.
func privateMounts() error {
	if err := privateRoot(); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	const noExec = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("proc", "/proc", "proc", noExec, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	// /sys is only for information. Without it the lab is isolated just as well.
	if err := unix.Mount("sysfs", "/sys", "sysfs", noExec, ""); err != nil && !refused(err) {
		return fmt.Errorf("mount /sys: %w", err)
	}
	if _, err := os.Stat(netnsDir); errors.Is(err, os.ErrNotExist) {
		if err := copyRun(filepath.Dir(netnsDir)); err != nil {
			return err
		}
	}
	if err := unix.Mount("netns", netnsDir, "tmpfs", noExec, "mode=0755"); err != nil {
		return fmt.Errorf("mount %s: %w", netnsDir, err)
	}
	return privateResolver()
}

// privateRoot keeps the mounts of this namespace from all others. After chroot(2), / is no mount
// that could be made private. Then privateRoot makes it one: it mounts / below /proc, which is a
// mount in any case, and goes on in there.
func privateRoot() error {
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if !errors.Is(err, unix.EINVAL) {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	const base, root = "/proc", "/proc/root"
	for _, step := range []func() error{
		func() error { return unix.Mount("", base, "", unix.MS_REC|unix.MS_PRIVATE, "") },
		func() error { return unix.Mount("root", base, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755") },
		func() error { return os.Mkdir(root, 0o755) },
		func() error { return unix.Mount("/", root, "", unix.MS_BIND|unix.MS_REC, "") },
		func() error { return unix.Mount("", root, "", unix.MS_REC|unix.MS_PRIVATE, "") },
		func() error { return unix.Chroot(root) },
		func() error { return os.Chdir(dir) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// copyRun replaces dir (/run) by a new directory with the same entries and netnsDir. In the real
// directory, netnsDir would be visible outside, and could not be made without root.
func copyRun(dir string) error {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	defer unix.Close(fd)
	was := fmt.Sprintf("/proc/self/fd/%d", fd) // leads to the directory below the new mount
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list %s: %w", dir, err)
	}
	if err := unix.Mount("run", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("mount %s: %w", dir, err)
	}
	for _, e := range entries {
		from, to := filepath.Join(was, e.Name()), filepath.Join(dir, e.Name())
		if err := graft(from, to, e.Type()); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(netnsDir, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", netnsDir, err)
	}
	return nil
}

// graft makes the file or directory from appear at to. It skips an entry that no longer exists.
func graft(from, to string, kind os.FileMode) error {
	var err error
	switch {
	case kind&os.ModeSymlink != 0:
		var link string
		if link, err = os.Readlink(from); err == nil {
			err = os.Symlink(link, to)
		}
	case kind.IsDir():
		if err = os.Mkdir(to, 0o755); err == nil {
			err = unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, "")
		}
	default:
		if err = os.WriteFile(to, nil, 0o644); err == nil {
			err = unix.Mount(from, to, "", unix.MS_BIND, "")
		}
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("show %s: %w", to, err)
	}
	return nil
}
