package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// trial is an installation in an empty Debian system: a folder with Debian's minimal packages, in
// which the commands of the README run after chroot(2).
type trial struct {
	steps   []step
	skipped string // why there was no trial
}

// step is a part of a trial.
type step struct {
	name string
	took time.Duration
}

// trialTitle is the title of the trial's section.
const trialTitle = "Installation in an empty system"

// release is the Debian release of the trial.
const release = "bookworm"

// The scripts that run in the new system, in the folder of the clone. Each must succeed.
var trialScripts = []struct{ name, script string }{
	{"`./start demo`: packages, toolchain, modules, build, scan in the lab, verdict", "./start demo"},
	{"`./start deb`: Debian package", "./start deb"},
	{"install the package, without setcap", `
		apt-get install --yes --no-install-recommends ./out/masstrace_*.deb 2>&1 | tee out/install.log
		command -v setcap || grep -q 'setcap cap_net_raw+ep /usr/bin/masstrace' out/install.log
		cd /
		/usr/bin/masstrace --version | grep '^masstrace [0-9]'
		/usr/bin/masstrace lab -- masstrace trace 45.150.1.206 | grep 45.150.1.206
		test -s /usr/share/man/man1/masstrace.1.gz
		test -s /usr/share/man/man1/masstrace-scan.1.gz
		test -s /usr/share/bash-completion/completions/masstrace
		test -s /usr/share/doc/masstrace/copyright`},
	{"configure it again, with setcap", `
		apt-get install --yes --no-install-recommends libcap2-bin
		/var/lib/dpkg/info/masstrace.postinst configure
		getcap /usr/bin/masstrace | grep cap_net_raw=ep`},
	{"remove the package", `
		apt-get remove --purge --yes masstrace
		cd /
		! ls -d /usr/bin/masstrace /usr/share/man/man1/masstrace* /usr/share/doc/masstrace 2>/dev/null`},
}

// run makes the system, runs the scripts, and removes all of it.
func (t *trial) run() (err error) {
	if _, err := exec.LookPath("debootstrap"); err != nil {
		t.skipped = "debootstrap is not installed"
		return nil
	}
	if os.Geteuid() != 0 {
		t.skipped = "debootstrap needs root"
		return nil
	}
	root, err := os.MkdirTemp("", "masstrace-root-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove(root)) }()
	if err := t.prepare(root); err != nil {
		return err
	}
	for _, s := range trialScripts {
		if err := t.time(s.name, inside(root, s.script)); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes the system and puts a clone of the last commit into it.
func (t *trial) prepare(root string) error {
	bootstrap := exec.Command("debootstrap", "--variant=minbase", release, root)
	bootstrap.SysProcAttr = privateMounts()
	if err := t.time("debootstrap --variant=minbase "+release, bootstrap); err != nil {
		return err
	}
	if err := t.time("git clone", exec.Command("git", "clone", "--quiet", "--no-hardlinks", ".", filepath.Join(root, "masstrace"))); err != nil {
		return err
	}
	for from, to := range map[string]string{"/etc/resolv.conf": "/etc/resolv.conf", authorities: trialAuthorities} {
		text, err := os.ReadFile(from)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(root, to), text, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// The certificate authorities of this machine, which may include that of its module proxy, and
// their place in the new system.
const (
	authorities      = "/etc/ssl/certs/ca-certificates.crt"
	trialAuthorities = "/authorities.crt"
)

// privateMounts gives a command a mount namespace of its own, so that its mounts end with it.
func privateMounts() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
}

// inside returns a command that runs a script in the system.
func inside(root, script string) *exec.Cmd {
	const enter = `
		mount -t proc proc "$1/proc"
		mount -t sysfs sysfs "$1/sys"
		mount --rbind /dev "$1/dev"
		exec chroot "$1" /bin/bash -euo pipefail -c "cd /masstrace; $2"`
	cmd := exec.Command("/bin/bash", "-euc", enter, "bash", root, script)
	cmd.SysProcAttr = privateMounts()
	cmd.Env = append(os.Environ(), "HOME=/root", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8")
	if _, err := os.Stat(filepath.Join(root, trialAuthorities)); err == nil {
		cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+trialAuthorities)
	}
	// The settings of "go env -w" on this machine, such as a module proxy.
	for _, name := range []string{"GOPROXY", "GOSUMDB"} {
		if value, err := exec.Command("go", "env", name).Output(); err == nil {
			cmd.Env = append(cmd.Env, name+"="+strings.TrimSpace(string(value)))
		}
	}
	return cmd
}

// time runs a command as a step.
func (t *trial) time(name string, cmd *exec.Cmd) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	fmt.Println("trial:", name)
	began := time.Now()
	err := cmd.Run()
	t.steps = append(t.steps, step{name, time.Since(began)})
	if err != nil {
		return fmt.Errorf("trial: %s: %w\n%s", name, err, out.Bytes()[max(0, out.Len()-4000):])
	}
	return nil
}

// remove removes the system, unless something is still mounted in it.
func remove(root string) error {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	if bytes.Contains(mounts, []byte(" "+root)) {
		return fmt.Errorf("trial: something is still mounted below %s", root)
	}
	return os.RemoveAll(root)
}

// section returns the section of the document, with an empty line before it.
func (t *trial) section(machine string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n\n", trialTitle)
	if t.skipped != "" {
		fmt.Fprintf(&b, "Skipped: %s.\n", t.skipped)
		return b.String()
	}
	fmt.Fprintf(&b, "Debian %s with its minimal packages alone, after chroot(2). Downloads are included.\n\n%s\n| step | s |\n|---|--:|\n", release, machine)
	for _, s := range t.steps {
		fmt.Fprintf(&b, "| %s | %.0f |\n", s.name, s.took.Seconds())
	}
	if len(t.steps) > 2 {
		fmt.Fprintf(&b, "\nFrom the empty system to the end of the demo: %.0f s.\n", (t.steps[1].took + t.steps[2].took).Seconds())
	}
	return b.String()
}
