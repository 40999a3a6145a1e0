package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// An agent without the capability names it when it begins, and takes no slice that it could not trace.
func TestAgentNeedsNetRaw(t *testing.T) {
	lab.Need(t, routers.Name)
	const nobody = 65534
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	file, store := filepath.Join(dir, "paris.creds"), filepath.Join(dir, "agent")
	run("hub", "add-agent", "paris", "--store", filepath.Join(dir, "hub"), "--hub", "tls://127.0.0.1:4222", "-o", file)
	if err := os.Chown(file, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/proc/self/exe", "agent", "--creds", file, "--store", store)
	cmd.Args[0] = program
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	p := startCmd(t, cmd)
	p.end(3)
	p.says("no permission for packet sockets (CAP_NET_RAW)", "setcap cap_net_raw+ep")
	if _, err := os.Stat(store); !os.IsNotExist(err) {
		t.Errorf("the agent has made its folder: %v", err)
	}
}
