package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// resolvConf sends every query to a name server in the lab. Without one, queries are refused at
// once, so that no program waits for a name server that it cannot reach.
const resolvConf = "# Mounted by masstrace lab.\nnameserver 127.0.0.1\noptions timeout:2 attempts:2\n"

// privateResolver mounts files that make programs ask the name server in the lab: resolv.conf, and
// nsswitch.conf without services outside the lab, such as systemd-resolved. A file that does not
// exist is not needed: the C library then asks 127.0.0.1.
func privateResolver() error {
	// The mount is hidden as soon as the files are in their places.
	if err := unix.Mount("resolver", netnsDir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0755"); err != nil {
		return fmt.Errorf("mount files of resolver: %w", err)
	}
	err := errors.Join(
		replaceFile("/etc/resolv.conf", func(string) string { return resolvConf }),
		replaceFile("/etc/nsswitch.conf", dnsOnly),
	)
	if unmountErr := unix.Unmount(netnsDir, unix.MNT_DETACH); err == nil && unmountErr != nil {
		err = fmt.Errorf("hide files of resolver: %w", unmountErr)
	}
	return err
}

// replaceFile mounts a file with the changed text of path at path, if there is one. If the kernel
// refuses the mount, names do not work, and the lab is isolated just as well.
func replaceFile(path string, change func(text string) string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil // without the file the C library has a default
	}
	copied := filepath.Join(netnsDir, filepath.Base(path))
	if err := os.WriteFile(copied, []byte(change(string(text))), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", copied, err)
	}
	if err := unix.Mount(copied, path, "", unix.MS_BIND, ""); err != nil && !refused(err) {
		return fmt.Errorf("mount %s: %w", path, err)
	}
	return nil
}

// dnsOnly returns the text of nsswitch.conf(5) with /etc/hosts and the DNS as the only sources of
// names of hosts.
func dnsOnly(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if name, _, _ := strings.Cut(line, ":"); strings.TrimSpace(name) != "hosts" {
			b.WriteString(line)
		}
	}
	return strings.TrimSuffix(b.String(), "\n") + "\nhosts: files dns\n"
}
