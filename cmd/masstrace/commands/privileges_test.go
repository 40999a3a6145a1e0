package commands

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// privileges are the lines of a thread's status that list its rights.
func privileges(t *testing.T, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":\t"); ok {
			lines[name] = value
		}
	}
	return lines
}

// A running scan gives up every capability, on every thread, permanently. It then runs to
// its end, even if the link goes down.
func TestScanRenounces(t *testing.T) {
	t.Parallel()
	if !isolated(t, routers.Name, "") {
		return
	}
	restoreRoutes(t)
	out := outFile(t)
	p := start(t, nil, "scan", "45.80.0.0/18", "--rate=500", "--wait=300ms", "-o", out)
	p.await(" sent ")
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", p.cmd.Process.Pid))
	if err != nil || len(tasks) < 3 {
		t.Fatalf("threads %v, %v", tasks, err)
	}
	for _, path := range tasks {
		lines := privileges(t, path)
		for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
			if lines[set] != strings.Repeat("0", 16) {
				t.Errorf("%s: %s is %q", path, set, lines[set])
			}
		}
		if lines["NoNewPrivs"] != "1" {
			t.Errorf("%s: no_new_privs is %q", path, lines["NoNewPrivs"])
		}
	}
	do(t, "ip link set uplink0 down")
	p.await("uplink0: down: the run waits")
	do(t, "ip link set uplink0 up")
	do(t, "ip route replace default via 20.0.1.1 dev uplink0") // it went with the link
	p.await("uplink0: up: the run continues")
	p.end(0)
	if sum := mustRead(t, out).summary; sum.TxErrors > 0 || sum.Answered*2 < sum.Sent {
		t.Errorf("summary %+v; want all sent, most answered", sum)
	}
}

// A user other than root needs only CAP_NET_RAW. Other users may at most read the files.
func TestNetRawAlone(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	const nobody = 65534
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	// The umask takes nothing away.
	cmd := exec.Command("bash", "-c", `umask 0; exec -a masstrace /proc/self/fd/3 "$@"`, program,
		"scan", "45.16.0.9", "--wait=300ms", "-o", filepath.Join(dir, "out.ndjson"), "--pcap", filepath.Join(dir, "out.pcapng"))
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	cmd.ExtraFiles = []*os.File{self}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, AmbientCaps: []uintptr{unix.CAP_NET_RAW},
	}
	p := startCmd(t, cmd)
	p.end(0)
	if sum := mustRead(t, filepath.Join(dir, "out.ndjson")).summary; sum.Answered == 0 {
		t.Errorf("summary %+v, want answers", sum)
	}
	for name, want := range map[string]os.FileMode{"out.ndjson": 0o644, "out.pcapng": 0o644, "out.pcapng.key": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, want %v", name, info.Mode().Perm(), want)
		}
	}
}

// A scan that could not give up its capabilities later, for want of files or of /proc, ends before
// it touches its output.
func TestScanPreconditions(t *testing.T) {
	lab.Need(t, routers.Name)
	for name, tt := range map[string]struct{ before, want string }{
		"few files": {"ulimit -n 10", "ulimit -n"},
		"no /proc":  {"mount -t tmpfs none /proc", "mount /proc"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.ndjson")
			if err := os.WriteFile(out, []byte("yesterday\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("sh", "-c", tt.before+` && exec "$@"`, "sh", program, "scan", "45.1.2.3", "--overwrite", "-o", out)
			cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
			said, err := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() != 3 || !strings.Contains(string(said), tt.want) {
				t.Errorf("%v: %s", err, said)
			}
			if text, err := os.ReadFile(out); err != nil || string(text) != "yesterday\n" {
				t.Errorf("the output is %q, %v", text, err)
			}
		})
	}
}
